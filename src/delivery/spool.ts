/**
 * The spool: what lanes and dead letters want on disk, written in batches, one at a time.
 *
 *   open ⇄ full
 *    └──▶ broken (opened anew)
 *
 * A flush writes what differs between memory and disk at that moment: new entries, keys to be deleted, the state of lanes that changed. So a
 * failed flush loses nothing and needs no undoing: the next one looks anew. While the disk is full a flush first deletes; what was dropped
 * goes with its losses, and what was rejected with its dead letter, in one batch that may use the store's reserve. When that is spent, too,
 * only what was delivered is deleted. Entries of a chunk and the lanes' state go in one batch: both are there or neither.
 */
import type { Clock } from '../clock.ts';
import { Compaction } from './compaction.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Entry } from './entry.ts';
import { ALL_ENTRIES, lossesKey, REPAIRED_KEY, runKey } from './keys.ts';
import type { Lane } from './lane.ts';
import type { SpoolOptions } from './options.ts';
import { type Extent, Plan, Planner } from './plan.ts';
import { readEntries } from './reader.ts';
import { encodeValue, type RunRecord, type SpoolState } from './spool-state.ts';
import { type Change, isFull, type KeyRange, type Store } from './store.ts';

/** What is written where nothing but the sync is wanted. */
const SYNC_KEY = Buffer.from('s');

export interface SpoolParts {
  readonly store: Store;
  readonly lanes: () => Iterable<Lane>;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly run: string;
}

export class Spool {
  readonly #parts: SpoolParts;
  readonly #planner: Planner;
  #store: Store;
  #options: SpoolOptions;
  #writing: Promise<void> | undefined;
  #full = false;
  /** When what is not synced yet was written, on the monotonic clock; undefined when all is. */
  #unsyncedSince: number | undefined;
  readonly #compaction = new Compaction();
  #compacting: Promise<void> | undefined;
  #cancelLook: (() => void) | undefined;
  #closed = false;

  constructor(parts: SpoolParts, options: SpoolOptions, lanes: SpoolState['lanes']) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#options = options;
    this.#planner = new Planner(parts.clock, lanes);
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

  /** Whether something was given up that a full disk still has, because it cannot take that it is lost. */
  get withholds(): boolean {
    return [...this.#parts.lanes()].some(({ disk }) => disk.doomed.length > 0);
  }

  /** When the disk itself is to have what was written, in milliseconds from now; undefined when it has. */
  get syncIn(): number | undefined {
    const { fsync } = this.#options;
    if (this.#unsyncedSince === undefined || fsync === 'never') return undefined;
    // What was written before a reload that asks for more is late already.
    if (fsync === 'always') return 0;
    return Math.max(0, this.#unsyncedSince + this.#options.fsync_interval - this.#parts.clock.monotonic());
  }

  /** Brings the disk to what memory says. Throws `StoreError`, and then whatever was not written is still to be. */
  async flush(): Promise<void> {
    await this.#alone(async () => await this.#flush());
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => {});
    this.#writing = work();
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }

  async #flush(): Promise<void> {
    for (let more = true; more; ) {
      // On a full disk room is made first; then it is tried again.
      if (this.#full && (await this.#free())) continue;
      const plan = this.#plan('all');
      if (plan.changes.length === 0 && !this.#syncDue()) return;
      await this.#write(plan);
      more = plan.rest;
    }
  }

  /** Deletes a batch of what a full disk may be rid of. Says whether there was anything. */
  async #free(): Promise<boolean> {
    for (const extent of ['room', 'deletions'] as const) {
      const plan = this.#plan(extent);
      if (plan.changes.length === 0) continue;
      try {
        await this.#write(plan);
        return true;
      } catch (error) {
        if (!isFull(error)) throw error;
      }
    }
    return false;
  }

  async #write(plan: Plan): Promise<void> {
    const sync = (this.#options.fsync === 'always' && plan.writes) || this.#syncDue();
    const began = this.#parts.clock.monotonic();
    const reserve = plan.extent !== 'all' || plan.changes.length === 0;
    // A batch of nothing would not be synced.
    if (plan.changes.length === 0) plan.changes.push({ key: SYNC_KEY, value: SYNC_KEY });
    try {
      await this.#store.write(plan.changes, sync, reserve);
    } catch (error) {
      for (const undo of plan.undo) undo();
      this.#full = isFull(error);
      throw error;
    }
    this.#full &&= reserve || !plan.writes;
    for (const done of plan.done) done();
    if (sync) this.#unsyncedSince = undefined;
    else if (plan.writes) this.#unsyncedSince ??= began;
    // What counts as deleted is so when all batches of it are written.
    if (!plan.rest) this.#compact();
  }

  #syncDue(): boolean {
    return this.syncIn === 0;
  }

  #plan(extent: Extent): Plan {
    const plan = new Plan(extent);
    // In the same batch as the entries' own keys are deleted.
    const held = this.#parts.dead.plan(plan);
    for (const lane of this.#parts.lanes()) if (!held.has(lane.number)) this.#planner.plan(plan, lane);
    return plan;
  }

  /** Entries of a lane from its head on that are on disk alone, in order. What the disk does not give back is given up and counted. */
  async read(lane: Lane, max: number, maxBytes: number, from = lane.disk.head): Promise<Entry[]> {
    return await readEntries(this.#store, { lane, segments: () => this.#planner.segments(lane) }, max, maxBytes, from);
  }

  /**
   * Remembers that a run has begun, so that the next one knows when it did not end; and what those before it lost, instead of them. Lanes
   * that hold something have their records brought up to date: a disk that loses the last of it could not be told otherwise.
   */
  async beginRun(record: RunRecord, before: readonly string[]): Promise<void> {
    const changes: Change[] = before.map((run) => ({ key: runKey(run) }));
    changes.push({ key: REPAIRED_KEY }, { key: runKey(this.#parts.run), value: encodeValue(record) });
    for (const { losses, number } of this.#parts.lanes()) {
      // Also those that are on their way to the broker: nobody knows whether they arrive.
      const untold = losses.all();
      if (untold.length > 0) changes.push({ key: lossesKey(number), value: encodeValue(untold) });
    }
    await this.#store.write([...changes, ...this.#records()], this.#syncs, true);
  }

  /** More lanes than the record says may hold what is lost if this run ends uncleanly. */
  async widenRun(record: RunRecord): Promise<void> {
    await this.#store.write([{ key: runKey(this.#parts.run), value: encodeValue(record) }], this.#syncs, true);
  }

  /** The run has ended, and all that it accepted is delivered, on disk or told. */
  async endRun(): Promise<void> {
    await this.#store.write([{ key: runKey(this.#parts.run) }, ...this.#records()], this.#syncs, true);
  }

  #records(): Change[] {
    return [...this.#parts.lanes()].filter(({ spooled }) => spooled > 0).map((lane) => this.#planner.record(lane));
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
    this.#compaction.deleted(entries);
  }

  /** Deletes on disk what is delivered or was dropped, and gives its space back at once. */
  async makeRoom(): Promise<void> {
    let freed = false;
    await this.#alone(async () => {
      while (await this.#free()) freed = true;
    });
    if (!freed) return;
    await this.#compacting;
    await this.#store.compact(ALL_ENTRIES);
  }

  /** Gives back the disk of what was deleted, beside everything else. */
  #compact(): void {
    if (this.#compacting || this.#closed) return;
    const now = this.#parts.clock.monotonic();
    const ranges = this.#compaction.due([...this.#parts.lanes()], now);
    this.#cancelLook?.();
    const { allDueAt } = this.#compaction;
    if (allDueAt !== undefined) this.#cancelLook = this.#parts.clock.after(Math.max(1, allDueAt - now), () => this.#compact());
    if (ranges.length === 0) return;
    this.#compacting = this.#compactAll(ranges)
      .catch(() => {})
      .finally(() => {
        this.#compacting = undefined;
        // Perhaps the last of a drain was deleted meanwhile.
        this.#compact();
      });
  }

  async #compactAll(ranges: readonly KeyRange[]): Promise<void> {
    for (const range of ranges) await this.#store.compact(range);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook?.();
    await this.#writing?.catch(() => {});
    await this.#compacting;
    await this.#store.close();
  }
}

const isDirty = (lane: Lane): boolean =>
  lane.disk.holed || lane.losses.dirty || lane.disk.doomed.length > 0 || lane.disk.durable < lane.disk.places.end;
