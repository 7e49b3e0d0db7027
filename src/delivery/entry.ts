/**
 * An event that a broker sink has accepted: encoded once, numbered, in a lane; and how it stands on disk.
 *
 * A value of the spool, version 1, is
 *
 *   version   1 byte
 *   checksum  4 bytes, CRC-32 of all that follows
 *   length    2 bytes, of the head
 *   head      MessagePack array: run, n, id, type, time, agent, host, sensor, 1 for JSON or 0 for MessagePack
 *   body      the encoded event
 *
 * LevelDB checks its own blocks only when it repairs, so that each value has a checksum of its own.
 */
import { crc32 } from 'node:zlib';
import { Decoder, Encoder } from '@msgpack/msgpack';
import type { Message } from '../broker.ts';

const VALUE_VERSION = 1;
const HEAD_AT = 7;
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
  /** When it was accepted, on the monotonic clock, in milliseconds; 0 for one that came from the disk. */
  readonly accepted: number;
  /** Its place on disk, once it is to be there. */
  position: number | undefined;
  /** Whether it is in flight. */
  sending = false;

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
    this.accepted = accepted;
    this.position = position;
  }

  get seq(): string {
    return `${this.run}/${this.lane}/${this.n}`;
  }

  /** What limits count, in bytes. */
  get bytes(): number {
    return this.body.length + OVERHEAD_BYTES;
  }
}

const encoder = new Encoder();
const decoder = new Decoder({ maxArrayLength: 16, maxStrLength: 65_535, maxMapLength: 0, maxBinLength: 0, maxExtLength: 0 });

/** The value that the spool keeps. */
export function encodeEntry(entry: Entry): Buffer {
  const { run, n, id, type, time, agent, host, sensor, contentType, body } = entry;
  const head = encoder.encodeSharedRef([run, n, id, type, time, agent, host, sensor, CONTENT_TYPES.indexOf(contentType)]);
  const value = Buffer.allocUnsafe(HEAD_AT + head.length + body.length);
  value[0] = VALUE_VERSION;
  value.writeUInt16BE(head.length, 5);
  value.set(head, HEAD_AT);
  value.set(body, HEAD_AT + head.length);
  value.writeUInt32BE(crc32(value.subarray(5)), 1);
  return value;
}

/** An entry from its value; undefined when the value is not what was written. */
export function decodeEntry(value: Buffer, lane: number, position: number): Entry | undefined {
  if (value.length < HEAD_AT || value[0] !== VALUE_VERSION || value.readUInt32BE(1) !== crc32(value.subarray(5))) return undefined;
  const end = HEAD_AT + value.readUInt16BE(5);
  const head = decoder.decode(value.subarray(HEAD_AT, end)) as [string, number, string, string, number, string, string, string, 0 | 1];
  const [run, n, id, type, time, agent, host, sensor, json] = head;
  const fields = { run, n, id, type, time, agent, host, sensor, contentType: CONTENT_TYPES[json], body: value.subarray(end), lane };
  return new Entry(fields, 0, position);
}
