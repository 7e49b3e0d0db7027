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
import { DiskPart } from './disk-part.ts';
import type { Entry } from './entry.ts';
import type { LaneState } from './lane-state.ts';
import { Losses } from './losses.ts';
import type { Memory } from './memory.ts';
import type { Span } from './positions.ts';

/** Where the next batch is taken from. */
export type Source = 'disk' | 'fresh';

export class Lane {
  readonly number: number;
  readonly losses = new Losses();
  /** The last number given in this run. */
  n = 0;
  /** What has a place on disk. */
  readonly disk = new DiskPart();
  /** Whether a sender has taken over what is first on disk: it reads it, or has it in flight. */
  claimed = false;
  /** Whether what is on disk is a backlog that empties at the drain's rate. */
  draining = false;
  readonly #ledger: Ledger;
  readonly #memory: Memory;
  readonly #fresh = new Deque<Entry>();
  #freshBytes = 0;

  constructor(number: number, ledger: Ledger, memory: Memory) {
    this.number = number;
    this.#ledger = ledger;
    this.#memory = memory;
  }

  /** Puts what the disk has in front of what has come since the start. Nothing has a place yet. */
  restore(state: LaneState): void {
    this.disk.restore(state);
    this.draining = this.disk.count > 0;
  }

  /** Entries that have a place on disk. */
  get spooled(): number {
    return this.disk.count;
  }

  /** Their size, in bytes. */
  get diskBytes(): number {
    return this.disk.bytes;
  }

  /** Entries in memory alone, those in flight included. */
  get freshCount(): number {
    return this.#fresh.length;
  }

  /** Their size, in bytes. */
  get freshBytes(): number {
    return this.#freshBytes;
  }

  /** The first entry that is in memory alone. */
  get oldestFresh(): Entry | undefined {
    return this.#fresh.at(0);
  }

  /** Takes an accepted entry. */
  push(entry: Entry): void {
    this.#fresh.push(entry);
    this.#freshBytes += entry.bytes;
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
      entry.free();
      return true;
    }
    return false;
  }

  /** Gives fresh entries places on disk, as long as `fits` says so of their size. Says whether all have one now. */
  spill(fits: (bytes: number) => boolean): boolean {
    let count = 0;
    for (const entry of this.#fresh) {
      if (!fits(entry.bytes)) break;
      this.disk.add(entry);
      this.#forget(entry);
      if (!entry.sending) this.#ledger.move('queued', 'spooled', 1);
      count++;
    }
    this.#fresh.dropFront(count);
    return this.#fresh.length === 0;
  }

  /** Forgets the copies in memory of what is on disk, unless they take less than `bytes`. */
  uncache(bytes: number): void {
    this.#memory.letGo(this.disk.uncache(bytes).filter((entry) => entry.sending || !entry.free()));
  }

  /** The next entries of what is in memory, marked as in flight. */
  take(source: Source, maxEvents: number, maxBytes: number, durableOnly: boolean): Entry[] {
    const batch = this.next(source, maxEvents, maxBytes, durableOnly);
    this.launch(batch);
    return batch;
  }

  /** The next entries of what is in memory. With `durableOnly`, what has a place must be written. */
  next(source: Source, maxEvents: number, maxBytes: number, durableOnly: boolean): Entry[] {
    const from = source === 'disk' ? this.disk.cache : this.#fresh;
    const batch: Entry[] = [];
    let bytes = 0;
    for (const entry of from) {
      if (entry.sending || (source === 'disk' && !this.disk.holds(entry))) continue;
      if (durableOnly && source === 'disk' && (entry.position as number) >= this.disk.durable) break;
      if (batch.length >= maxEvents || (batch.length > 0 && bytes + entry.bytes > maxBytes)) break;
      bytes += entry.bytes;
      batch.push(entry);
    }
    return batch;
  }

  /** The next entries that have a place, when the first of them has a copy in memory. */
  cached(maxEvents: number, maxBytes: number, durableOnly: boolean): Entry[] | undefined {
    return this.disk.head < this.disk.cacheFrom ? undefined : this.next('disk', maxEvents, maxBytes, durableOnly);
  }

  /** Marks entries as in flight. */
  launch(entries: readonly Entry[]): void {
    for (const entry of entries) {
      entry.sending = true;
      if (entry.position !== undefined) this.disk.sends(entry.position);
      this.#ledger.move(placeOf(entry), 'in_flight', 1);
    }
  }

  /** Entries in flight that were not delivered are where they were. */
  putBack(entries: readonly Entry[]): void {
    for (const entry of entries) {
      entry.sending = false;
      entry.shared = true;
      if (entry.position !== undefined) this.disk.returned();
      this.#ledger.move('in_flight', placeOf(entry), 1);
    }
  }

  /** Entries in flight have arrived, at the broker or among the dead letters. */
  settle(entries: readonly Entry[], place: 'delivered' | 'dead_lettered'): void {
    this.#ledger.move('in_flight', place, entries.length);
    if (place === 'dead_lettered') for (const { run, n } of entries) this.losses.add(run, place, n);
    this.#remove(entries, place === 'delivered');
  }

  /** The service ends, and what is in memory alone with it. */
  abandon(): void {
    const lost = [...this.#fresh, ...this.disk.unwritten()];
    this.drop(lost, 'shutdown');
  }

  /** Drops entries of the log, in flight or not. */
  drop(entries: readonly Entry[], reason: DropReason): void {
    for (const entry of entries) this.#lose(entry, entry.sending ? 'in_flight' : placeOf(entry), reason);
    this.#remove(entries);
  }

  /** Places that the disk did not give back: `n` and `run` are those of the entry before or behind them. */
  corrupted(span: Span, run: string, first: number, last: number): void {
    const count = this.disk.giveUp(span);
    this.#ledger.drop('spooled', 'corrupted', count);
    this.losses.add(run, 'corrupted', first, last, count);
  }

  #lose(entry: Entry, place: Place, reason: DropReason): void {
    this.#ledger.drop(place, reason, 1);
    this.losses.add(entry.run, reason, entry.n);
  }

  #remove(entries: readonly Entry[], arrived = false): void {
    for (const entry of entries) if (entry.position === undefined) this.#removeFresh(entry);
    this.disk.remove(entries.filter(({ position }) => position !== undefined));
    const left = entries.filter((entry) => !(arrived && entry.free()));
    this.#memory.settled(left.filter(({ position }) => position !== undefined));
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
    this.#freshBytes -= entry.bytes;
    this.#memory.events--;
    this.#memory.bytes -= entry.bytes;
  }
}

const placeOf = (entry: Entry): 'queued' | 'spooled' => (entry.position === undefined ? 'queued' : 'spooled');
