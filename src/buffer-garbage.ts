/**
 * Has garbage collected when buffers that hang on it have grown, at most once in a while.
 *
 * Where little is to do, V8 lets some 25 MiB of buffers that nobody needs any longer gather between two collections of its own. As they are
 * given back out of order, malloc keeps the most that they ever were and some more each time: memory that grows for hours.
 */
import { getHeapStatistics } from 'node:v8';
import type { Clock } from './clock.ts';
import { collectGarbage } from './v8-collect.ts';

/** More buffers than after the last collection, in bytes, that are worth one of some 30 ms. */
const COLLECT_BYTES = 4 * 2 ** 20;
/** The least time between two, in milliseconds: so seldom that they cost nothing where many buffers come and go, and V8 is quick itself. */
const PAUSE_MS = 60_000;
/** The least time between two looks, in milliseconds. */
const LOOK_MS = 1000;

export interface BufferGarbageParts {
  /** Bytes of buffers that V8 knows of, garbage or not. */
  readonly held: () => number;
  readonly collect: () => Promise<void>;
}

const V8: BufferGarbageParts = { held: () => getHeapStatistics().external_memory, collect: collectGarbage };

export class BufferGarbage {
  readonly #clock: Clock;
  readonly #parts: BufferGarbageParts;
  /** The least that was held since the last collection. */
  #least = Number.POSITIVE_INFINITY;
  #lookAt: number;
  #collectAt: number;

  constructor(clock: Clock, parts = V8) {
    this.#clock = clock;
    this.#parts = parts;
    this.#lookAt = clock.monotonic();
    // What a start leaves is not in the way of the first events.
    this.#collectAt = this.#lookAt + PAUSE_MS;
  }

  /** To be called often. */
  look(): void {
    const now = this.#clock.monotonic();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const held = this.#parts.held();
    this.#least = Math.min(this.#least, held);
    if (now < this.#collectAt || held < this.#least + COLLECT_BYTES) return;
    this.#collectAt = now + PAUSE_MS;
    // Afterwards all that is held counts, needed or not: what has to grow, because a broker is away, is not looked through again and again.
    const collected = (): void => void (this.#least = this.#parts.held());
    this.#parts.collect().then(collected, collected);
  }
}
