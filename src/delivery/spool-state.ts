/** What a spool holds beside its entries, as it is on disk, and how it is found again after a start. */
import { decode, encode } from '@msgpack/msgpack';
import { decodeEntry } from './entry.ts';
import { ALL_ENTRIES, ALL_LANES, ALL_LOSSES, ALL_RUNS, entryKey, laneOfKey, placeOfKey, runOfKey } from './keys.ts';
import type { LaneState } from './lane.ts';
import type { LossRange } from './losses.ts';
import { extend, type Segment } from './segments.ts';
import type { KeyRange, Store } from './store.ts';

/** Small entries read at once, and bytes of entries while the whole spool is looked through. */
const READ_MAX = 1000;
const READ_BYTES_MAX = 4 * 2 ** 20;

/** A lane, and whose entries it holds. */
export interface LaneRecord extends LaneState {
  readonly segments: readonly Segment[];
}

/** A run that did not end cleanly, or is the present one. */
export interface RunRecord {
  readonly lanes: number;
  /** The most events that a lane has in flight at once; undefined where they are not in order. */
  readonly window: number | undefined;
}

export interface SpoolState {
  readonly lanes: ReadonlyMap<number, LaneRecord>;
  readonly losses: ReadonlyMap<number, readonly LossRange[]>;
  readonly runs: ReadonlyMap<string, RunRecord>;
}

export const encodeValue = (value: unknown): Buffer => {
  const bytes = encode(value, { ignoreUndefined: true });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

export const encodeLane = (record: LaneRecord): Buffer => encodeValue(record);

const decodeLane = (value: Buffer): LaneRecord => decode(value) as unknown as LaneRecord;

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

/** What the disk says of the spool. With `search`, the entries themselves are asked, because something was damaged. */
export async function readState(store: Store, search: boolean): Promise<SpoolState> {
  const lanes = new Map<number, LaneRecord>();
  const losses = new Map<number, LossRange[]>();
  const runs = new Map<string, RunRecord>();
  for await (const [key, value] of walk(store, ALL_LANES)) lanes.set(laneOfKey(key), decodeLane(value));
  for await (const [key, value] of walk(store, ALL_LOSSES)) losses.set(laneOfKey(key), decode(value) as LossRange[]);
  for await (const [key, value] of walk(store, ALL_RUNS)) runs.set(runOfKey(key), decode(value) as RunRecord);
  if (search) await searchEntries(store, lanes);
  return { lanes, losses, runs };
}

/** Makes the lanes' records agree with the entries that are there. Entries below a lane's head were delivered. */
async function searchEntries(store: Store, lanes: Map<number, LaneRecord>): Promise<void> {
  const found = new Map<number, { first: number; last: number; bytes: number; segments: readonly Segment[] }>();
  for await (const [key, value] of walk(store, ALL_ENTRIES)) {
    const [lane, place] = [laneOfKey(key), placeOfKey(key)];
    if (place < (lanes.get(lane)?.head ?? 0)) continue;
    const entry = decodeEntry(value, lane, place);
    if (!entry) continue;
    const seen = found.get(lane);
    found.set(lane, {
      first: seen?.first ?? place,
      last: place,
      bytes: (seen?.bytes ?? 0) + entry.bytes,
      segments: extend(seen?.segments ?? [], place, entry.run, entry.n),
    });
  }
  for (const [lane, { first, last, bytes, segments }] of found) {
    const known = lanes.get(lane);
    const end = Math.max(last + 1, known?.end ?? 0);
    // Without a record, what was settled and what was lost cannot be told apart: the first that is there is the first.
    lanes.set(lane, { head: first, cleared: first, holes: [], segments, ...known, end, bytes });
  }
}

/** The key behind the last of a lane's entries. */
export const afterLane = (lane: number): Buffer => entryKey(lane + 1, 0);
