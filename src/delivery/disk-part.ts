/**
 * The part of a lane that has places on disk, with the copies in memory of its end.
 *
 *   settled │ on disk alone │ cached │ not given yet
 *          head          cacheFrom  end
 *
 * What is in flight stays where it is until it is settled. Nothing is written here: a flush compares this with the disk (`plan.ts`).
 */
import { Deque } from './deque.ts';
import type { Entry } from './entry.ts';
import type { LaneState } from './lane-state.ts';
import { Positions, type Span, spansOf } from './positions.ts';

export class DiskPart {
  /** Places below it have been written, or need not be. */
  durable = 0;
  /** Keys to be deleted. */
  readonly doomed: Span[] = [];
  /** The size of everything that was ever spooled in the lane, in bytes. */
  sum = 0;
  /** Places below it may be missing, because the disk was found damaged. */
  suspect = 0;
  /** Whether there are holes that the disk does not know of. */
  holed = false;
  #places = new Positions();
  readonly #cache = new Deque<Entry>();
  #cacheFrom = 0;
  #bytes = 0;
  /** When what was first, or was taken out in front of it, was sampled: Unix time in milliseconds. What is first now is hardly older. */
  #notBefore: number | undefined;
  /** Entries in flight, and the place behind the last of them. */
  #sending = 0;
  #sendingTo = 0;

  /** Puts what was found on disk in front. Nothing has a place yet. */
  restore(state: LaneState): void {
    this.#places = new Positions(state.head, state.end, state.holes);
    this.#cacheFrom = state.end;
    this.durable = state.end;
    this.#bytes = state.bytes;
    this.sum = state.sum;
    this.suspect = state.suspect;
    this.#notBefore = state.oldest;
  }

  get count(): number {
    return this.#places.count;
  }

  /** The size of what is there, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first of them was sampled, or the one before it where it is not in memory: Unix time in milliseconds. Undefined where nobody knows. */
  get oldest(): number | undefined {
    if (this.count === 0) return undefined;
    return this.head >= this.#cacheFrom ? (this.#cache.at(0)?.time ?? this.#notBefore) : this.#notBefore;
  }

  /** Places below it are in flight, when they are held; 0 when none is. */
  get busyTo(): number {
    return this.#sending === 0 ? 0 : this.#sendingTo;
  }

  get head(): number {
    return this.#places.head;
  }

  /** Entries from this place on have a copy in memory. */
  get cacheFrom(): number {
    return this.#cacheFrom;
  }

  get places(): Positions {
    return this.#places;
  }

  get cache(): Iterable<Entry> {
    return this.#cache;
  }

  /** Gives an entry the next place. */
  add(entry: Entry): void {
    if (this.count === 0) this.#notBefore = entry.time;
    entry.position = this.#places.give();
    entry.sum = this.sum += entry.bytes;
    if (entry.sending) this.sends(entry.position);
    this.#cache.push(entry);
    this.#bytes += entry.bytes;
  }

  /** Entries that have a place and are still to be written. */
  *unwritten(): IterableIterator<Entry> {
    // Places in the cache follow on each other.
    const first = this.#cache.at(0)?.position ?? 0;
    for (let i = Math.max(0, this.durable - first); i < this.#cache.length; i++) {
      const entry = this.#cache.at(i) as Entry;
      if (this.holds(entry)) yield entry;
    }
  }

  /** The first entries that have a place and a copy in memory and are not in flight. */
  cached(max: number): Entry[] {
    const entries: Entry[] = [];
    for (const entry of this.#cache) {
      if (entries.length >= max) break;
      if (!entry.sending && this.holds(entry)) entries.push(entry);
    }
    return entries;
  }

  /** Forgets the copies of what is on disk for good, unless they take less than `bytes`. Returns what it forgot. */
  uncache(bytes: number): readonly Entry[] {
    const cached = this.#cache.length;
    if (cached === 0 || this.durable < this.#places.end) return [];
    const first = this.#cache.at(0) as Entry;
    if (this.sum - first.sum + first.bytes <= bytes) return [];
    const forgotten = [...this.#cache];
    this.#cache.clear();
    this.#cacheFrom = this.#places.end;
    return forgotten;
  }

  /** Those of the entries, which were read from the disk, that are still in the log. */
  present(entries: readonly Entry[]): Entry[] {
    return entries.filter((entry) => this.holds(entry));
  }

  /** Those of the entries, which were cached or read from the disk, that are still in the log and not in flight. */
  free(entries: readonly Entry[]): Entry[] {
    const from = Math.min(this.busyTo, this.#cacheFrom);
    return entries.filter((entry) => !entry.sending && (entry.position as number) >= from && this.holds(entry));
  }

  /** An entry is in flight. */
  sends(place: number): void {
    this.#sendingTo = this.#sending++ === 0 ? place + 1 : Math.max(this.#sendingTo, place + 1);
  }

  /** An entry is no longer in flight, and stays. */
  returned(): void {
    this.#sending--;
  }

  /** Whether an entry still has its place. */
  holds(entry: Entry): boolean {
    const at = entry.position as number;
    return at >= this.#places.head && this.#places.held(at, at + 1) === 1;
  }

  /** Takes entries out. */
  remove(entries: readonly Entry[]): void {
    const positions: number[] = [];
    for (const entry of entries) {
      positions.push(entry.position as number);
      if (entry.sending) this.#sending--;
      this.#bytes -= entry.bytes;
    }
    for (const span of spansOf(positions)) this.#empty(span);
    for (const { position, time } of entries) {
      if ((position as number) < this.head) this.#notBefore = Math.max(this.#notBefore ?? time, time);
    }
    while (this.#cache.length > 0 && !this.holds(this.#cache.at(0) as Entry)) this.#cache.dropFront(1);
    if (this.#places.count === 0) this.#bytes = 0;
  }

  /** Takes out places that the disk did not give back; their size is guessed. Returns how many were held. */
  giveUp(span: Span): number {
    const count = this.#places.held(span.from, span.to);
    const share = this.#places.count === 0 ? 0 : (this.#bytes * count) / this.#places.count;
    this.#bytes = Math.max(0, this.#bytes - Math.round(share));
    for (const part of this.#places.heldSpans(span)) this.#empty(part);
    return count;
  }

  #empty(span: Span): void {
    const { head } = this.#places;
    this.#places.empty(span);
    this.doomed.push(span);
    // Also a hole that is gone because the head has passed it need not be on record any longer, but does no harm there.
    if (this.#places.head === head) this.holed = true;
    if (this.#cacheFrom < this.#places.head) this.#cacheFrom = Math.min(this.#places.head, this.#places.end);
    if (this.durable < this.#places.head) this.durable = this.#places.head;
  }
}
