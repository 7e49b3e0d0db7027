/**
 * The spool: what lanes and dead letters want on disk, written in batches, one at a time.
 *
 *   closed ──open──▶ open ⇄ full
 *                     └──▶ closed (broken: opened anew)
 *
 * A flush writes what differs between memory and disk at that moment: new entries, keys to be deleted, the state of lanes that changed. So a
 * failed flush loses nothing and needs no undoing: the next one looks anew. While the disk is full a flush only deletes until one with
 * entries succeeds. Entries of a chunk and the lanes' state go in one batch: both are there or neither.
 */
import type { Clock } from '../clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import { decodeEntry, type Entry, encodeEntry } from './entry.ts';
import { ALL_ENTRIES, entryKey, entryRange, laneKey, lossesKey, placeOfKey, runKey } from './keys.ts';
import type { Lane } from './lane.ts';
import type { SpoolOptions } from './options.ts';
import type { Span } from './positions.ts';
import { extend, partsOf, type Segment, trimmed } from './segments.ts';
import { encodeValue, type RunRecord, type SpoolState } from './spool-state.ts';
import { type Change, type Store, StoreError } from './store.ts';

/** Entries written in one batch at most, in bytes; more go in the next. */
const CHUNK_BYTES = 4 * 2 ** 20;
/** Keys deleted in one batch at most. */
const DOOMED_MAX = 10_000;
/** What was deleted since the disk was last compacted, in bytes, that is worth another; less when nothing is left. */
const COMPACT_BYTES = 64 * 2 ** 20;
const COMPACT_EMPTY_BYTES = 2 ** 20;
/** How far a lane's record may be behind while it changes, in milliseconds. */
const RECORD_MS = 5000;
/** What is written where nothing but the sync is wanted. */
const SYNC_KEY = Buffer.from('s');

export interface SpoolParts {
  readonly store: Store;
  readonly lanes: () => Iterable<Lane>;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly run: string;
}

/** What a flush took on, to be marked as done when it succeeds. */
interface Plan {
  readonly changes: Change[];
  readonly done: (() => void)[];
  readonly undo: (() => void)[];
  writes: boolean;
  rest: boolean;
  bytes: number;
}

export class Spool {
  readonly #parts: SpoolParts;
  #store: Store;
  #options: SpoolOptions;
  #writing: Promise<void> | undefined;
  #full = false;
  /** When what is not synced yet was written, on the monotonic clock; undefined when all is. */
  #unsyncedSince: number | undefined;
  #deletedBytes = 0;
  #compacting: Promise<void> | undefined;
  /** When each lane's record was written, on the monotonic clock. */
  readonly #recorded = new Map<number, number>();
  /** Whose entries each lane has on disk. */
  readonly #segments = new Map<number, readonly Segment[]>();

  constructor(parts: SpoolParts, options: SpoolOptions, lanes: SpoolState['lanes']) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#options = options;
    for (const [lane, { segments }] of lanes) this.#segments.set(lane, segments);
  }

  get full(): boolean {
    return this.#full;
  }

  configure(options: SpoolOptions): void {
    this.#options = options;
  }

  /** Whether a flush would write anything. */
  get dirty(): boolean {
    if (this.#parts.dead.dirty) return true;
    for (const lane of this.#parts.lanes()) if (isDirty(lane)) return true;
    return this.#syncDue();
  }

  /** When the disk itself is to have what was written, in milliseconds from now; undefined when it has. */
  get syncIn(): number | undefined {
    if (this.#unsyncedSince === undefined || this.#options.fsync !== 'interval') return undefined;
    return Math.max(0, this.#unsyncedSince + this.#options.fsync_interval - this.#parts.clock.monotonic());
  }

  /** Brings the disk to what memory says. Throws `StoreError`, and then whatever was not written is still to be. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => {});
    this.#writing = this.#flush();
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }

  async #flush(): Promise<void> {
    for (let more = true; more; ) {
      const plan = this.#plan(!this.#full);
      // On a full disk room is made first; then it is tried again.
      if (plan.changes.length === 0 && this.#full) this.#full = false;
      else if (plan.changes.length === 0 && !this.#syncDue()) return;
      else await this.#write(plan);
      more = plan.rest || this.#full;
    }
  }

  async #write(plan: Plan): Promise<void> {
    const sync = this.#options.fsync === 'always' ? plan.writes : this.#syncDue();
    const began = this.#parts.clock.monotonic();
    // A batch of nothing would not be synced.
    if (plan.changes.length === 0) plan.changes.push({ key: SYNC_KEY, value: SYNC_KEY });
    try {
      await this.#store.write(plan.changes, sync);
    } catch (error) {
      for (const undo of plan.undo) undo();
      this.#full = error instanceof StoreError && error.code === 'full';
      throw error;
    }
    this.#full &&= !plan.writes;
    for (const done of plan.done) done();
    if (sync) this.#unsyncedSince = undefined;
    else if (plan.writes) this.#unsyncedSince ??= began;
    this.#compact();
  }

  #syncDue(): boolean {
    return this.syncIn === 0;
  }

  #plan(withEntries: boolean): Plan {
    const plan: Plan = { changes: [], done: [], undo: [], writes: false, rest: false, bytes: 0 };
    for (const lane of this.#parts.lanes()) this.#planLane(plan, lane, withEntries);
    // In the same batch as the entries' own keys are deleted.
    this.#parts.dead.plan(plan.changes, plan.done, plan.undo, withEntries);
    return plan;
  }

  #planLane(plan: Plan, lane: Lane, withEntries: boolean): void {
    // Looked at before anything is awaited, so that it is one moment's state.
    const doomed = this.#planDoomed(plan, lane);
    const written = withEntries ? this.#planEntries(plan, lane) : lane.durable;
    if (lane.losses.dirty) {
      const ranges = lane.losses.all();
      const key = lossesKey(lane.number);
      plan.changes.push(ranges.length > 0 ? { key, value: encodeValue(ranges) } : { key });
      lane.losses.dirty = false;
      plan.undo.push(() => {
        lane.losses.dirty = true;
      });
      plan.writes ||= ranges.length > 0;
    } else if (!doomed && written === lane.durable) return;
    const known = this.#segments.get(lane.number) ?? [];
    let segments = known;
    for (const { position, run, n } of lane.unwritten()) {
      if ((position as number) >= written) break;
      segments = extend(segments, position as number, run, n);
    }
    plan.done.push(() => {
      lane.durable = Math.max(lane.durable, written);
      this.#segments.set(lane.number, segments);
    });
    if (segments.length > known.length || lane.holed || this.#isBehind(lane)) this.#planRecord(plan, lane, written, segments);
  }

  #isBehind({ number }: Lane): boolean {
    return this.#parts.clock.monotonic() - (this.#recorded.get(number) ?? Number.NEGATIVE_INFINITY) >= RECORD_MS;
  }

  #planRecord(plan: Plan, lane: Lane, written: number, segments: readonly Segment[]): void {
    const { head } = lane.places;
    const end = Math.max(written, head);
    const holes = lane.places.holes.filter((hole) => hole.from < end).map(({ from, to }) => ({ from, to: Math.min(to, end) }));
    const record = { head, end, sum: lane.sum, holes, segments: trimmed(segments, head) };
    plan.changes.push({ key: laneKey(lane.number), value: encodeValue(record) });
    const { holed } = lane;
    lane.holed = false;
    plan.undo.push(() => {
      lane.holed ||= holed;
    });
    plan.done.push(() => {
      this.#segments.set(lane.number, record.segments);
      this.#recorded.set(lane.number, this.#parts.clock.monotonic());
    });
  }

  /** Keys to be deleted. Says whether there are any. */
  #planDoomed(plan: Plan, lane: Lane): boolean {
    const taken: Span[] = [];
    while (lane.doomed.length > 0 && plan.changes.length < DOOMED_MAX) {
      const span = lane.doomed.shift() as Span;
      const to = Math.min(span.to, span.from + DOOMED_MAX - plan.changes.length);
      for (let place = span.from; place < to; place++) plan.changes.push({ key: entryKey(lane.number, place) });
      if (to < span.to) lane.doomed.unshift({ from: to, to: span.to });
      taken.push({ from: span.from, to });
    }
    plan.rest ||= lane.doomed.length > 0;
    plan.undo.push(() => {
      lane.doomed.unshift(...taken);
    });
    return taken.length > 0;
  }

  /** New entries up to the chunk's size. Returns the place behind the last. */
  #planEntries(plan: Plan, lane: Lane): number {
    for (const entry of lane.unwritten()) {
      if (plan.bytes >= CHUNK_BYTES) {
        plan.rest = true;
        return entry.position as number;
      }
      plan.changes.push({ key: entryKey(lane.number, entry.position as number), value: encodeEntry(entry) });
      plan.bytes += entry.bytes;
      plan.writes = true;
    }
    return lane.places.end;
  }

  /** Entries of a lane from its head on that are on disk alone, in order. What the disk does not give back is given up and counted. */
  async read(lane: Lane, max: number, maxBytes: number, from = lane.head): Promise<Entry[]> {
    for (;;) {
      const before = lane.places.held(from, lane.cacheFrom);
      const entries = await this.#readOnce(lane, max, maxBytes, from);
      const left = lane.places.held(from, lane.cacheFrom);
      // All that was read was damaged, and is given up: what is behind it may be well.
      if (entries.length > 0 || left === 0 || left === before) return entries;
    }
  }

  async #readOnce(lane: Lane, max: number, maxBytes: number, from: number): Promise<Entry[]> {
    // A read that ends where the entries do need not ask whether there are more.
    const to = Math.min(lane.cacheFrom, from + max);
    const found = await this.#store.read(entryRange(lane.number, from, to), max, maxBytes);
    const entries: Entry[] = [];
    let next = Math.max(from, lane.head);
    for (const [key, value] of found) {
      const place = placeOfKey(key);
      // Dropped while it was being read.
      if (place < lane.head || lane.places.held(place, place + 1) === 0) continue;
      const entry = decodeEntry(value, lane.number, place);
      if (!entry) continue;
      this.#missing(lane, next, place, entries.at(-1), entry);
      entries.push(entry);
      next = place + 1;
    }
    const last = found.at(-1);
    const behind = last ? placeOfKey(last[0]) + 1 : next;
    this.#missing(lane, next, behind, entries.at(-1), undefined);
    if (lane.places.held(behind, to) > 0) await this.#look(lane, behind, to, entries.at(-1));
    return entries;
  }

  /** Whether a read that brought fewer than it might ended for its size, or because there is nothing more. */
  async #look(lane: Lane, from: number, to: number, before: Entry | undefined): Promise<void> {
    const [more] = await this.#store.read(entryRange(lane.number, from, to), 1, 1);
    const place = more === undefined ? to : placeOfKey(more[0]);
    this.#missing(lane, from, Math.min(place, lane.cacheFrom), before, more && decodeEntry(more[1], lane.number, place));
  }

  /** Gives up what the disk lacks, told by the numbers between which it must have been. */
  #missing(lane: Lane, from: number, to: number, before: Entry | undefined, after: Entry | undefined): void {
    for (const part of partsOf(this.#segments.get(lane.number) ?? [], Math.max(from, lane.head), to)) {
      if (lane.places.held(part.from, part.to) === 0) continue;
      const first = before?.run === part.run ? before.n + 1 : part.first;
      const last = after?.run === part.run ? after.n - 1 : part.last;
      lane.corrupted(part, part.run, first, Math.max(first, last));
    }
  }

  /** Remembers that a run has begun, so that the next one knows when it did not end; and what those before it lost, instead of them. */
  async beginRun(record: RunRecord, before: readonly string[]): Promise<void> {
    const changes: Change[] = before.map((run) => ({ key: runKey(run) }));
    changes.push({ key: runKey(this.#parts.run), value: encodeValue(record) });
    for (const { losses, number } of this.#parts.lanes()) {
      if (losses.any) changes.push({ key: lossesKey(number), value: encodeValue(losses.all()) });
    }
    await this.#store.write(changes, this.#syncs);
  }

  /** More lanes than the record says may hold what is lost if this run ends uncleanly. */
  async widenRun(record: RunRecord): Promise<void> {
    await this.#store.write([{ key: runKey(this.#parts.run), value: encodeValue(record) }], this.#syncs);
  }

  /** The run has ended, and all that it accepted is delivered, on disk or told. */
  async endRun(): Promise<void> {
    await this.#store.write([{ key: runKey(this.#parts.run) }], this.#syncs);
  }

  get #syncs(): boolean {
    return this.#options.fsync !== 'never';
  }

  /** The store was closed after a failure and opened anew. */
  reopened(store: Store): void {
    this.#store = store;
  }

  /** Counts what was removed from the disk, so that it is given back in time. */
  deleted(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.position !== undefined) this.#deletedBytes += entry.bytes;
  }

  /** Deletes on disk what was dropped, and gives its space back at once. */
  async makeRoom(): Promise<void> {
    const plan = this.#plan(false);
    if (plan.changes.length > 0) await this.#write(plan);
    await this.#compacting;
    await this.#store.compact(ALL_ENTRIES);
  }

  /** Gives back the disk of what was deleted, beside everything else. */
  #compact(): void {
    let left = 0;
    for (const lane of this.#parts.lanes()) left += lane.spooled;
    if (this.#compacting || this.#deletedBytes < (left === 0 ? COMPACT_EMPTY_BYTES : COMPACT_BYTES)) return;
    this.#deletedBytes = 0;
    this.#compacting = this.#store
      .compact(ALL_ENTRIES)
      .catch(() => {})
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#compacting;
    await this.#store.close();
  }
}

const isDirty = (lane: Lane): boolean => lane.holed || lane.losses.dirty || lane.doomed.length > 0 || lane.durable < lane.places.end;
