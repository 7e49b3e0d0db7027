/**
 * An event that a broker sink has accepted: encoded once, numbered, in a lane; and how it stands on disk.
 *
 * A value of the spool, version 1, is
 *
 *   version   1 byte
 *   checksum  4 bytes, CRC-32 of lane and place, as in the key, and all that follows
 *   sum       6 bytes: the size of everything that was ever spooled in this lane, this entry included
 *   length    2 bytes, of the head
 *   head      MessagePack array: run, n, id, type, time, agent, host, sensor, 1 for JSON or 0 for MessagePack; traceparent where there is one
 *   body      the encoded event
 *
 * LevelDB checks its own blocks only when it repairs, so that each value has a checksum of its own. Two sums tell how much lies between.
 */
import { crc32 } from 'node:zlib';
import { Decoder, Encoder } from '@msgpack/msgpack';
import type { Message } from '../broker.ts';
import { free } from '../free.ts';

const VALUE_VERSION = 1;
const HEAD_AT = 13;
const [SUM_AT, LENGTH_AT] = [5, 11];
/** What an entry costs in memory and on disk beside its body, in bytes: an estimate, for limits. */
const OVERHEAD_BYTES = 200;

const CONTENT_TYPES = ['application/msgpack', 'application/json'] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];

/** What an entry is made of. */
export type EntryFields = Omit<Message, 'seq' | 'backfill'> & { readonly run: string; readonly n: number };

export class Entry implements Message {
  readonly id: string;
  readonly type: string;
  readonly time: number;
  readonly agent: string;
  readonly host: string;
  readonly sensor: string;
  readonly contentType: ContentType;
  readonly body: Buffer;
  readonly lane: number;
  readonly run: string;
  /** Its number in this lane and run, from 1. */
  readonly n: number;
  readonly backfill = false;
  readonly traceparent: string | undefined;
  /** When it was accepted, on the monotonic clock, in milliseconds; 0 for one that came from the disk. */
  readonly accepted: number;
  /** Its place on disk, once it is to be there. */
  position: number | undefined;
  /** Once it has a place: the size of everything that was ever spooled in its lane up to it, in bytes. */
  sum = 0;
  /** Whether it is in flight. */
  sending = false;
  /** Whether somebody else may still read its body: a call that was given up, or the dead letter that it was. */
  shared = false;
  /** What limits count, in bytes. */
  readonly bytes: number;

  constructor(fields: EntryFields, accepted: number, position?: number) {
    this.id = fields.id;
    this.type = fields.type;
    this.time = fields.time;
    this.agent = fields.agent;
    this.host = fields.host;
    this.sensor = fields.sensor;
    this.contentType = fields.contentType;
    this.body = fields.body;
    this.lane = fields.lane;
    this.run = fields.run;
    this.n = fields.n;
    this.traceparent = fields.traceparent;
    this.accepted = accepted;
    this.position = position;
    this.bytes = fields.body.length + OVERHEAD_BYTES;
  }

  /** Nobody needs its body any more. Says whether its memory was given back; if not, it is the collector's. */
  free(): boolean {
    return !this.shared && free(this.body);
  }

  /** The same event, taken up again under another number. */
  again(number: Pick<EntryFields, 'lane' | 'run' | 'n'>, accepted: number): Entry {
    const { id, type, time, agent, host, sensor, contentType, body, traceparent } = this;
    const fields = { id, type, time, agent, host, sensor, contentType, body, traceparent, ...number };
    const entry = new Entry(fields, accepted);
    entry.shared = true;
    return entry;
  }

  get seq(): string {
    return `${this.run}/${this.lane}/${this.n}`;
  }
}

/** What limits count of entries together, in bytes. */
export const sizeOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

const encoder = new Encoder();
const decoder = new Decoder({ maxArrayLength: 16, maxStrLength: 65_535, maxMapLength: 0, maxBinLength: 0, maxExtLength: 0 });

/** The value that the spool keeps under the entry's place; a dead letter has none. */
export function encodeEntry(entry: Entry): Buffer {
  const { run, n, id, type, time, agent, host, sensor, contentType, body, sum, lane, position = 0, traceparent } = entry;
  const parts: unknown[] = [run, n, id, type, time, agent, host, sensor, CONTENT_TYPES.indexOf(contentType)];
  if (traceparent !== undefined) parts.push(traceparent);
  const head = encoder.encodeSharedRef(parts);
  const value = Buffer.allocUnsafe(HEAD_AT + head.length + body.length);
  value[0] = VALUE_VERSION;
  value.writeUIntBE(sum, SUM_AT, 6);
  value.writeUInt16BE(head.length, LENGTH_AT);
  value.set(head, HEAD_AT);
  value.set(body, HEAD_AT + head.length);
  value.writeUInt32BE(crc32(value.subarray(SUM_AT), seedOf(lane, position)), 1);
  return value;
}

/** A value that was moved to another key is as wrong as one that was changed. */
const seedOf = (lane: number, place: number): number => (Math.imul(lane + 1, 0x9e3779b1) ^ place) >>> 0;

/** An entry from its value; undefined when the value is not what was written. */
export function decodeEntry(value: Buffer, lane: number, place: number): Entry | undefined {
  if (value.length < HEAD_AT || value[0] !== VALUE_VERSION) return undefined;
  if (value.readUInt32BE(1) !== crc32(value.subarray(SUM_AT), seedOf(lane, place))) return undefined;
  const end = HEAD_AT + value.readUInt16BE(LENGTH_AT);
  const head = decoder.decode(value.subarray(HEAD_AT, end)) as Head;
  const [run, n, id, type, time, agent, host, sensor, json, traceparent] = head;
  const fields = {
    run,
    n,
    id,
    type,
    time,
    agent,
    host,
    sensor,
    contentType: CONTENT_TYPES[json],
    body: value.subarray(end),
    lane,
    traceparent,
  };
  const entry = new Entry(fields, 0, place);
  entry.sum = value.readUIntBE(SUM_AT, 6);
  return entry;
}

type Head = [string, number, string, string, number, string, string, string, 0 | 1, string?];
