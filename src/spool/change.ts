/**
 * What an operator does to the spool of a sink that nobody runs: dead letters are sent again or forgotten, spooled events are given up.
 * Each batch is written as a whole and synced, so that one that is interrupted has done a part, and everything is still in one place.
 */
import { readDeadLetters } from '../delivery/dead-letters.ts';
import { Entry, encodeEntry } from '../delivery/entry.ts';
import { ALL_ENTRIES, deadKey, entryKey, laneKey, lossesKey } from '../delivery/keys.ts';
import { EMPTY_LANE } from '../delivery/lane-state.ts';
import { Losses } from '../delivery/losses.ts';
import { extend } from '../delivery/segments.ts';
import { encodeValue, type FoundLane, type LaneRecord, readState } from '../delivery/spool-state.ts';
import { type Change, type Store, StoreError } from '../delivery/store.ts';
import { newRun } from '../run-id.ts';
import { entriesOf } from './contents.ts';

/** Changes written in one batch, and the bytes of their values. */
const BATCH_MAX = 2000;
const BATCH_BYTES_MAX = 4 * 2 ** 20;

/** Which dead letters: their numbers, or all. */
export type Which = ReadonlySet<number> | 'all';

interface OpenLane {
  end: number;
  sum: number;
  readonly found: FoundLane;
  segments: FoundLane['segments'];
  n: number;
}

const EMPTY: FoundLane = { ...EMPTY_LANE, segments: [] };

/**
 * Puts dead letters behind what is spooled, each in its lane, under the numbers of a run of their own: those they had are told as lost.
 * Returns how many there were.
 */
export async function retryDead(store: Store, which: Which): Promise<number> {
  const { lanes: found } = await readState(store);
  const run = newRun();
  const lanes = new Map<number, OpenLane>();
  let [changes, bytes, retried]: [Change[], number, number] = [[], 0, 0];
  const write = async (): Promise<void> => {
    for (const [number, lane] of lanes) changes.push({ key: laneKey(number), value: encodeValue(recordOf(lane)) });
    await store.write(changes, true);
    [changes, bytes] = [[], 0];
  };
  for await (const { number, entry } of readDeadLetters(store)) {
    if (which !== 'all' && !which.has(number)) continue;
    const lane = lanes.get(entry.lane) ?? openLane(found.get(entry.lane) ?? EMPTY);
    lanes.set(entry.lane, lane);
    const again = new Entry({ ...fieldsOf(entry), run, n: ++lane.n }, 0, lane.end++);
    lane.sum += again.bytes;
    again.sum = lane.sum;
    lane.segments = extend(lane.segments, again.position as number, run, again.n);
    changes.push({ key: entryKey(entry.lane, again.position as number), value: encodeEntry(again) }, { key: deadKey(number) });
    bytes += again.bytes;
    retried++;
    if (changes.length >= BATCH_MAX || bytes >= BATCH_BYTES_MAX) await write();
  }
  if (changes.length > 0) await write();
  return retried;
}

const openLane = (found: FoundLane): OpenLane => ({ found, end: found.end, sum: found.sum, segments: found.segments, n: 0 });

const recordOf = ({ found: { head, holes, suspect }, end, sum, segments }: OpenLane): LaneRecord => ({
  head,
  end,
  sum,
  holes,
  segments,
  ...(suspect > head && { suspect }),
});

const fieldsOf = ({ id, type, time, agent, host, sensor, contentType, body, lane }: Entry) => ({
  id,
  type,
  time,
  agent,
  host,
  sensor,
  contentType,
  body,
  lane,
});

/** Forgets dead letters. Returns how many there were. */
export async function discardDead(store: Store, which: Which): Promise<number> {
  let [changes, discarded]: [Change[], number] = [[], 0];
  for await (const { number } of readDeadLetters(store)) {
    if (which !== 'all' && !which.has(number)) continue;
    changes.push({ key: deadKey(number) });
    discarded++;
    if (changes.length < BATCH_MAX) continue;
    await store.write(changes, true);
    changes = [];
  }
  if (changes.length > 0) await store.write(changes, true);
  return discarded;
}

/** Gives up everything that is spooled, and leaves word of it for the far end. Returns how many there were. */
export async function discardSpooled(store: Store): Promise<number> {
  const { lanes, losses } = await readState(store);
  if ([...lanes.values()].some(({ suspect, head }) => suspect > head)) {
    throw new StoreError(
      'broken',
      'the spool was damaged, and what is lost of it is not counted yet: start the service, which does, then try again',
    );
  }
  let discarded = 0;
  for (const [number, found] of lanes) {
    const told = new Losses();
    told.restore(losses.get(number) ?? []);
    let changes: Change[] = [];
    const write = async (head: number): Promise<void> => {
      // All segments stay: those of a run that did not end tell the next start how far it came.
      const { end, sum, segments } = found;
      const record: LaneRecord = { head, end, sum, holes: [], segments };
      changes.push({ key: laneKey(number), value: encodeValue(record) });
      changes.push({ key: lossesKey(number), value: encodeValue(told.all()) });
      await store.write(changes, true);
      changes = [];
    };
    for await (const { position = 0, run, n } of entriesOf(store, number)) {
      told.add(run, 'discarded', n);
      changes.push({ key: entryKey(number, position) });
      discarded++;
      if (changes.length >= BATCH_MAX) await write(position + 1);
    }
    if (changes.length > 0) await write(found.end);
  }
  await store.compact(ALL_ENTRIES);
  return discarded;
}
