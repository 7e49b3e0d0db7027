/**
 * Bytes of which much is there several times: series of one metric have one name, and metrics of one exporter have the same labels in the same order. Each text is kept once, in the order in
 * which it was first seen, so that what comes again in that order is one range. Copied out, they are what they were.
 */

export interface Packed {
  readonly bytes: Buffer;
  /** From, to and how often, one range after the other. */
  readonly ranges: Uint32Array;
  /** Bytes when copied out. */
  readonly length: number;
}

/** Up to this length a loop is faster than a call. */
const SHORT = 24;

export class Packer<K> {
  #length = 0;
  #end = 0;
  readonly #parts: Uint8Array[] = [];
  readonly #ranges: number[] = [];
  /** Begin and end of what is there. */
  readonly #known = new Map<K, { readonly from: number; readonly to: number }>();
  readonly #encode: (key: K) => Uint8Array;

  constructor(encode: (key: K) => Uint8Array) {
    this.#encode = encode;
  }

  /** Adds bytes that are not looked for again. */
  add(bytes: Uint8Array): void {
    this.#range(this.#end, this.#store(bytes));
  }

  /** Adds the encoding of a key: the one that is there, if it was added before. */
  addKnown(key: K): void {
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { from: this.#end, to: this.#store(this.#encode(key)) };
      this.#known.set(key, known);
    }
    this.#range(known.from, known.to);
  }

  build(): Packed {
    const bytes = Buffer.allocUnsafeSlow(this.#end);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { bytes, ranges: Uint32Array.from(this.#ranges), length: this.#length };
  }

  /** Returns where it ends. */
  #store(bytes: Uint8Array): number {
    this.#parts.push(bytes);
    this.#end += bytes.length;
    return this.#end;
  }

  #range(from: number, to: number): void {
    const ranges = this.#ranges;
    const last = ranges.length - 3;
    this.#length += to - from;
    if (last >= 0 && ranges[last] === from && ranges[last + 1] === to) (ranges[last + 2] as number)++;
    else if (last >= 0 && ranges[last + 1] === from && ranges[last + 2] === 1) ranges[last + 1] = to;
    else ranges.push(from, to, 1);
  }
}

/** Writes packed bytes at an offset that has room for them, and returns the offset behind them. */
export function unpack({ bytes, ranges }: Packed, target: Buffer, at: number): number {
  let p = at;
  for (let i = 0; i < ranges.length; i += 3) {
    const [from, to] = [ranges[i] as number, ranges[i + 1] as number];
    const size = to - from;
    if (size > SHORT) bytes.copy(target, p, from, to);
    else for (let k = 0; k < size; k++) target[p + k] = bytes[from + k] as number;
    const end = p + size * (ranges[i + 2] as number);
    // What is there is doubled until it is enough.
    for (let done = size; p + done < end; done *= 2) target.copyWithin(p + done, p, Math.min(p + done, end - done));
    p = end;
  }
  return p;
}
