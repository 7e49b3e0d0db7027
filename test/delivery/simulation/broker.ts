/**
 * A simulated broker and the way to it: outages, slow and lost answers, partial batches, rejections, its own wish to wait.
 *
 * `arrived` is what the far end sees, in its order. A message is `doubtful` when the broker took it and nobody was told: its repeat is
 * no fault.
 */
import type { Broker, BrokerConnection, BrokerContext, Message } from '../../../src/broker.ts';
import { decodeJson } from '../../../src/codec/decode.ts';
import { LOSS_TYPE } from '../../../src/delivery/loss.ts';
import { SinkError } from '../../../src/errors.ts';
import type { FakeClock } from '../../clock.ts';
import type { Random } from './random.ts';

export interface Weather {
  /** Shares of calls, each from 0 to 1. */
  refuse: number;
  fail: number;
  hang: number;
  /** The broker takes all of a batch, and the answer is lost. */
  lose: number;
  /** It takes a part of a batch, and says so or not. */
  partial: number;
  misconfigured: number;
  /** The longest answer, in milliseconds. */
  latency: number;
}

export const FAIR: Weather = { refuse: 0, fail: 0, hang: 0, lose: 0, partial: 0, misconfigured: 0, latency: 5 };

export interface Arrival {
  readonly seq: string | undefined;
  readonly id: string;
  readonly backfill: boolean;
  readonly at: number;
  readonly lane: number;
  readonly notice: readonly LossRow[] | undefined;
}

export interface LossRow {
  readonly run: string;
  readonly lane: string;
  readonly reason: string;
  readonly first: number;
  readonly last: number | null;
  readonly events: number | null;
  readonly window: number | null;
}

export class SimulatedBroker {
  readonly #clock: FakeClock;
  readonly #random: Random;
  weather: Weather = { ...FAIR };
  readonly arrived: Arrival[] = [];
  readonly doubtful = new Set<string>();
  /** Messages without their own event in the body. */
  readonly hollow: string[] = [];
  /** What it said that it would never take. */
  readonly rejected = new Set<string>();
  /** Every how many-th event it never takes; 0 is none. */
  poison = 0;
  /** Writes under way at this moment, by lane, of the process that runs. */
  #writing = new Map<number, number>();
  #blockedReason: string | undefined;
  readonly #contexts = new Set<BrokerContext>();
  readonly #waiting = new Set<() => void>();

  constructor(clock: FakeClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** `alive` says whether the process that opens it still runs: a dead one neither sends nor hears anything. */
  open(context: BrokerContext, alive: () => boolean = () => true): Broker {
    this.#contexts.add(context);
    if (this.#blockedReason) context.blocked(this.#blockedReason);
    return {
      connect: async (signal) => await this.#connect(signal, alive),
      close: async () => {
        this.#contexts.delete(context);
        await Promise.resolve();
      },
    };
  }

  /** The agents that were connected are gone. */
  forget(): void {
    this.#contexts.clear();
    this.ended();
  }

  /** The process that ran has ended, and its writes are of no more interest. */
  ended(): void {
    this.#writing = new Map();
  }

  /** The most writes that any lane has under way. */
  get writing(): number {
    return Math.max(0, ...this.#writing.values());
  }

  block(reason: string | undefined): void {
    this.#blockedReason = reason;
    for (const context of this.#contexts) context.blocked(reason);
    if (reason !== undefined) return;
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  async #connect(signal: AbortSignal, alive: () => boolean): Promise<BrokerConnection> {
    if (!alive()) return await new Promise(() => {});
    const { weather } = this;
    const [refused, wrong, hangs] = [weather.refuse, weather.misconfigured, weather.hang].map((share) =>
      this.#random.chance(share),
    );
    await this.#wait(this.#random.below(weather.latency + 1), signal);
    if (hangs) await this.#never(signal);
    if (wrong) throw new SinkError('misconfigured', 'access refused');
    if (refused) throw new SinkError('transient', 'connection refused');
    let open = true;
    const closed = new AbortController();
    return {
      write: async (batch, aborted) => {
        if (!open) throw new Error('this connection is closed');
        const [writing, lane] = [alive() ? this.#writing : new Map<number, number>(), batch[0]?.lane ?? 0];
        writing.set(lane, (writing.get(lane) ?? 0) + 1);
        try {
          await this.#write(batch, AbortSignal.any([aborted, closed.signal]), alive);
        } finally {
          writing.set(lane, (writing.get(lane) ?? 0) - 1);
        }
      },
      close: async () => {
        open = false;
        closed.abort(new Error('closed'));
        await Promise.resolve();
      },
    };
  }

  async #write(batch: readonly Message[], signal: AbortSignal, alive: () => boolean): Promise<void> {
    const { weather } = this;
    const fate = this.#random.next();
    const wait = this.#random.below(weather.latency + 1);
    await this.#wait(wait, signal);
    while (this.#blockedReason !== undefined) await this.#unblocked(signal);
    if (!alive()) {
      // What a process had sent before it was killed may arrive, and nobody hears of it.
      if (this.#random.chance(0.5)) this.#take(batch.slice(0, this.#random.below(batch.length + 1)), true);
      return await new Promise(() => {});
    }
    const rejected = batch.findIndex((message) => this.#isPoison(message));
    if (rejected !== -1) {
      if (batch.length === 1) this.rejected.add(batch[0]?.seq ?? '');
      throw new SinkError('rejected', 'the broker will never take this');
    }
    let threshold = weather.refuse + weather.fail;
    if (fate < threshold) throw new SinkError('transient', 'not now');
    threshold += weather.hang;
    if (fate < threshold) {
      if (this.#random.chance(0.5)) this.#take(batch, true);
      return await this.#never(signal);
    }
    threshold += weather.lose;
    if (fate < threshold) {
      this.#take(batch, true);
      throw new SinkError('transient', 'the connection was reset');
    }
    threshold += weather.partial;
    if (fate < threshold) return this.#partly(batch);
    this.#take(batch, false);
  }

  #partly(batch: readonly Message[]): void {
    const prefix = this.#random.below(batch.length);
    if (this.#random.chance(0.5)) {
      this.#take(batch.slice(0, prefix), false);
      const confirmed = new Set(batch.slice(0, prefix).map((_, i) => i));
      throw new SinkError('transient', 'the rest was not taken', { confirmed });
    }
    this.#take(batch.slice(0, prefix), true);
    throw new SinkError('transient', 'the connection was reset in the middle');
  }

  #isPoison({ id, seq }: Message): boolean {
    return this.poison > 0 && seq !== undefined && Number(id.slice(id.lastIndexOf('/') + 1)) % this.poison === 0;
  }

  #take(batch: readonly Message[], untold: boolean): void {
    for (const message of batch) {
      const { seq, id, backfill, lane, type, body } = message;
      if (!body.includes(id)) this.hollow.push(id);
      const notice = type === LOSS_TYPE ? rowsOf(body) : undefined;
      this.arrived.push({ seq, id, backfill, lane, at: this.#clock.monotonic(), notice });
      if (untold && seq !== undefined) this.doubtful.add(seq);
    }
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms === 0) return;
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(ms, resolve);
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason as Error);
      });
    });
  }

  async #never(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }

  async #unblocked(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

function rowsOf(body: Buffer): LossRow[] {
  const { rows, attributes, fields } = decodeJson(body);
  return Array.from({ length: rows }, (_, r) => ({
    run: attributes['tidegate.run']?.[r] as string,
    lane: attributes['tidegate.lane']?.[r] as string,
    reason: attributes['tidegate.reason']?.[r] as string,
    first: fields['first']?.values[r] as number,
    last: fields['last']?.values[r] as number | null,
    events: fields['events']?.values[r] as number | null,
    window: fields['window']?.values[r] as number | null,
  }));
}
