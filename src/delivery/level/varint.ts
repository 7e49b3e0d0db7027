/** LevelDB's numbers (util/coding.h): seven bits a byte, the lowest first. */

/** Reads numbers and byte strings one after another. Throws `RangeError` at the end of the bytes. */
export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A number below 2^53; what is larger loses its last digits. */
  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || factor > 2 ** 63) throw new RangeError('a number goes beyond the end');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  bytes(length = this.number()): Buffer {
    if (length > this.#bytes.length - this.#at) throw new RangeError('a string goes beyond the end');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
