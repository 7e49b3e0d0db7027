/**
 * What the lanes of a sink share of the memory: what is in it alone, and what was in it on its way to the disk and back.
 *
 * Bodies that go to the disk or come from it are kept for a while, so that V8 takes them for old, and garbage for as long as its heap does
 * not grow. In an outage that was 30 MiB, and 50 while the spool emptied. What is confirmed at once is not counted: V8 sees to that.
 */
import type { Clock } from '../clock.ts';
import { collectGarbage } from '../v8-collect.ts';
import { type Entry, sizeOf } from './entry.ts';

/** What was let go, in bytes, that is worth a collection of some 30 ms; and the least time between two, of all sinks, in milliseconds. */
const COLLECT_BYTES = 4 * 2 ** 20;
const PAUSE_MS = 400;
/** The next one begins no sooner than after so many times what one took: that of a large heap takes long. */
const PAUSE_FACTOR = 5;
/** What went by sooner than that, in milliseconds, V8 takes for young. */
const YOUNG_MS = 1000;
/** When garbage may be collected again; sinks of one service have one clock. */
const dueAt = new WeakMap<Clock, number>();

export class Memory {
  /** Entries that are in memory alone and will be lost with it, over all lanes of a sink. */
  events = 0;
  bytes = 0;
  readonly #clock: Clock;
  readonly #collect: () => Promise<void>;
  #gone = 0;

  constructor(clock: Clock, collect: () => Promise<void> = collectGarbage) {
    this.#clock = clock;
    this.#collect = collect;
  }

  /** Entries on disk that are settled. Those that came from it were accepted at 0. */
  settled(entries: readonly Entry[]): void {
    const old = this.#clock.monotonic() - YOUNG_MS;
    this.letGo(entries.filter(({ accepted }) => accepted < old));
  }

  /** Entries whose bodies nobody needs in memory any longer, and have not been given back. */
  letGo(entries: readonly Entry[]): void {
    this.#gone += sizeOf(entries);
    const now = this.#clock.monotonic();
    if (this.#gone < COLLECT_BYTES || now < (dueAt.get(this.#clock) ?? Number.NEGATIVE_INFINITY)) return;
    this.#gone = 0;
    dueAt.set(this.#clock, now + PAUSE_MS);
    const collected = (): void => {
      const took = this.#clock.monotonic() - now;
      dueAt.set(this.#clock, now + Math.max(PAUSE_MS, PAUSE_FACTOR * took));
    };
    this.#collect().then(collected, collected);
  }
}
