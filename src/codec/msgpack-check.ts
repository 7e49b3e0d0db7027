/**
 * A walk over MessagePack that bounds what decoding it can cost.
 *
 * The library makes an array as long as its header claims before it reads the first element, so five bytes could ask for 32 GB.
 * Here every claimed element is held against the bytes that are left, each of which can be one element at most.
 */

/** Format 1 nests five deep: message, attributes, column, cell, and a label in it. */
const DEPTH_MAX = 8;

/** Payload bytes by first byte, for the types of fixed size that format 1 has: nil, booleans, floats, integers. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);
/** Bytes of the length that follows the first byte of strings, arrays and maps that are not short. */
const STRINGS: ReadonlyMap<number, number> = new Map([
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
]);
const ARRAYS: ReadonlyMap<number, number> = new Map([
  [0xdc, 2],
  [0xdd, 4],
]);
const MAPS: ReadonlyMap<number, number> = new Map([
  [0xde, 2],
  [0xdf, 4],
]);

/** Where more bytes are claimed than there are: what is here may be the beginning of something whole. */
export class TooShort extends RangeError {}

/** Throws a RangeError unless the bytes are one whole MessagePack value of the types that format 1 has, nested no deeper than it nests. */
export function checkMsgpack(bytes: Uint8Array): void {
  const end = new Walk(bytes).value(0, 0);
  if (end !== bytes.length) throw new RangeError(`${bytes.length - end} bytes follow the message`);
}

/** Where the value that starts at `at` ends. Throws as `checkMsgpack` does. */
export const msgpackEnd = (bytes: Uint8Array, at: number): number => new Walk(bytes).value(at, 0);

class Walk {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Walks the value at `at` and returns where the next one starts. */
  value(at: number, depth: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new TooShort('it ends in the middle of a value');
    if (depth > DEPTH_MAX) throw new RangeError(`it nests deeper than ${DEPTH_MAX}`);
    if (byte < 0x80 || byte >= 0xe0) return at + 1;
    if (byte < 0x90) return this.#members(at + 1, 2 * (byte & 0x0f), depth);
    if (byte < 0xa0) return this.#members(at + 1, byte & 0x0f, depth);
    if (byte < 0xc0) return this.#skip(at + 1, byte & 0x1f);
    const fixed = FIXED.get(byte);
    if (fixed !== undefined) return this.#skip(at + 1, fixed);
    for (const [types, factor] of [
      [STRINGS, 0],
      [ARRAYS, 1],
      [MAPS, 2],
    ] as const) {
      const size = types.get(byte);
      if (size === undefined) continue;
      const length = this.#length(at + 1, size);
      return factor === 0 ? this.#skip(at + 1 + size, length) : this.#members(at + 1 + size, factor * length, depth);
    }
    throw new RangeError(`the type 0x${byte.toString(16)} is none of format 1`);
  }

  #members(at: number, count: number, depth: number): number {
    if (count > this.#bytes.length - at)
      throw new TooShort(`${count} elements are claimed where ${this.#bytes.length - at} bytes are left`);
    let next = at;
    for (let i = 0; i < count; i++) next = this.value(next, depth + 1);
    return next;
  }

  #skip(at: number, count: number): number {
    if (count > this.#bytes.length - at)
      throw new TooShort(`${count} bytes are claimed where ${this.#bytes.length - at} are left`);
    return at + count;
  }

  #length(at: number, size: number): number {
    this.#skip(at, size);
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + (this.#bytes[at + i] as number);
    return length;
  }
}
