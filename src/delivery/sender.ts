/**
 * Sends one lane: the batch at its front, one at a time, until there is nothing to send or reason to wait.
 *
 *   resting ──kick──▶ sending ⇄ pausing (lingering for company, paced by the drain, backing off)
 *      ▲                 │
 *      └──nothing to do, or until told: blocked, another lane probes──┘
 *
 * A lane has two senders. In order, only the first works: what is on disk goes before what is in memory. With backfill it sends what is in
 * memory, and the second what is on disk.
 * A batch that is rejected is bisected until the one event that is to blame is alone: that one becomes a dead letter. On any other failure
 * what was not confirmed stays where it is. Before a lane goes on behind a hole, it tells of it.
 */
import type { Message } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { describe, SinkError } from '../errors.ts';
import type { Log } from '../log.ts';
import { codeOf } from '../outage.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Entry } from './entry.ts';
import type { Health } from './health.ts';
import type { Keeper } from './keeper.ts';
import type { Lane, Source } from './lane.ts';
import type { Notices } from './notice.ts';
import type { Pacer } from './pacer.ts';

/** An event that opens a batch waits this long for those sampled with it, in milliseconds. */
const SETTLE_MS = 10;
/** Ranges in one notice at most. */
const NOTICE_RANGES_MAX = 200;

export interface SenderOptions {
  readonly batch: { readonly max_events: number; readonly max_bytes: number };
  /** The least time between two batches that are not full, in milliseconds. */
  readonly linger: number;
  readonly backfill: boolean;
  /** Whether what is sent must be on disk. */
  readonly always: boolean;
  /** An event that was sampled longer ago is dropped, in milliseconds. */
  readonly maxAge: number;
}

/** What the senders of a sink share. */
export interface SenderParts {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly keeper: Keeper;
  readonly pacer: Pacer;
  readonly notices: Notices;
  readonly dead: DeadLetters;
  options(): SenderOptions;
  /** Whether it ends, so that nothing waits for company. */
  flushing(): boolean;
  stopped(): boolean;
  paused(): boolean;
  /** Writes a batch over a connection, with a deadline. */
  write(batch: readonly Message[]): Promise<void>;
  onFailure(): void;
  /** Called when a sender is done with a batch. */
  onSettled(lane: Lane): void;
  /** Called when a sender comes to rest. */
  onRest(): void;
}

export type Role = 'first' | 'second';

export class Sender {
  readonly lane: Lane;
  readonly #role: Role;
  readonly #parts: SenderParts;
  #running = false;
  #again = false;
  #wake: (() => void) | undefined;
  #lastWrite = Number.NEGATIVE_INFINITY;
  /** What is in flight and neither confirmed nor given up. */
  #left: Message[] = [];

  constructor(lane: Lane, role: Role, parts: SenderParts) {
    this.lane = lane;
    this.#role = role;
    this.#parts = parts;
  }

  get resting(): boolean {
    return !this.#running;
  }

  /** Gives up what is in flight, because the service ends: how it ends is of no more interest. */
  abandon(): void {
    this.lane.losses.keep();
    this.lane.putBack(entriesOf(this.#left));
    this.#left = [];
  }

  /** Looks at once whether there is something to send. */
  kick(): void {
    this.#again = true;
    if (this.#wake) this.#wake();
    else if (!this.#running) void this.#run();
  }

  /** An event came in; a sender that lingers is only woken when its batch is full. */
  accepted(): void {
    if (!this.#running || (this.#wake && this.#full(this.#next))) this.kick();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      try {
        while (await this.#step());
      } catch (error) {
        // What the broker throws was dealt with; this is the disk, or a mistake of ours, and neither may end the lane.
        this.#parts.log.error({ sink: this.#parts.name, lane: this.lane.number, reason: describe(error) }, 'the lane stumbled');
        await this.#pause(1000);
        this.#again = true;
      }
    }
    this.#running = false;
    this.#parts.onRest();
  }

  get #next(): Source {
    if (this.#role === 'second') return 'disk';
    return this.lane.spooled > 0 && !this.#parts.options().backfill ? 'disk' : 'fresh';
  }

  /** Sends a batch, or waits a while. Says whether there may be more to do. */
  async #step(): Promise<boolean> {
    const { health, stopped } = this.#parts;
    if (stopped()) return false;
    const wait = this.#wait(this.#next);
    if (wait === undefined) return false;
    if (wait > 0) {
      await this.#pause(wait);
      return true;
    }
    const source = this.#next;
    const began = this.#parts.clock.monotonic();
    const batch = await this.#take(source);
    // Reading took a while, in which everything may have changed.
    if (stopped() || health.wait !== 0) {
      this.lane.putBack(batch);
      return !stopped();
    }
    if (batch.length === 0 && !this.#tells()) return false;
    this.#lastWrite = began;
    await this.#send(batch, source);
    return true;
  }

  /** How long until the next batch may go, in milliseconds; undefined until something happens. */
  #wait(source: Source): number | undefined {
    const { lane } = this;
    const { health, keeper, pacer, paused } = this.#parts;
    if (!keeper.ready || paused() || !this.#hasWork(source)) return undefined;
    const { wait } = health;
    if (wait !== 0) return wait;
    if (source === 'disk' && this.#paced(source)) return lane.spooled > 0 ? pacer.wait : 0;
    return this.#linger(source);
  }

  #hasWork(source: Source): boolean {
    const { lane } = this;
    if (this.#role === 'second' && !this.#parts.options().backfill) return false;
    // One batch of what is on disk at a time, whoever sends it.
    if (source === 'disk' && lane.busyTo > 0) return false;
    if (this.#tells()) return true;
    if (source === 'fresh') return !this.#parts.options().always && lane.freshCount > 0;
    return lane.spooled > 0 && (!this.#parts.options().always || lane.durable > lane.head);
  }

  /** Whether a notice waits and is this sender's to tell. */
  #tells(): boolean {
    return this.lane.losses.any && this.#role === 'first';
  }

  /** Whether the drain's rate holds: for what is on disk, unless everything is. */
  #paced(source: Source): boolean {
    return source === 'disk' && (!this.#parts.options().always || this.lane.draining);
  }

  #full(source: Source): boolean {
    const { max_events, max_bytes } = this.#parts.options().batch;
    const { lane } = this;
    return source === 'fresh' ? lane.freshCount >= max_events : lane.spooled >= max_events || lane.diskBytes >= max_bytes;
  }

  #linger(source: Source): number {
    const { clock, flushing, options } = this.#parts;
    if (flushing() || this.#full(source)) return 0;
    const { linger } = options();
    const { oldestFresh } = this.lane;
    const since = source === 'fresh' && oldestFresh ? oldestFresh.accepted : clock.monotonic() - SETTLE_MS;
    return Math.max(0, Math.max(since + Math.min(linger, SETTLE_MS), this.#lastWrite + linger) - clock.monotonic());
  }

  async #take(source: Source): Promise<Entry[]> {
    const { keeper, pacer, options, clock } = this.#parts;
    const { batch, always, maxAge } = options();
    const { lane } = this;
    const { events, bytes } = this.#paced(source)
      ? pacer.batch(batch.max_events, batch.max_bytes)
      : { events: batch.max_events, bytes: batch.max_bytes };
    let entries: Entry[];
    if (source === 'disk' && lane.head < lane.cacheFrom) {
      entries = keeper.spool && keeper.store ? lane.present(await keeper.spool.read(lane, events, bytes)) : [];
      lane.launch(entries);
    } else entries = lane.take(source, events, bytes, always);
    const oldest = clock.wall() - maxAge;
    const expired = entries.filter((entry) => entry.time < oldest);
    if (expired.length === 0) return entries;
    lane.drop(expired, 'expired');
    keeper.spool?.deleted(expired);
    keeper.work();
    return entries.filter((entry) => entry.time >= oldest);
  }

  /** Sends all of a batch but for what fails, with a notice of what went before it. */
  async #send(batch: readonly Entry[], source: Source): Promise<void> {
    const { lane } = this;
    const { notices, clock, health, stopped, onSettled } = this.#parts;
    this.#left = this.#role === 'second' ? batch.map((entry) => new Backfilled(entry)) : [...batch];
    const ranges = this.#tells() ? lane.losses.take(NOTICE_RANGES_MAX) : [];
    if (ranges.length > 0) this.#left.unshift(notices.make(lane.number, ranges, clock.wall()));
    let size = this.#left.length;
    while (this.#left.length > 0) {
      const piece = this.#left.slice(0, size);
      try {
        await health.call(async () => await this.#parts.write(piece));
        if (stopped()) return;
        this.#left = this.#left.slice(piece.length);
        this.#settle(piece, source);
        // The other half of what was rejected may be fine as a whole.
        size = Math.min(this.#left.length, 2 * size);
      } catch (error) {
        if (stopped()) return;
        size = this.#sift(piece, error, source);
      }
    }
    onSettled(lane);
  }

  /** Deals with a piece that failed, wholly or in part. Returns how large the next piece is to be. */
  #sift(piece: readonly Message[], error: unknown, source: Source): number {
    const confirmed = error instanceof SinkError ? error.confirmed : undefined;
    const rest = piece.filter((_, i) => !confirmed?.has(i));
    this.#left = [...rest, ...this.#left.slice(piece.length)];
    if (rest.length < piece.length) this.#settle(piece.filter((_, i) => confirmed?.has(i)), source);
    if (codeOf(error) !== 'rejected') this.#giveUp();
    else if (piece.length === 1 && rest.length === 1) {
      this.#left = this.#left.slice(1);
      this.#reject(rest[0] as Message, error);
    }
    return Math.max(1, rest.length >> 1);
  }

  #settle(piece: readonly Message[], source: Source): void {
    const { lane } = this;
    const { keeper, pacer, options } = this.#parts;
    const entries = entriesOf(piece);
    if (entries.length < piece.length) lane.losses.told();
    if (this.#paced(source)) pacer.went(entries.length, sizeOf(entries));
    lane.settle(entries, 'delivered');
    keeper.spool?.deleted(entries);
    // In `always` the disk is never empty; a batch's worth is no backlog.
    if (lane.spooled <= (options().always ? options().batch.max_events : 0)) lane.draining = false;
    if (lane.doomed.length > 0 || lane.losses.dirty) keeper.work();
  }

  #giveUp(): void {
    const { lane } = this;
    lane.losses.keep();
    lane.putBack(entriesOf(this.#left));
    this.#left = [];
    lane.draining = true;
    this.#parts.onFailure();
  }

  #reject(message: Message, error: unknown): void {
    const { log, name, dead, clock, keeper } = this.#parts;
    const { lane } = this;
    const [entry] = entriesOf([message]);
    log.warn({ sink: name, event: message.id, reason: describe(error) }, 'an event was rejected for good; it is kept as a dead letter');
    if (!entry) return lane.losses.told();
    lane.settle([entry], 'dead_lettered');
    dead.add(entry, describe(error), clock.wall());
    keeper.work();
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      // Timers know whole milliseconds; one that fires early would only be set again.
      const cancel = this.#parts.clock.after(Math.ceil(ms), () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        cancel();
        resolve();
      };
    });
  }
}

/** An entry that is sent beside newer ones. */
class Backfilled implements Message {
  readonly entry: Entry;
  readonly backfill = true;
  readonly id: string;
  readonly type: string;
  readonly time: number;
  readonly agent: string;
  readonly host: string;
  readonly sensor: string;
  readonly contentType: Message['contentType'];
  readonly body: Buffer;
  readonly lane: number;
  readonly seq: string;

  constructor(entry: Entry) {
    this.entry = entry;
    this.id = entry.id;
    this.type = entry.type;
    this.time = entry.time;
    this.agent = entry.agent;
    this.host = entry.host;
    this.sensor = entry.sensor;
    this.contentType = entry.contentType;
    this.body = entry.body;
    this.lane = entry.lane;
    this.seq = entry.seq;
  }
}

/** The entries among messages; a notice is none. */
function entriesOf(messages: readonly Message[]): Entry[] {
  const entries: Entry[] = [];
  for (const message of messages) {
    if (message instanceof Backfilled) entries.push(message.entry);
    else if (message.seq !== undefined) entries.push(message as Entry);
  }
  return entries;
}

const sizeOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);
