/** What a spool holds, one by one, as programs and people are shown it: plain data, which JSON carries. */
import { decodeEvent } from '../codec/decode.ts';
import type { DeadLetter } from '../delivery/dead-letters.ts';
import type { Entry } from '../delivery/entry.ts';

export interface SpoolItem {
  /** `run/lane/n`, the number that it is sent under. */
  readonly seq: string;
  readonly lane: number;
  readonly id: string;
  readonly type: string;
  /** When it was sampled, Unix time in milliseconds. */
  readonly time: number;
  readonly agent: string;
  readonly host: string;
  readonly sensor: string;
  /** What the spool's limits count, in bytes. */
  readonly bytes: number;
  readonly encoding: 'json' | 'msgpack';
  /** Of a dead letter: its number, why it is one, and since when, Unix time in milliseconds. */
  readonly number?: number;
  readonly reason?: string;
  readonly rejected?: number;
  /** The event of format 1 as JSON has it; left out where only a list was asked for. */
  readonly event?: unknown;
}

/** An entry without its event. */
export function itemOf(entry: Entry): SpoolItem {
  const { seq, lane, id, type, time, agent, host, sensor, bytes, contentType } = entry;
  const encoding = contentType === 'application/json' ? 'json' : 'msgpack';
  return { seq, lane, id, type, time, agent, host, sensor, bytes, encoding };
}

export const deadItemOf = ({ number, reason, time, entry }: DeadLetter): SpoolItem => ({
  ...itemOf(entry),
  number,
  reason,
  rejected: time,
});

/** With its event. */
export const withEvent = (item: SpoolItem, { body }: Entry): SpoolItem => ({ ...item, event: eventOf(body) });

/** The event as JSON has it, whatever it is encoded in; as text where it is none of format 1. */
function eventOf(body: Buffer): unknown {
  try {
    return JSON.parse(JSON.stringify(decodeEvent(body), nonNumbers));
  } catch {
    return body.toString('latin1');
  }
}

/** JSON has no words for these three. */
const nonNumbers = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
};

/** What an export writes of it, as one line. */
export function exported({ seq, lane, number, reason, event }: SpoolItem): string {
  return `${JSON.stringify({ seq, lane, number, reason, event })}\n`;
}
