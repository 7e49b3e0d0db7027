/**
 * Encodes messages as a record batch, version 2 (https://kafka.apache.org/documentation/#recordbatch).
 *
 * kafkajs allocates and clears 512 bytes for each header and each record, and copies each of them twice. This writes a batch into one
 * buffer, and what all messages of a kind share is encoded once.
 */
import { crc32c } from '@node-rs/crc32';
import type { Message } from '../broker.ts';
import { BACKFILL_HEADER, SEQ_HEADER, TRACE_HEADER } from '../broker.ts';
import { kindOf, TIME_MAX, timeOf } from '../cloud-events.ts';
import { constantHeaders, type Header } from './headers.ts';

/** Up to the records; the first 12 are not in the length, the first 21 not in the checksum. */
const HEAD_BYTES = 61;
const LENGTH_FROM = 12;
const CRC_AT = 17;
const CRC_FROM = 21;
const MAGIC = 2;
/** A record's own numbers and the lengths of its dynamic headers: more than they ever take, in bytes. */
const FRAME_BYTES_MAX = 96;
/** What an event without a usable timestamp has: the broker does not check it then. */
export const NO_TIMESTAMP = -1;
const KINDS_MAX = 1000;

/** A record's key and timestamp, which are not the message's own. */
export interface RecordOptions {
  /** Empty for none. */
  key(message: Message): string;
  /** False: the records have no timestamp. */
  readonly stamped: boolean;
  /** As a record batch numbers them; 0 is none. */
  readonly codec: number;
  compress?(records: Buffer): Promise<Buffer>;
  /** A buffer of at least this many bytes, which the batch may be written into; a new one unless told otherwise. */
  allocate?(bytes: number): Buffer;
}

export const timestampOf = ({ time }: Message, stamped: boolean): number =>
  stamped && time >= 0 && time <= TIME_MAX ? Math.floor(time) : NO_TIMESTAMP;

/** An upper bound of what a message takes in a batch, in bytes. */
export const sizeOf = (message: Message, key: string): number =>
  message.body.length +
  constantsOf(message).length +
  3 * (key.length + message.id.length + (message.seq?.length ?? 0)) +
  (message.traceparent === undefined ? 0 : TRACE.length + 3 * message.traceparent.length) +
  FRAME_BYTES_MAX;

/** A whole batch, compressed where that is asked for. */
export async function encodeBatch(messages: readonly Message[], options: RecordOptions): Promise<Buffer> {
  const { key, stamped, codec, compress, allocate = Buffer.allocUnsafe } = options;
  const keys = messages.map((message) => key(message));
  let size = HEAD_BYTES;
  for (let i = 0; i < messages.length; i++) size += sizeOf(messages[i] as Message, keys[i] as string);
  let batch = allocate(size);
  const first = timestampOf(messages[0] as Message, stamped);
  let [latest, at] = [first, HEAD_BYTES];
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as Message;
    const timestamp = timestampOf(message, stamped);
    if (timestamp > latest) latest = timestamp;
    at = writeRecord(batch, at, message, keys[i] as string, timestamp - first, i);
  }
  batch = batch.subarray(0, at);
  if (compress) batch = Buffer.concat([batch.subarray(0, HEAD_BYTES), await compress(batch.subarray(HEAD_BYTES))]);
  writeHead(batch, messages.length, codec, first, latest);
  return batch;
}

function writeHead(batch: Buffer, count: number, codec: number, first: number, latest: number): void {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - LENGTH_FROM, 8);
  batch.writeInt32BE(-1, LENGTH_FROM);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(codec, CRC_FROM);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(first), 27);
  batch.writeBigInt64BE(BigInt(latest), 35);
  // No producer id, no epoch, no sequence: the producer is not idempotent.
  batch.writeBigInt64BE(-1n, 43);
  batch.writeInt16BE(-1, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), CRC_AT);
}

function writeRecord(batch: Buffer, start: number, message: Message, key: string, delta: number, offset: number): number {
  const { body, id, seq, backfill, traceparent } = message;
  const constants = constantsOf(message);
  const time = timeOf(message);
  const [keyBytes, idBytes] = [Buffer.byteLength(key), Buffer.byteLength(id)];
  const seqBytes = seq === undefined ? 0 : Buffer.byteLength(seq);
  const traceBytes = traceparent === undefined ? 0 : Buffer.byteLength(traceparent);
  const count =
    CONSTANTS +
    1 +
    (time === undefined ? 0 : 1) +
    (seq === undefined ? 0 : 1) +
    (backfill ? 1 : 0) +
    (traceparent === undefined ? 0 : 1);
  // The length of a record comes first, as a varint, so everything is measured before it is written.
  const length =
    1 +
    varintSize(delta) +
    varintSize(offset) +
    (key === '' ? 1 : varintSize(keyBytes) + keyBytes) +
    varintSize(body.length) +
    body.length +
    1 +
    constants.length +
    ID.length +
    varintSize(idBytes) +
    idBytes +
    (time === undefined ? 0 : TIME.length + 1 + time.length) +
    (seq === undefined ? 0 : SEQ.length + varintSize(seqBytes) + seqBytes) +
    (backfill ? BACKFILL.length : 0) +
    (traceparent === undefined ? 0 : TRACE.length + varintSize(traceBytes) + traceBytes);
  let at = writeVarint(batch, start, length);
  batch[at++] = 0;
  at = writeVarint(batch, at, delta);
  at = writeVarint(batch, at, offset);
  at = key === '' ? writeVarint(batch, at, -1) : writeText(batch, writeVarint(batch, at, keyBytes), key);
  at = writeVarint(batch, at, body.length);
  at += body.copy(batch, at);
  at = writeVarint(batch, at, count);
  at += constants.copy(batch, at);
  at += ID.copy(batch, at);
  at = writeText(batch, writeVarint(batch, at, idBytes), id);
  if (time !== undefined) at = writeText(batch, writeVarint(batch, at + TIME.copy(batch, at), time.length), time);
  if (seq !== undefined) at = writeText(batch, writeVarint(batch, at + SEQ.copy(batch, at), seqBytes), seq);
  if (backfill) at += BACKFILL.copy(batch, at);
  if (traceparent !== undefined) at = writeText(batch, writeVarint(batch, at + TRACE.copy(batch, at), traceBytes), traceparent);
  return at;
}

const writeText = (batch: Buffer, at: number, text: string): number => at + batch.write(text, at);

/** A name before its value. */
const nameOf = (name: string): Buffer => lengthAnd(Buffer.from(name));
const ID = nameOf('ce_id');
const TIME = nameOf('ce_time');
const SEQ = nameOf(SEQ_HEADER);
const TRACE = nameOf(TRACE_HEADER);
const BACKFILL = Buffer.concat([nameOf(BACKFILL_HEADER), nameOf('true')]);
const CONSTANTS = 4;

function lengthAnd(bytes: Buffer): Buffer {
  const length = Buffer.alloc(varintSize(bytes.length));
  writeVarint(length, 0, bytes.length);
  return Buffer.concat([length, bytes]);
}

const encoded = new Map<string, Buffer>();

/** The headers that all messages of a kind share, encoded. */
function constantsOf(message: Message): Buffer {
  const kind = kindOf(message);
  const known = encoded.get(kind);
  if (known) return known;
  const pairs = constantHeaders(message).flatMap(([name, value]: Header) => [nameOf(name), nameOf(value)]);
  const made = Buffer.concat(pairs);
  if (encoded.size >= KINDS_MAX) encoded.clear();
  encoded.set(kind, made);
  return made;
}

/** Numbers go in groups of seven bits, those near zero first, positive and negative in turn. They may have more than 32 bits. */
function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

function varintSize(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  for (; rest > 127; size++) rest = Math.floor(rest / 128);
  return size;
}

function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  for (; rest > 127; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 128;
  buffer[at++] = rest;
  return at;
}
