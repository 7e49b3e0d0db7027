/**
 * Values of the spool of version 1, which are read and no longer written. As now they begin with version, checksum and sum; then follow
 *
 *   length    2 bytes, of the head
 *   head      MessagePack array: run, n, id, type, time, agent, host, sensor, 1 for JSON or 0 for MessagePack; traceparent where there is one
 *   body      the encoded event
 */
import { Decoder } from '@msgpack/msgpack';
import type { Message } from '../broker.ts';

export const FORMER_VERSION = 1;
const [LENGTH_AT, HEAD_AT] = [11, 13];
export const FORMER_BYTES_MIN = HEAD_AT;

const decoder = new Decoder({ maxArrayLength: 16, maxStrLength: 65_535, maxMapLength: 0, maxBinLength: 0, maxExtLength: 0 });

type Head = [string, number, string, string, number, string, string, string, 0 | 1, string?];

/** What it holds, but for its lane, its checksum being right. */
export function formerFieldsOf(
  value: Buffer,
): Omit<Message, 'lane' | 'seq' | 'backfill'> & { readonly run: string; readonly n: number } {
  const end = HEAD_AT + value.readUInt16BE(LENGTH_AT);
  const [run, n, id, type, time, agent, host, sensor, json, traceparent] = decoder.decode(value.subarray(HEAD_AT, end)) as Head;
  const contentType = json === 1 ? 'application/json' : 'application/msgpack';
  return { run, n, id, type, time, agent, host, sensor, contentType, body: value.subarray(end), traceparent };
}
