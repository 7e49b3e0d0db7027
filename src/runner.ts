/**
 * Runs one sink: a bounded queue, batches, a deadline on every call, retries, the ledger.
 *
 * States
 *   idle      nothing to send, or lingering until a batch is worth it; `publish` may end it
 *   sending   connecting or writing; one call at a time
 *   waiting   after a failure, for as long as the back-off says; or for the predecessor to end
 *   stopped   for good
 *
 * A batch is written at once when it is full, and otherwise at most every `batch.wait`, so that a quiet service writes little and the first
 * event never waits (`Pace`). A failed batch goes back to the front of the queue, where the queue's own rule decides what is lost when it fills up.
 * A batch that is rejected is bisected until the one event that is to blame is alone; that one is dropped. After a call that outlasted its
 * deadline the sink is opened anew: an old connection must not answer for a new one. Nothing a sink does reaches beyond its runner.
 */
import type { Clock } from './clock.ts';
import { codeOf, describe } from './errors.ts';
import type { TideEvent } from './event.ts';
import { Ledger } from './ledger.ts';
import type { Log } from './log.ts';
import { Outage } from './outage.ts';
import { Pace } from './pace.ts';
import { Queue } from './queue.ts';
import type { Failure, RunnerOptions, RunnerStatus } from './runner-types.ts';
import type { Sink } from './sink.ts';
import { SinkCounts } from './sink-counts.ts';
import { CLOSE_MS, endsSession, SinkSession } from './sink-session.ts';

export class Runner {
  readonly name: string;
  readonly #open: () => Sink;
  readonly #options: RunnerOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queue: Queue;
  readonly #ledger: Ledger;
  #session: SinkSession | undefined;
  #state: RunnerStatus['state'] = 'idle';
  #cancelTimer: (() => void) | undefined;
  readonly #pace: Pace;
  /** How many wait for the queue to be empty; while there are any, batches go out whether they are full or not. */
  #flushing = 0;
  /** Whether a successor waits for the call in progress to end. */
  #retiring = false;
  /** The runner that this one takes over from, until it has. */
  #predecessor: Runner | undefined;
  #takingOver: Promise<void> | undefined;
  readonly #outage: Outage;
  /** Its predecessor's too: a counter does not begin again because an option changed. */
  #counts = new SinkCounts();
  #onRest: (() => void)[] = [];

  /** `open` makes the sink, and makes it again after a call that outlasted its deadline. */
  constructor(name: string, open: () => Sink, options: RunnerOptions, clock: Clock, log: Log) {
    this.name = name;
    this.#open = open;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#queue = new Queue(options.queue);
    this.#ledger = new Ledger(clock);
    this.#outage = new Outage(name, options.backoff, clock, log);
    this.#pace = new Pace(clock, options.batch.wait, () => this.#start());
  }

  status(): RunnerStatus {
    return {
      state: this.#state,
      ledger: this.#account().view(),
      lostAt: this.#account().lostAt,
      queuedBytes: this.#queue.bytes,
      oldest: (this.#inFlight[0] ?? this.#queue.oldest)?.time,
      failures: this.#outage.failures,
      failingSince: this.#outage.since,
      reason: this.#outage.reason,
      lateAnswers: this.#counts.lateAnswers,
      counts: this.#counts.view(),
    };
  }

  /** The predecessor's included, as long as it has not handed it over. */
  #account(): Ledger {
    if (!this.#predecessor) return this.#ledger;
    const both = new Ledger(this.#clock);
    for (const part of [this.#predecessor.#account(), this.#ledger]) both.add(part);
    return both;
  }

  /** Takes an event. Never waits; what the queue cannot hold is dropped by its rule and counted. */
  publish(event: TideEvent): void {
    this.#ledger.publish();
    if (this.#state === 'stopped') return this.#ledger.drop('queued', 'shutdown', 1);
    this.#ledger.drop('queued', 'queue_full', this.#queue.push(event));
    this.#wake();
  }

  /** A round of samples begins, or is over: what it published need not wait for more. */
  round(over: boolean): void {
    this.#pace.round(over, this.#state === 'idle' && this.#queue.length > 0);
  }

  /** Resolves when everything published so far is delivered or dropped, or when `ms` are over. A sink that is waiting is tried at once. */
  async flush(ms: number): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#flushing++;
    if (this.#state === 'waiting' && !this.#predecessor) this.#start();
    else this.#wake();
    if (this.#state !== 'idle') await this.#rested(ms);
    this.#flushing--;
  }

  /** Flushes for up to `ms`, then closes the sink. What is left is dropped and counted. */
  async stop(ms: number): Promise<void> {
    await this.flush(ms);
    this.#state = 'stopped';
    this.#pace.stop();
    this.#cancelTimer?.();
    this.#ledger.drop('queued', 'shutdown', this.#queue.clear());
    this.#ledger.drop('in_flight', 'shutdown', this.#ledger.view().in_flight);
    this.#giveUp();
    await this.#takingOver;
    await this.#close(Math.min(CLOSE_MS, this.#options.timeout));
  }

  /** Takes over from the runner of the same sink with other options: its account and what it has not delivered, once its call in progress has ended. */
  async adopt(old: Runner): Promise<void> {
    this.#state = 'waiting';
    this.#predecessor = old;
    this.#counts = old.#counts;
    this.#takingOver = this.#takeOver(old);
    await this.#takingOver;
  }

  async #takeOver(old: Runner): Promise<void> {
    const { events, ledger } = await old.#retire();
    this.#predecessor = undefined;
    this.#ledger.add(ledger);
    if (this.#stopped()) return this.#ledger.drop('queued', 'shutdown', events.length);
    this.#ledger.drop('queued', 'queue_full', this.#queue.putBack(events));
    this.#rest();
  }

  async #retire(): Promise<{ events: readonly TideEvent[]; ledger: Ledger }> {
    this.#retiring = true;
    await this.#takingOver;
    if (this.#state === 'sending') await this.#rested(this.#options.timeout);
    this.#state = 'stopped';
    this.#pace.stop();
    this.#cancelTimer?.();
    // A call that is still in progress is given up: its events are sent again by the successor.
    this.#ledger.move('in_flight', 'queued', this.#inFlight.length);
    const events = [...this.#inFlight, ...this.#queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)];
    this.#inFlight = [];
    await this.#close();
    return { events, ledger: this.#ledger };
  }

  /** Nobody waits any longer for the call in progress to end, here or in a predecessor. */
  #giveUp(): void {
    if (this.#predecessor) this.#predecessor.#giveUp();
    for (const done of this.#onRest.splice(0)) done();
  }

  /** Resolves when nothing is in progress any more and nothing is to be sent, or after `ms`. */
  #rested(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#onRest.push(() => {
        cancel();
        resolve();
      });
    });
  }

  #full(): boolean {
    const { batch } = this.#options;
    return this.#queue.length >= batch.max_events || this.#queue.bytes >= batch.max_bytes;
  }

  /** Starts sending when there is reason to, or a timer until there is. */
  #wake(): void {
    if (this.#state !== 'idle' || this.#queue.length === 0) return;
    if (this.#flushing > 0 || this.#full()) return this.#start();
    this.#pace.event();
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#state = 'sending';
    void this.#run();
  }

  /** Sends until no batch is worth it any more, or until a failure. Never rejects. */
  async #run(): Promise<void> {
    do {
      this.#pace.wrote();
      const failure = await this.#sendOne();
      if (this.#stopped()) return;
      if (failure) return await this.#wait(failure.error);
    } while (this.#queue.length > 0 && !this.#retiring && (this.#flushing > 0 || this.#full()));
    this.#rest();
  }

  /** A call may have ended after the runner did. */
  #stopped(): boolean {
    return this.#state === 'stopped';
  }

  #rest(): void {
    this.#state = 'idle';
    if (this.#flushing > 0 && !this.#retiring) this.#wake();
    if (this.#state !== 'idle') return;
    for (const done of this.#onRest.splice(0)) done();
    if (!this.#retiring) this.#wake();
  }

  /** Connects if need be and writes one batch. Returns the failure, if it is one that waiting may mend. */
  async #sendOne(): Promise<Failure | undefined> {
    let session: SinkSession;
    try {
      session = this.#session ??= this.#newSession();
      await session.connect();
    } catch (error) {
      return { error };
    }
    const { max_age } = this.#options.queue;
    if (max_age !== undefined) this.#ledger.drop('queued', 'expired', this.#queue.expire(this.#clock.wall() - max_age));
    this.#inFlight = this.#queue.take(this.#options.batch.max_events, this.#options.batch.max_bytes);
    this.#ledger.move('queued', 'in_flight', this.#inFlight.length);
    return this.#inFlight.length === 0 ? undefined : await this.#write(session);
  }

  /** What was taken from the queue and is neither confirmed nor given up, in order. */
  #inFlight: TideEvent[] = [];

  /** Writes what is in flight, bisecting what is rejected. On any other failure all that is not delivered goes back to the queue. */
  async #write(session: SinkSession): Promise<Failure | undefined> {
    let size = this.#inFlight.length;
    while (this.#inFlight.length > 0) {
      const piece = this.#inFlight.slice(0, size);
      try {
        await session.write(piece);
        if (this.#stopped()) return undefined;
        this.#inFlight.splice(0, piece.length);
        this.#ledger.move('in_flight', 'delivered', piece.length);
        this.#outage.ended();
      } catch (error) {
        if (this.#stopped()) return undefined;
        if (codeOf(error) !== 'rejected') return this.#putBack(error);
        if (piece.length === 1) this.#reject(error);
        size = Math.max(1, piece.length >> 1);
        continue;
      }
      // The other half of what was rejected may be fine as a whole.
      size = Math.min(this.#inFlight.length, 2 * size);
    }
    return undefined;
  }

  #reject(error: unknown): void {
    const event = this.#inFlight.shift();
    this.#ledger.drop('in_flight', 'rejected', 1);
    this.#log.warn(
      { sink: this.name, event: event?.id, reason: describe(error) },
      'an event was rejected for good and is dropped',
    );
  }

  #putBack(error: unknown): Failure {
    const events = this.#inFlight;
    this.#inFlight = [];
    this.#ledger.move('in_flight', 'queued', events.length);
    this.#ledger.drop('queued', 'queue_full', this.#queue.putBack(events));
    return { error };
  }

  #newSession(): SinkSession {
    return new SinkSession(this.#open(), this.#options.timeout, this.#clock, this.#counts);
  }

  /** After a failure: lets go of the connection, says it once, and tries again when the back-off is over. */
  async #wait(error: unknown): Promise<void> {
    const delay = this.#outage.failed(error);
    await this.#close();
    if (endsSession(error)) this.#session = undefined;
    if (this.#stopped()) return;
    if (this.#retiring) return this.#rest();
    this.#state = 'waiting';
    this.#cancelTimer = this.#clock.after(delay, () => this.#start());
  }

  async #close(ms = this.#options.timeout): Promise<void> {
    try {
      await this.#session?.close(ms);
    } catch (error) {
      this.#log.debug({ sink: this.name, reason: describe(error) }, 'the sink did not close');
      if (endsSession(error)) this.#session = undefined;
    }
  }
}
