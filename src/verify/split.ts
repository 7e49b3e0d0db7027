/**
 * Cuts the bytes of a file into events, NDJSON or MessagePack, as they come.
 *
 * What is no event goes on as it is, for the audit to refuse: a line, or in MessagePack everything up to where the next event begins.
 * Memory: one event, and the chunk it ends in; one that is longer than a message may be is cut.
 */
import { decodeJson, decodeMsgpack, MESSAGE_BYTES_MAX } from '../codec/decode.ts';
import { msgpackEnd, TooShort } from '../codec/msgpack-check.ts';
import type { Envelope } from '../consumer/message.ts';
import { MARK } from '../file/tail.ts';

const NEWLINE = 10;
const BRACE = 0x7b;
/** Of what is no event, so much is handed over, in bytes. */
const EXCERPT_BYTES = 1024;

export interface Found {
  /** It ends in the middle of an event. */
  readonly unfinished: boolean;
}

export class Splitter {
  readonly #place: string;
  readonly #take: (message: Envelope) => void;
  #format: 'json' | 'msgpack' | undefined;
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** With MessagePack: what is left is not looked at before there is so much of it, so that a long event is not walked at every chunk. */
  #enough = 0;
  #line = 0;
  /** With MessagePack: looking for where the next event begins. */
  #astray = false;

  constructor(place: string, take: (message: Envelope) => void) {
    this.#place = place;
    this.#take = take;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#format ??= chunk[0] === BRACE ? 'json' : isMap(chunk[0] as number) ? 'msgpack' : 'json';
    if (this.#format === 'json') this.#lines(chunk);
    else this.#values(chunk);
  }

  /** The end of the file. */
  end(): Found {
    const rest = this.#taken();
    if (rest.length === 0) return { unfinished: false };
    if (this.#format === 'json') {
      // Without its newline a line is whole if it is an event all the same.
      if (!decodes(() => decodeJson(rest))) return { unfinished: true };
      this.#line++;
      this.#emit(rest, 'application/json');
      return { unfinished: false };
    }
    const end = this.#cut(rest, true);
    return { unfinished: end < rest.length };
  }

  #lines(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, at);
      from = at + 1;
      const line = this.#restBytes === 0 ? piece : Buffer.concat([this.#taken(), piece]);
      this.#line++;
      if (line.length > 0) this.#emit(line, 'application/json');
    }
    this.#keep(chunk.subarray(from));
  }

  #values(chunk: Buffer): void {
    this.#keep(chunk);
    if (this.#restBytes < this.#enough) return;
    const bytes = this.#taken();
    const end = this.#cut(bytes, false);
    this.#keep(bytes.subarray(end));
    this.#enough = 2 * this.#restBytes;
  }

  /** Hands over the events that are whole, and what is none; returns where what may still become one begins. */
  #cut(bytes: Buffer, last: boolean): number {
    let at = 0;
    while (at < bytes.length) {
      const end = endOf(bytes, at);
      if (end === 'short' && !last && bytes.length - at <= MESSAGE_BYTES_MAX) return at;
      if (typeof end === 'number') {
        this.#emit(bytes.subarray(at, end), 'application/msgpack');
        at = end;
        continue;
      }
      // No event: the next one begins where its first bytes are.
      const next = bytes.indexOf(MARK, at + 1);
      if (next < 0 && end === 'short' && last) return at;
      const until = next < 0 ? Math.max(at + 1, bytes.length - (last ? 0 : MARK.length - 1)) : next;
      if (!this.#astray) this.#emit(bytes.subarray(at, Math.min(until, at + EXCERPT_BYTES)), 'application/msgpack');
      this.#astray = next < 0;
      at = until;
    }
    return at;
  }

  #emit(body: Buffer, contentType: string): void {
    const place = this.#format === 'json' ? `${this.#place}:${this.#line}` : this.#place;
    this.#take({ id: undefined, type: undefined, contentType, seq: undefined, backfill: false, body, place });
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
    if (this.#restBytes <= MESSAGE_BYTES_MAX || this.#format !== 'json') return;
    // No event is that long: it is refused by its beginning, and what follows up to the newline as well.
    const line = this.#taken();
    this.#emit(line.subarray(0, EXCERPT_BYTES), 'application/json');
  }

  #taken(): Buffer {
    const bytes = this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return bytes;
  }
}

const isMap = (byte: number): boolean => (byte >= 0x80 && byte <= 0x8f) || byte === 0xde || byte === 0xdf;

/** Where the event that begins at `at` ends; short: more bytes are needed to tell; bad: none begins here. */
function endOf(bytes: Buffer, at: number): number | 'short' | 'bad' {
  if (!isMap(bytes[at] as number)) return 'bad';
  let end: number;
  try {
    end = msgpackEnd(bytes, at);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error instanceof TooShort ? 'short' : 'bad';
  }
  // An event that was cut off takes the beginning of the next one for its own.
  const inner = bytes.subarray(at + 1, end + MARK.length - 1).includes(MARK);
  return inner && !decodes(() => decodeMsgpack(bytes.subarray(at, end))) ? 'bad' : end;
}

function decodes(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}
