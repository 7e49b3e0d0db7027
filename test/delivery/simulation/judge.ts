/**
 * Judges what arrived, naively: every number of every run and lane is there or explained, in order, and repeated only where that is no
 * fault. Throws with what is wrong.
 */
import type { Arrival, LossRow, SimulatedBroker } from './broker.ts';

export interface Accepted {
  /** The last number given, by run and lane. */
  readonly last: ReadonlyMap<string, number>;
  /** Runs that ended by a kill or a power cut, or could not write that they ended. */
  readonly unclean: ReadonlySet<string>;
  /**
   * Runs of which the disk knew nothing when they ended: it failed all the time, or a power cut took what it had not been told to keep.
   * Nobody can tell then what they had in memory alone. What they sent is told of all the same: a lane tells of a hole before it goes
   * on behind it, so that only the last `window` numbers before the highest, and those above, are forgiven; all without order.
   */
  readonly untold: ReadonlyMap<string, number | undefined>;
  /** Moments, on the monotonic clock, after which repeats of what arrived before are no fault: crashes, stops, reloads. */
  readonly pardons: readonly number[];
  readonly backfill: boolean;
  /** Whether entries were damaged on disk, so that ranges may claim too much. */
  readonly damaged: boolean;
}

interface Stream {
  readonly key: string;
  readonly numbers: Map<number, Arrival>;
  highest: number;
}

export function judge(broker: SimulatedBroker, accepted: Accepted): { repeats: number; explained: number } {
  if (broker.hollow.length > 0) throw new Error(`${broker.hollow.join(', ')} came without a body`);
  const streams = new Map<string, Stream>();
  const rows: LossRow[] = [];
  let repeats = 0;
  for (const arrival of broker.arrived) {
    if (arrival.notice) rows.push(...arrival.notice);
    if (arrival.seq === undefined) continue;
    const [run, lane, text] = arrival.seq.split('/') as [string, string, string];
    const [key, n] = [`${run}/${lane}`, Number(text)];
    let stream = streams.get(key);
    if (!stream) streams.set(key, (stream = { key, numbers: new Map(), highest: 0 }));
    const before = stream.numbers.get(n);
    if (before) {
      repeats++;
      const pardoned = accepted.pardons.some((at) => at >= before.at && at <= arrival.at);
      if (!pardoned && !broker.doubtful.has(arrival.seq)) throw new Error(`${arrival.seq} came twice, and no answer was lost`);
      continue;
    }
    // What was given up and told may come back from the disk after a crash.
    const told = rows.some((row) => row.run === run && row.lane === lane && claimsOf(row, n, stream.highest));
    // So may what was rejected, when its dead letter was not on disk yet.
    const returned = (told || broker.rejected.has(arrival.seq)) && accepted.pardons.length > 0;
    if (n < stream.highest && !arrival.backfill && !accepted.backfill && !returned) {
      throw new Error(`${arrival.seq} came after ${stream.highest}`);
    }
    stream.numbers.set(n, arrival);
    stream.highest = Math.max(stream.highest, n);
  }
  let explained = 0;
  for (const [key, last] of accepted.last) explained += judgeStream(key, last, streams.get(key), rows, accepted, broker);
  return { repeats, explained };
}

function judgeStream(
  key: string,
  last: number,
  stream: Stream | undefined,
  rows: readonly LossRow[],
  { unclean, untold, damaged, pardons }: Accepted,
  { doubtful }: SimulatedBroker,
): number {
  const [run, lane] = key.split('/') as [string, string];
  const mine = rows.filter((row) => row.run === run && row.lane === lane);
  const highest = stream?.highest ?? 0;
  let missing = 0;
  for (let n = 1; n <= last; n++) {
    const claims = mine.filter((row) => claimsOf(row, n, highest));
    const exact = claims.some(
      (row) => row.last !== null && row.events === row.last - row.first + 1 && row.reason !== 'corrupted',
    );
    if (stream?.numbers.has(n)) {
      // After a crash the disk may give back what had arrived, and that may be given up and told.
      if (exact && !damaged && pardons.length === 0 && !doubtful.has(`${key}/${n}`))
        throw new Error(`${key}/${n} arrived, and is told to be lost`);
      continue;
    }
    missing++;
    if (untold.has(run) && n > highest - (untold.get(run) ?? Number.POSITIVE_INFINITY)) continue;
    if (claims.length === 0) throw new Error(`${key}/${n} of ${last} is missing (highest ${highest}), and nothing explains it`);
  }
  if (mine.some((row) => row.last === null) && !unclean.has(run))
    throw new Error(`${run} ended cleanly, and is told not to have`);
  return missing;
}

function claimsOf({ first, last, window }: LossRow, n: number, highest: number): boolean {
  if (n < first) return false;
  if (last !== null) return n <= last;
  return window === null || n > highest - window;
}
