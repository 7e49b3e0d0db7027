/**
 * What a flush writes: the difference between memory and disk at one moment, looked at before anything is awaited.
 *
 * A lane's record is written when a new run begins to write to it, when a hole is made, and every few seconds; see `spool-state.ts`.
 */
import type { Clock } from '../clock.ts';
import { Slabs } from '../free.ts';
import { type Entry, encodeEntry } from './entry.ts';
import { entryKey, laneKey, lossesKey } from './keys.ts';
import type { Lane } from './lane.ts';
import type { Span } from './positions.ts';
import { extend, type Segment, trimmed } from './segments.ts';
import { encodeValue, type FoundLane, type LaneRecord } from './spool-state.ts';
import type { Change } from './store.ts';

/** Entries written in one batch at most, in bytes; more go in the next. */
const CHUNK_BYTES = 4 * 2 ** 20;
/** Keys deleted in one batch at most. */
const DOOMED_MAX = 10_000;
/** How far a lane's record may be behind while it changes, in milliseconds. */
const RECORD_MS = 5000;

/** What of the difference: all of it; what frees a full disk, with what is to be told of that; or of that what has nothing to tell. */
export type Extent = 'all' | 'room' | 'deletions';

/** One batch, and what is to be done when it was written and when it was not. */
export class Plan {
  readonly extent: Extent;
  readonly changes: Change[] = [];
  readonly done: (() => void)[] = [];
  readonly undo: (() => void)[] = [];
  /** Whether it adds anything. */
  writes = false;
  /** Whether something is left for the next one. */
  rest = false;
  bytes = 0;

  constructor(extent: Extent) {
    this.extent = extent;
  }
}

export class Planner {
  readonly #clock: Clock;
  readonly #slabs = new Slabs();
  readonly #allocate = (bytes: number): Buffer => this.#slabs.allocate(bytes);
  /** When each lane's record was written, on the monotonic clock. */
  readonly #recorded = new Map<number, number>();
  /** Whose entries each lane has on disk. */
  readonly #segments = new Map<number, readonly Segment[]>();

  constructor(clock: Clock, lanes: ReadonlyMap<number, FoundLane>) {
    this.#clock = clock;
    for (const [lane, { segments }] of lanes) this.#segments.set(lane, segments);
  }

  segments(lane: Lane): readonly Segment[] {
    return this.#segments.get(lane.number) ?? [];
  }

  /** Plans a lane. What was dropped is not deleted before it is on disk that it was: a process that is killed in between could not tell. */
  plan(plan: Plan, lane: Lane): void {
    if (plan.extent === 'deletions' && lane.losses.unkept) return;
    const doomed = this.#planDoomed(plan, lane);
    if (plan.extent !== 'all') {
      if (doomed && plan.extent === 'room') planLosses(plan, lane);
      return;
    }
    const known = this.segments(lane);
    const { written, segments } = this.#planEntries(plan, lane, known);
    const losses = planLosses(plan, lane);
    if (!doomed && !losses && written === lane.disk.durable && !lane.disk.holed) return;
    plan.done.push(() => {
      lane.disk.durable = Math.max(lane.disk.durable, written);
      this.#segments.set(lane.number, segments);
    });
    if (segments.length > known.length || lane.disk.holed || this.#isBehind(lane))
      this.#planRecord(plan, lane, written, segments);
  }

  #isBehind({ number }: Lane): boolean {
    return this.#clock.monotonic() - (this.#recorded.get(number) ?? Number.NEGATIVE_INFINITY) >= RECORD_MS;
  }

  #planRecord(plan: Plan, lane: Lane, written: number, segments: readonly Segment[]): void {
    const record = recordOf(lane, written, segments);
    plan.changes.push({ key: laneKey(lane.number), value: encodeValue(record) });
    plan.writes = true;
    const { holed } = lane.disk;
    lane.disk.holed = false;
    plan.undo.push(() => {
      lane.disk.holed ||= holed;
    });
    plan.done.push(() => {
      this.#segments.set(lane.number, record.segments);
      this.#recorded.set(lane.number, this.#clock.monotonic());
    });
  }

  /** The record of a lane as it is on disk. */
  record(lane: Lane): Change {
    return { key: laneKey(lane.number), value: encodeValue(recordOf(lane, lane.disk.durable, this.segments(lane))) };
  }

  /** Keys to be deleted. Says whether there are any. */
  #planDoomed(plan: Plan, lane: Lane): boolean {
    if (lane.disk.doomed.length === 0) return false;
    const taken: Span[] = [];
    while (lane.disk.doomed.length > 0 && plan.changes.length < DOOMED_MAX) {
      const span = lane.disk.doomed.shift() as Span;
      const to = Math.min(span.to, span.from + DOOMED_MAX - plan.changes.length);
      for (let place = span.from; place < to; place++) plan.changes.push({ key: entryKey(lane.number, place) });
      if (to < span.to) lane.disk.doomed.unshift({ from: to, to: span.to });
      taken.push({ from: span.from, to });
    }
    plan.rest ||= lane.disk.doomed.length > 0;
    plan.undo.push(() => {
      lane.disk.doomed.unshift(...taken);
    });
    return taken.length > 0;
  }

  /** New entries up to the chunk's size: all of this run. Returns the place behind the last, and whose entries there are then. */
  #planEntries(plan: Plan, lane: Lane, known: readonly Segment[]): { written: number; segments: readonly Segment[] } {
    let [first, last]: (Entry | undefined)[] = [];
    const segments = (): readonly Segment[] =>
      first && last ? extend(known, first.position as number, first.run, first.n, last.n) : known;
    for (const entry of lane.disk.unwritten()) {
      if (plan.bytes >= CHUNK_BYTES) {
        plan.rest = true;
        return { written: entry.position as number, segments: segments() };
      }
      plan.changes.push({ key: entryKey(lane.number, entry.position as number), value: encodeEntry(entry, this.#allocate) });
      plan.bytes += entry.bytes;
      plan.writes = true;
      first ??= entry;
      last = entry;
    }
    return { written: lane.disk.places.end, segments: segments() };
  }
}

/** Losses that are not told go with what is deleted and written at the same moment. Says whether they are new. */
function planLosses(plan: Plan, { losses, number }: Lane): boolean {
  if (!losses.dirty) return false;
  const ranges = losses.all();
  plan.changes.push(ranges.length > 0 ? { key: lossesKey(number), value: encodeValue(ranges) } : { key: lossesKey(number) });
  losses.dirty = false;
  plan.undo.push(() => {
    losses.dirty = true;
  });
  plan.writes ||= ranges.length > 0;
  return true;
}

function recordOf(lane: Lane, written: number, segments: readonly Segment[]): LaneRecord {
  const { head } = lane.disk.places;
  const end = Math.max(written, head);
  const holes = lane.disk.places.holes.filter((hole) => hole.from < end).map(({ from, to }) => ({ from, to: Math.min(to, end) }));
  return {
    head,
    end,
    sum: lane.disk.sum,
    holes,
    segments: trimmed(segments, head),
    ...(lane.disk.suspect > head && { suspect: lane.disk.suspect }),
  };
}
