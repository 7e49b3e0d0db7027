/**
 * Finds the end of what is whole in a file of events, from its end backwards, so that opening costs the same at 1 KB and at 1 GB.
 *
 *   ndjson    An event ends with a newline, and a newline is nowhere else. Lines that hold a NUL, which JSON never does, are
 *             blocks that a power cut left unwritten: they are not whole.
 *   msgpack   Events follow one another with nothing between: a plain sequence, which every MessagePack library reads. Every event
 *             starts with the same bytes (`MARK`), so the last ones are found by searching backwards. A find is only believed when the
 *             event decodes: number columns may hold any bytes. A power cut that left zeros up to exactly the end of the last event
 *             cannot be told from numbers that are zero; NDJSON, or `fsync: always`, has no such doubt.
 */
import { decodeJson, decodeMsgpack } from '../codec/decode.ts';
import { msgpackEnd } from '../codec/msgpack-check.ts';
import { SinkError } from '../errors.ts';

export type FileFormat = 'ndjson' | 'msgpack';

/** Where what is whole ends, in bytes from the start. `unterminated`: it ends with an event whose newline is missing. */
export interface Tail {
  readonly end: number;
  readonly unterminated: boolean;
}

/** What of a file is read here. */
export interface Readable {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** What is read first, in bytes; it doubles until it holds a whole event. */
const WINDOW_BYTES = 64 * 1024;
/** A file without a whole event in that many bytes at its end is not one of ours. Twice the longest message that is decoded. */
const WINDOW_BYTES_MAX = 256 * 2 ** 20;
const NEWLINE = 10;
/** A map of ten members, of which the first is `v: 1` and the second `id`: how every event of format 1 starts. */
export const MARK = Buffer.from([0x8a, 0xa1, 0x76, 0x01, 0xa2, 0x69, 0x64]);
const FIRST_BYTE: Readonly<Record<FileFormat, number>> = { ndjson: 0x7b, msgpack: 0x8a };

/** Looks at a file of `size` bytes. Rejects with a `misconfigured` SinkError when it holds something else than events of this format. */
export async function findTail(file: Readable, path: string, size: number, format: FileFormat): Promise<Tail> {
  if (size === 0) return { end: 0, unterminated: false };
  const [first] = await readAt(file, 0, 1);
  if (first !== FIRST_BYTE[format] && first !== 0) {
    throw new SinkError(
      'misconfigured',
      `${path} holds something else than ${format} events: move it away or choose another path`,
    );
  }
  const find = format === 'ndjson' ? ndjsonTail : msgpackTail;
  for (let length = Math.min(size, WINDOW_BYTES); ; length = Math.min(size, 2 * length)) {
    const start = size - length;
    const tail = find(await readAt(file, start, length), start === 0);
    if (tail) return { ...tail, end: start + tail.end };
    if (start === 0) return { end: 0, unterminated: false };
    if (length >= WINDOW_BYTES_MAX) {
      throw new SinkError(
        'misconfigured',
        `${path} holds no event in its last ${length} bytes: move it away or choose another path`,
      );
    }
  }
}

/** Bytes from a position; fewer when the file is shorter. */
export async function readAt(file: Readable, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await file.read(bytes, have, length - have, position + have);
    if (bytesRead === 0) break;
    have += bytesRead;
  }
  return bytes.subarray(0, have);
}

/** The tail within a window at the file's end, or undefined when the window is too short to tell; `all`: it is the whole file. */
function ndjsonTail(window: Buffer, all: boolean): Tail | undefined {
  let end = window.lastIndexOf(NEWLINE) + 1;
  if (end === 0 && !all) return undefined;
  const rest = window.subarray(end);
  if (rest.length > 0 && decodes(() => decodeJson(rest))) return { end: window.length, unterminated: true };
  while (end > 0) {
    const start = window.subarray(0, end - 1).lastIndexOf(NEWLINE) + 1;
    if (start === 0 && !all) return undefined;
    if (!window.subarray(start, end).includes(0)) return { end, unterminated: false };
    end = start;
  }
  return all ? { end: 0, unterminated: false } : undefined;
}

function msgpackTail(window: Buffer): Tail | undefined {
  for (let at = window.lastIndexOf(MARK); at >= 0; at = at === 0 ? -1 : window.lastIndexOf(MARK, at - 1)) {
    const end = endOfEvents(window, at);
    if (end > at) return { end, unterminated: false };
  }
  return undefined;
}

/** The end of the whole events that follow one another from `at` on. */
function endOfEvents(bytes: Buffer, at: number): number {
  let [start, end] = [at, at];
  const next = (): void => {
    const stop = msgpackEnd(bytes, end);
    decodeMsgpack(bytes.subarray(end, stop));
    [start, end] = [end, stop];
  };
  while (end < bytes.length && decodes(next));
  // Zeros that a power cut left may have taken the place of the last numbers: an event that ends like what follows it is not believed.
  return bytes[end] === 0 && bytes[end - 1] === 0 ? start : end;
}

function decodes(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}
