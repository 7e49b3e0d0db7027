/**
 * What a spool holds beside its entries, and how a lane is found again after a start.
 *
 * A lane's record is written when a new run begins to write to it, when a hole is made, and every few seconds; not with every batch, since a
 * key that is far from those of the entries makes LevelDB merge its tables over and over. So the record may be behind. Which entries
 * there are is asked of the entries: the first and the last key, and the difference of their sums.
 */
import { decode, encode } from '@msgpack/msgpack';
import { decodeEntry, type Entry } from './entry.ts';
import { ALL_LANES, ALL_LOSSES, ALL_RUNS, entryRange, laneOfKey, placeOfKey, REPAIRED_KEY, runOfKey } from './keys.ts';
import type { LaneState } from './lane-state.ts';
import type { LossRange } from './losses.ts';
import type { Span } from './positions.ts';
import { extend, type Segment } from './segments.ts';
import type { KeyRange, Store } from './store.ts';

/** Entries read at once, and their bytes, while a spool is looked through. */
const READ_MAX = 1000;
const READ_BYTES_MAX = 4 * 2 ** 20;
/** Places are below it. */
const PLACE_END = 2 ** 48 - 1;

/** A lane's record. */
export interface LaneRecord {
  /** The first entry and the place behind the last, when this was written. */
  readonly head: number;
  readonly end: number;
  readonly sum: number;
  readonly holes: readonly Span[];
  readonly segments: readonly Segment[];
  /** Places below it may be missing, because the disk was found damaged; absent when none is. */
  readonly suspect?: number;
}

/** A lane as it was found. */
export interface FoundLane extends LaneState {
  readonly segments: readonly Segment[];
}

/** A run that did not end cleanly, or is the present one. */
export interface RunRecord {
  readonly lanes: number;
  /** The most events that a lane has in flight at once; undefined where they are not in order. */
  readonly window: number | undefined;
}

export interface SpoolState {
  readonly lanes: ReadonlyMap<number, FoundLane>;
  readonly losses: ReadonlyMap<number, readonly LossRange[]>;
  readonly runs: ReadonlyMap<string, RunRecord>;
}

export const encodeValue = (value: unknown): Buffer => {
  const bytes = encode(value, { ignoreUndefined: true });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

/** Entries of a range in their order, a piece at a time. */
async function* walk(store: Store, range: KeyRange): AsyncIterable<[key: Buffer, value: Buffer]> {
  for (let { from } = range; ; ) {
    const found = await store.read({ from, to: range.to }, READ_MAX, READ_BYTES_MAX);
    yield* found;
    const last = found.at(-1)?.[0];
    if (last === undefined) return;
    from = Buffer.concat([last, Buffer.of(0)]);
  }
}

/** What the disk says of the spool. After a repair every entry is looked at, because some may be gone. */
export async function readState(store: Store): Promise<SpoolState> {
  const [mark] = await store.read({ from: REPAIRED_KEY, to: Buffer.concat([REPAIRED_KEY, Buffer.of(0)]) }, 1, 1);
  const damaged = mark !== undefined;
  const lanes = new Map<number, FoundLane>();
  const losses = new Map<number, LossRange[]>();
  const runs = new Map<string, RunRecord>();
  const records = new Map<number, LaneRecord>();
  for await (const [key, value] of walk(store, ALL_LANES)) records.set(laneOfKey(key), decode(value) as LaneRecord);
  for await (const [key, value] of walk(store, ALL_LOSSES)) losses.set(laneOfKey(key), decode(value) as LossRange[]);
  for await (const [key, value] of walk(store, ALL_RUNS)) runs.set(runOfKey(key), decode(value) as RunRecord);
  // A lane without a record has no entries, unless the record is what was damaged.
  const numbers = damaged ? new Set([...records.keys(), ...(await lanesOfEntries(store))]) : records.keys();
  for (const number of numbers) lanes.set(number, await findLane(store, number, records.get(number), damaged));
  return { lanes, losses, runs };
}

/** Lanes that have entries: one look each. */
async function lanesOfEntries(store: Store): Promise<number[]> {
  const lanes: number[] = [];
  for (let lane = 0; ; lane++) {
    const [first] = await store.read({ from: entryRange(lane, 0, 0).from, to: Buffer.from('f') }, 1, 1);
    if (!first) return lanes;
    lane = laneOfKey(first[0]);
    lanes.push(lane);
  }
}

const NO_RECORD: LaneRecord = { head: 0, end: 0, sum: 0, holes: [], segments: [] };

async function findLane(store: Store, lane: number, record: LaneRecord | undefined, damaged: boolean): Promise<FoundLane> {
  const known = record ?? NO_RECORD;
  const all = entryRange(lane, known.head, PLACE_END);
  const [first] = await store.read(all, 1, 1);
  const last = await store.last(all);
  const end = Math.max(known.end, last ? placeOfKey(last) + 1 : 0);
  const suspect = damaged ? end : (known.suspect ?? 0);
  // What is before the first was delivered since the record was written, unless something may be missing.
  const isSuspect = record !== undefined && suspect > known.head;
  const head = isSuspect ? known.head : first ? placeOfKey(first[0]) : known.end;
  const entryOfFirst = first && decodeEntry(first[1], lane, placeOfKey(first[0]));
  const holes = known.holes.filter((hole) => hole.to > head && hole.from > head);
  const found = { head, end, holes, suspect, oldest: entryOfFirst?.time };
  if (!first || !last) return { ...known, ...found, bytes: 0 };
  const entryOfLast = await entryAt(store, lane, placeOfKey(last));
  if (!isSuspect && !damaged && entryOfFirst && entryOfLast) {
    const bytes = entryOfLast.sum - entryOfFirst.sum + entryOfFirst.bytes;
    return { ...found, bytes, sum: entryOfLast.sum, segments: withLast(known.segments, head, entryOfLast) };
  }
  return { ...found, ...(await searchLane(store, lane, known)) };
}

async function entryAt(store: Store, lane: number, place: number): Promise<Entry | undefined> {
  const [found] = await store.read(entryRange(lane, place, place + 1), 1, 1);
  return found && decodeEntry(found[1], lane, place);
}

/** A record that is behind does not know of the last numbers of its run. */
function withLast(segments: readonly Segment[], head: number, { run, n }: Entry): readonly Segment[] {
  const last = segments.at(-1);
  return last?.run === run ? [...segments.slice(0, -1), { ...last, last: n }] : extend(segments, head, run, n);
}

/** Looks at every entry of a lane. */
async function searchLane(store: Store, lane: number, known: LaneRecord): Promise<Pick<FoundLane, 'bytes' | 'sum' | 'segments'>> {
  let [bytes, sum, segments] = [0, known.sum, known.segments];
  for await (const [key, value] of walk(store, entryRange(lane, known.head, PLACE_END))) {
    const entry = decodeEntry(value, lane, placeOfKey(key));
    if (!entry) continue;
    bytes += entry.bytes;
    sum = Math.max(sum, entry.sum);
    const runs = segments.map((segment) => segment.run);
    const at = runs.lastIndexOf(entry.run);
    if (at === -1) segments = extend(segments, entry.position as number, entry.run, entry.n);
    else segments = segments.map((segment, i) => (i === at ? { ...segment, last: Math.max(segment.last, entry.n) } : segment));
  }
  return { bytes, sum, segments };
}
