/** The two identities of a message: the event's own (`id`), and its place in what a sink accepted (`tidegate-seq`). */
import { DecodeError } from '../codec/decode.ts';

/** An event's own identity: `n` counts the events of that sensor in that run from 1. The same on every repeat. */
export interface EventId {
  readonly agent: string;
  readonly run: string;
  readonly sensor: string;
  readonly n: number;
}

/** What a sink accepted: `n` counts from 1, without gaps, within a run and lane. */
export interface Sequence {
  readonly run: string;
  readonly lane: number;
  readonly n: number;
}

/** Longer texts are not tidegate's: names have at most 64 characters, and an agent's name is a host's. */
const LENGTH_MAX = 1024;
const LANE_MAX = 65_535;

/** `agent/run/sensor/n`. Throws `DecodeError`. */
export function parseId(id: string): EventId {
  const parts = id.length <= LENGTH_MAX ? id.split('/') : [];
  const [agent, run, sensor, digits] = parts;
  const n = counted(digits);
  if (parts.length !== 4 || !agent || !run || !sensor || n === undefined) {
    throw new DecodeError(`the id is ${excerpt(id)}; expected agent/run/sensor/number`);
  }
  return { agent, run, sensor, n };
}

/** The header `tidegate-seq`: `run/lane/n`. Throws `DecodeError`. */
export function parseSequence(seq: string): Sequence {
  const parts = seq.length <= LENGTH_MAX ? seq.split('/') : [];
  const [run, lane, digits] = parts;
  const n = counted(digits);
  const number = lane !== undefined && /^\d{1,5}$/.test(lane) ? Number(lane) : Number.NaN;
  if (parts.length !== 3 || !run || !(number <= LANE_MAX) || n === undefined) {
    throw new DecodeError(`the header tidegate-seq is ${excerpt(seq)}; expected run/lane/number`);
  }
  return { run, lane: number, n };
}

function counted(digits: string | undefined): number | undefined {
  const n = digits !== undefined && /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(n) && n >= 1 ? n : undefined;
}

const excerpt = (text: string): string => JSON.stringify(text.slice(0, 80));
