/**
 * An event that a broker sink has accepted: encoded once, numbered, in a lane; and how it stands on disk.
 *
 * A value of the spool, version 2, with numbers in big-endian order, is
 *
 *   version   1 byte
 *   checksum  4 bytes, CRC-32 of version, lane and place, as in the key, and all that follows
 *   sum       6 bytes: the size of everything that was ever spooled in this lane, this entry included
 *   n, time   8 bytes each, float 64
 *   flags     1 byte: 1 for JSON, 2 where there is a traceparent
 *   lengths   2 bytes each, in UTF-16 code units, of run, id, type, agent, host, sensor, traceparent
 *   size      4 bytes: of the text, in bytes
 *   text      UTF-8: all of these, one behind the other, because to encode or decode a string costs as much as all of them
 *   body      the encoded event
 *
 * LevelDB checks its own blocks only when it repairs, so that each value has a checksum of its own. Two sums tell how much lies between.
 */
import { crc32 } from 'node:zlib';
import type { Message } from '../broker.ts';
import { free } from '../free.ts';
import { FORMER_BYTES_MIN, FORMER_VERSION, formerFieldsOf } from './former-entry.ts';

const VALUE_VERSION = 2;
const [CHECKSUM_AT, SUM_AT, N_AT, TIME_AT, FLAGS_AT, LENGTHS_AT, SIZE_AT, TEXT_AT] = [1, 5, 11, 19, 27, 28, 42, 46];
const [JSON_FLAG, TRACED_FLAG] = [1, 2];
/** What an entry costs in memory and on disk beside its body, in bytes: an estimate, for limits. */
const OVERHEAD_BYTES = 200;

export type ContentType = Message['contentType'];
const MSGPACK_TYPE: ContentType = 'application/msgpack';
const JSON_TYPE: ContentType = 'application/json';

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
  /** Whether its body is not to be given back: it was, or somebody else may still read it, a call that was given up or the dead letter that it was. */
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
    if (this.shared) return false;
    this.shared = true;
    return free(this.body);
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

/** The value that the spool keeps under the entry's place; a dead letter has none. `allocate` makes a buffer of so many bytes. */
export function encodeEntry(entry: Entry, allocate: (bytes: number) => Buffer = Buffer.allocUnsafe): Buffer {
  const { run, id, type, agent, host, sensor, traceparent = '', body, lane, position = 0 } = entry;
  const texts = [run, id, type, agent, host, sensor, traceparent];
  const text = texts.join('');
  const size = Buffer.byteLength(text);
  const value = allocate(TEXT_AT + size + body.length);
  value[0] = VALUE_VERSION;
  value.writeUIntBE(entry.sum, SUM_AT, 6);
  value.writeDoubleBE(entry.n, N_AT);
  value.writeDoubleBE(entry.time, TIME_AT);
  value[FLAGS_AT] = (entry.contentType === JSON_TYPE ? JSON_FLAG : 0) | (entry.traceparent === undefined ? 0 : TRACED_FLAG);
  for (let i = 0, at = LENGTHS_AT; at < SIZE_AT; i++, at += 2) value.writeUInt16BE((texts[i] as string).length, at);
  value.writeUInt32BE(size, SIZE_AT);
  value.write(text, TEXT_AT);
  value.set(body, TEXT_AT + size);
  value.writeUInt32BE(crc32(value.subarray(SUM_AT), seedOf(lane, position, VALUE_VERSION)), CHECKSUM_AT);
  return value;
}

/** A value that was moved to another key is as wrong as one that was changed, or whose version was. */
const seedOf = (lane: number, place: number, version: number): number =>
  (Math.imul(lane + 1, 0x9e3779b1) ^ Math.imul(version - FORMER_VERSION, 0x85ebca6b) ^ place) >>> 0;

/** An entry from its value; undefined when the value is not what was written. */
export function decodeEntry(value: Buffer, lane: number, place: number): Entry | undefined {
  const [version, size] = [value[0], value.length];
  const known = (version === VALUE_VERSION && size >= TEXT_AT) || (version === FORMER_VERSION && size >= FORMER_BYTES_MIN);
  if (!known || value.readUInt32BE(CHECKSUM_AT) !== crc32(value.subarray(SUM_AT), seedOf(lane, place, version))) return undefined;
  const fields = version === VALUE_VERSION ? fieldsOf(value) : formerFieldsOf(value);
  const entry = new Entry({ ...fields, lane }, 0, place);
  entry.sum = value.readUIntBE(SUM_AT, 6);
  return entry;
}

function fieldsOf(value: Buffer): Omit<EntryFields, 'lane'> {
  const flags = value[FLAGS_AT] as number;
  const end = TEXT_AT + value.readUInt32BE(SIZE_AT);
  const text = value.toString('utf8', TEXT_AT, end);
  let [from, at] = [0, LENGTHS_AT];
  const next = (): string => {
    const to = from + value.readUInt16BE(at);
    const part = text.slice(from, to);
    [from, at] = [to, at + 2];
    return part;
  };
  // In their order.
  const [run, id, type, agent, host, sensor, traceparent] = [next(), next(), next(), next(), next(), next(), next()];
  return {
    run,
    n: value.readDoubleBE(N_AT),
    id,
    type,
    time: value.readDoubleBE(TIME_AT),
    agent,
    host,
    sensor,
    contentType: (flags & JSON_FLAG) === 0 ? MSGPACK_TYPE : JSON_TYPE,
    body: value.subarray(end),
    traceparent: (flags & TRACED_FLAG) === 0 ? undefined : traceparent,
  };
}
