/**
 * One lane: a log of entries in their order, of which a prefix is on disk and the rest in memory.
 *
 *   ┌──────── spooled ────────┐┌──── queued ────┐
 *   │ on disk alone │  cached ││     fresh      │
 *   head            cacheFrom  end               tail
 *
 *   fresh    in memory alone; has no place on disk yet
 *   cached   has a place on disk, and a copy in memory; from `durable` on it is still being written, so that the copy is all there is
 *
 * `spill` gives fresh entries their places. Entries in flight stay where they are until they are settled; `sending` marks them. In order,
 * they are the first of the log; with backfill there may be two batches, the first on disk and the first of the fresh ones.
 * The lane keeps the ledger: every entry that moves or goes is counted here.
 */
import type { DropReason, Ledger, Place } from '../ledger.ts';
import { Deque } from './deque.ts';
import type { Entry } from './entry.ts';
import { EMPTY_LANE, type LaneState, type Memory } from './lane-state.ts';
import { Losses } from './losses.ts';
import { Positions, type Span, spansOf } from './positions.ts';

/** Where the next batch is taken from. */
export type Source = 'disk' | 'fresh';

export class Lane {
  readonly number: number;
  readonly losses = new Losses();
  /** The last number given in this run. */
  n = 0;
  /** Places below it have been written, or need not be. */
  durable = 0;
  /** Keys to be deleted. */
  readonly doomed: Span[] = [];
  /** The size of everything that was ever spooled in it, in bytes. */
  sum = 0;
  /** Places below it may be missing, because the disk was found damaged. */
  suspect = 0;
  /** Whether a sender has taken over what is first on disk: it reads it, or has it in flight. */
  claimed = false;
  /** Whether there are holes that the disk does not know of. */
  holed = false;
  /** Whether what is on disk is a backlog that empties at the drain's rate. */
  draining = false;
  readonly #ledger: Ledger;
  readonly #memory: Memory;
  #places = new Positions();
  readonly #cache = new Deque<Entry>();
  #cacheFrom = 0;
  readonly #fresh = new Deque<Entry>();
  #diskBytes = 0;
  /** Entries in flight that have a place, and the place behind the last of them. */
  #sending = 0;
  #sendingTo = 0;

  constructor(number: number, ledger: Ledger, memory: Memory, state = EMPTY_LANE) {
    this.number = number;
    this.#ledger = ledger;
    this.#memory = memory;
    this.restore(state);
  }

  /** Puts what the disk has in front of what has come since the start. Nothing has a place yet. */
  restore(state: LaneState): void {
    this.#places = new Positions(state.head, state.end, state.holes);
    this.#cacheFrom = state.end;
    this.durable = state.end;
    this.#diskBytes = state.bytes;
    this.sum = state.sum;
    this.suspect = state.suspect;
    this.draining = this.#places.count > 0;
  }

  /** Entries that have a place on disk. */
  get spooled(): number {
    return this.#places.count;
  }

  /** Their size, in bytes. */
  get diskBytes(): number {
    return this.#diskBytes;
  }

  /** Entries in memory alone, those in flight included. */
  get freshCount(): number {
    return this.#fresh.length;
  }

  /** Places below it are in flight, when they are held; 0 when none is. */
  get busyTo(): number {
    return this.#sending === 0 ? 0 : this.#sendingTo;
  }

  get head(): number {
    return this.#places.head;
  }

  get cacheFrom(): number {
    return this.#cacheFrom;
  }

  get places(): Positions {
    return this.#places;
  }

  /** The first entry that is in memory alone. */
  get oldestFresh(): Entry | undefined {
    return this.#fresh.at(0);
  }

  /** Entries that have a place and are still to be written. */
  *unwritten(): IterableIterator<Entry> {
    // Places in the cache follow on each other.
    const first = this.#cache.at(0)?.position ?? 0;
    for (let i = Math.max(0, this.durable - first); i < this.#cache.length; i++) {
      const entry = this.#cache.at(i) as Entry;
      if (this.#holds(entry)) yield entry;
    }
  }

  /** The first entries that have a place and a copy in memory and are not in flight. */
  cached(max: number): Entry[] {
    const entries: Entry[] = [];
    for (const entry of this.#cache) {
      if (entries.length >= max) break;
      if (!entry.sending && this.#holds(entry)) entries.push(entry);
    }
    return entries;
  }

  /** Takes an accepted entry. */
  push(entry: Entry): void {
    this.#fresh.push(entry);
    this.#memory.events++;
    this.#memory.bytes += entry.bytes;
  }

  /** Drops the oldest entry in memory alone that is not in flight, and says whether there was one. */
  dropOldestFresh(reason: DropReason): boolean {
    for (let i = 0; i < this.#fresh.length; i++) {
      const entry = this.#fresh.at(i) as Entry;
      if (entry.sending) continue;
      this.#fresh.remove(i);
      this.#forget(entry);
      this.#lose(entry, 'queued', reason);
      return true;
    }
    return false;
  }

  /** Gives fresh entries places on disk, as long as `fits` says so of their size. Says whether all have one now. */
  spill(fits: (bytes: number) => boolean): boolean {
    let count = 0;
    for (const entry of this.#fresh) {
      if (!fits(entry.bytes)) break;
      entry.position = this.#places.give();
      entry.sum = this.sum += entry.bytes;
      if (entry.sending) this.#sends(entry.position);
      this.#cache.push(entry);
      this.#diskBytes += entry.bytes;
      this.#forget(entry);
      if (!entry.sending) this.#ledger.move('queued', 'spooled', 1);
      count++;
    }
    this.#fresh.dropFront(count);
    return this.#fresh.length === 0;
  }

  /** Forgets the copies of what is on disk for good, unless they take less than `bytes`. */
  uncache(bytes: number): void {
    const cached = this.#cache.length;
    if (cached === 0 || this.durable < this.#places.end) return;
    const first = this.#cache.at(0) as Entry;
    if (this.sum - first.sum + first.bytes <= bytes) return;
    this.#cache.clear();
    this.#cacheFrom = this.#places.end;
  }

  /** The next entries of what is in memory, marked as in flight. */
  take(source: Source, maxEvents: number, maxBytes: number, durableOnly: boolean): Entry[] {
    const batch = this.next(source, maxEvents, maxBytes, durableOnly);
    this.launch(batch);
    return batch;
  }

  /** The next entries of what is in memory. With `durableOnly`, what has a place must be written. */
  next(source: Source, maxEvents: number, maxBytes: number, durableOnly: boolean): Entry[] {
    const from = source === 'disk' ? this.#cache : this.#fresh;
    const batch: Entry[] = [];
    let bytes = 0;
    for (const entry of from) {
      if (entry.sending || (source === 'disk' && !this.#holds(entry))) continue;
      if (durableOnly && source === 'disk' && (entry.position as number) >= this.durable) break;
      if (batch.length >= maxEvents || (batch.length > 0 && bytes + entry.bytes > maxBytes)) break;
      bytes += entry.bytes;
      batch.push(entry);
    }
    return batch;
  }

  /** Those of the entries, which were read from the disk, that are still in the log. */
  present(entries: readonly Entry[]): Entry[] {
    return entries.filter((entry) => this.#holds(entry));
  }

  /** Those of the entries, which were cached or read from the disk, that are still in the log and not in flight. */
  free(entries: readonly Entry[]): Entry[] {
    const from = Math.min(this.busyTo, this.#cacheFrom);
    return entries.filter((entry) => !entry.sending && (entry.position as number) >= from && this.#holds(entry));
  }

  /** Marks entries as in flight. */
  launch(entries: readonly Entry[]): void {
    for (const entry of entries) {
      entry.sending = true;
      if (entry.position !== undefined) this.#sends(entry.position);
      this.#ledger.move(placeOf(entry), 'in_flight', 1);
    }
  }

  /** Entries in flight that were not delivered are where they were. */
  putBack(entries: readonly Entry[]): void {
    for (const entry of entries) {
      entry.sending = false;
      if (entry.position !== undefined) this.#sending--;
      this.#ledger.move('in_flight', placeOf(entry), 1);
    }
  }

  #sends(place: number): void {
    this.#sendingTo = this.#sending++ === 0 ? place + 1 : Math.max(this.#sendingTo, place + 1);
  }

  /** Entries in flight have arrived, at the broker or among the dead letters. */
  settle(entries: readonly Entry[], place: 'delivered' | 'dead_lettered'): void {
    this.#ledger.move('in_flight', place, entries.length);
    if (place === 'dead_lettered') for (const { run, n } of entries) this.losses.add(run, place, n);
    this.#remove(entries);
  }

  /** The service ends, and what is in memory alone with it. */
  abandon(): void {
    const lost = [...this.#fresh, ...this.unwritten()];
    this.drop(lost, 'shutdown');
  }

  /** Drops entries of the log, in flight or not. */
  drop(entries: readonly Entry[], reason: DropReason): void {
    for (const entry of entries) this.#lose(entry, entry.sending ? 'in_flight' : placeOf(entry), reason);
    this.#remove(entries);
  }

  /** Places that the disk did not give back: `n` and `run` are those of the entry before or behind them. */
  corrupted(span: Span, run: string, first: number, last: number): void {
    const count = this.#places.held(span.from, span.to);
    const share = this.#places.count === 0 ? 0 : (this.#diskBytes * count) / this.#places.count;
    this.#diskBytes = Math.max(0, this.#diskBytes - Math.round(share));
    this.#ledger.drop('spooled', 'corrupted', count);
    this.losses.add(run, 'corrupted', first, last, count);
    for (const part of this.#places.heldSpans(span)) this.#empty(part);
  }

  #lose(entry: Entry, place: Place, reason: DropReason): void {
    this.#ledger.drop(place, reason, 1);
    this.losses.add(entry.run, reason, entry.n);
  }

  /** Whether an entry of the cache still has its place. */
  #holds(entry: Entry): boolean {
    const at = entry.position as number;
    return at >= this.#places.head && this.#places.held(at, at + 1) === 1;
  }

  #remove(entries: readonly Entry[]): void {
    const positions: number[] = [];
    for (const entry of entries) {
      if (entry.position === undefined) this.#removeFresh(entry);
      else {
        positions.push(entry.position);
        if (entry.sending) this.#sending--;
        this.#diskBytes -= entry.bytes;
      }
    }
    for (const span of spansOf(positions)) this.#empty(span);
    while (this.#cache.length > 0 && !this.#holds(this.#cache.at(0) as Entry)) this.#cache.dropFront(1);
    if (this.#places.count === 0) this.#diskBytes = 0;
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

  #removeFresh(entry: Entry): void {
    for (let i = 0; i < this.#fresh.length; i++) {
      if (this.#fresh.at(i) !== entry) continue;
      this.#fresh.remove(i);
      this.#forget(entry);
      return;
    }
  }

  #forget(entry: Entry): void {
    this.#memory.events--;
    this.#memory.bytes -= entry.bytes;
  }
}

const placeOf = (entry: Entry): 'queued' | 'spooled' => (entry.position === undefined ? 'queued' : 'spooled');
