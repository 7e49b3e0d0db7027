/**
 * Which events have arrived before, by their ids.
 *
 * An id is agent, run, sensor and a number that counts up, so that what has arrived of one sensor is a few ranges of numbers: one as long
 * as all of its events arrive, however many; one more for each hole, which a sink leaves that does not select all of them.
 *
 *   - An event that has not arrived is never taken for a repeat, whatever the order and however long ago.
 *   - A repeat is known as long as its number is among the newest `ranges` ranges of its sensor, and its sensor among the `sources` that were heard
 *     of last. Beyond that it counts as new: it comes twice rather than never.
 */
import { parseId } from './identity.ts';
import { RangeSet } from './ranges.ts';

export interface DeduplicatorOptions {
  /** The most sensors (of one run of one agent each) that are remembered; 10,000 without it. */
  readonly sources?: number | undefined;
  /** The most ranges of numbers that are remembered of each; 1024 without it. One takes 16 bytes. */
  readonly ranges?: number | undefined;
}

export class Deduplicator {
  readonly #sources: number;
  readonly #ranges: number;
  /** The one that was silent for longest comes first. */
  readonly #seen = new Map<string, RangeSet>();
  #forgotten = false;

  constructor({ sources = 10_000, ranges = 1024 }: DeduplicatorOptions = {}) {
    this.#sources = Math.max(1, sources);
    this.#ranges = Math.max(2, ranges);
  }

  /** Whether anything had to be forgotten, so that a repeat may count as new. */
  get forgotten(): boolean {
    return this.#forgotten;
  }

  /** How many sensors are remembered. */
  get sources(): number {
    return this.#seen.size;
  }

  /** Whether the event with this id has arrived. Throws `DecodeError` when it is none. */
  has(id: string): boolean {
    const [source, n] = split(id);
    return this.#seen.get(source)?.has(n) ?? false;
  }

  /** Remembers the event with this id; false when it has arrived before. Throws `DecodeError` when it is none. */
  add(id: string): boolean {
    const [source, n] = split(id);
    const numbers = this.#seen.get(source) ?? new RangeSet();
    this.#seen.delete(source);
    this.#seen.set(source, numbers);
    const added = numbers.add(n);
    if (numbers.ranges > this.#ranges) this.#forget(() => numbers.forgetLowest(Math.ceil(this.#ranges / 2)));
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > this.#sources && oldest !== undefined) this.#forget(() => this.#seen.delete(oldest));
    return added;
  }

  #forget(what: () => unknown): void {
    this.#forgotten = true;
    what();
  }
}

function split(id: string): [source: string, n: number] {
  const { n } = parseId(id);
  return [id.slice(0, id.lastIndexOf('/')), n];
}
