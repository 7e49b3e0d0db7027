/**
 * The keys of a spool, version 1. Numbers are big-endian, so that keys sort as what they name.
 *
 *   d <number: 6>              a dead letter
 *   e <lane: 2> <place: 6>     an entry
 *   l <lane: 2>                what entries do not tell of their lane: holes, whose they are
 *   r <run>                    a run that has not ended; its lanes and window
 *   x <lane: 2>                losses of a lane that are not told yet
 *   z                          the store was repaired, and something may be missing; written by the store, deleted by the spool
 */
import type { KeyRange } from './store.ts';

const code = (letter: string): number => letter.charCodeAt(0);
const [DEAD, ENTRY, LANE, RUN, LOSSES] = ['d', 'e', 'l', 'r', 'x'].map(code) as [number, number, number, number, number];

function laneKeyOf(kind: number, lane: number): Buffer {
  const key = Buffer.allocUnsafe(3);
  key[0] = kind;
  key.writeUInt16BE(lane, 1);
  return key;
}

export const entryKey = (lane: number, place: number): Buffer => {
  const key = Buffer.allocUnsafe(9);
  key[0] = ENTRY;
  key.writeUInt16BE(lane, 1);
  key.writeUIntBE(place, 3, 6);
  return key;
};
export const laneOfKey = (key: Buffer): number => key.readUInt16BE(1);
export const placeOfKey = (key: Buffer): number => key.readUIntBE(3, 6);
export const entryRange = (lane: number, from: number, to: number): KeyRange => ({
  from: entryKey(lane, from),
  to: entryKey(lane, to),
});

export const laneKey = (lane: number): Buffer => laneKeyOf(LANE, lane);
export const lossesKey = (lane: number): Buffer => laneKeyOf(LOSSES, lane);

export const runKey = (run: string): Buffer => Buffer.concat([Buffer.of(RUN), Buffer.from(run)]);
export const runOfKey = (key: Buffer): string => key.subarray(1).toString();

export const deadKey = (number: number): Buffer => {
  const key = Buffer.allocUnsafe(7);
  key[0] = DEAD;
  key.writeUIntBE(number, 1, 6);
  return key;
};
export const deadOfKey = (key: Buffer): number => key.readUIntBE(1, 6);

export const REPAIRED_KEY = Buffer.from('z');

const allOf = (kind: number): KeyRange => ({ from: Buffer.of(kind), to: Buffer.of(kind + 1) });
export const ALL_DEAD: KeyRange = allOf(DEAD);
export const ALL_ENTRIES: KeyRange = allOf(ENTRY);
export const ALL_LANES: KeyRange = allOf(LANE);
export const ALL_RUNS: KeyRange = allOf(RUN);
export const ALL_LOSSES: KeyRange = allOf(LOSSES);
