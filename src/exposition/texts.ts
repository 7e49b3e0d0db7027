/**
 * The texts that a page is made of, each kept once: series of one name begin alike, and metrics of one exporter have the same labels.
 *
 *   head    of a sample: what stands before it (comments, descriptions, empty lines), and its name
 *   block   of a sample: from behind the name up to the value: labels, if there are any, and the blank
 *   tail    what follows the last sample
 *
 * A text is a number, from 0 on, and its bytes lie behind those of the text before.
 */
import { SPACE, TAB } from './ascii.ts';

export interface Texts {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where each text begins, and behind those where the last ends. */
  readonly starts: Uint32Array;
  /** Where the part that tells series apart begins: in a head the name, in a block the block. */
  readonly cores: Uint32Array;
  /** A hash of what the text means: added, those of head and block are the same for the same name and labels in any order. */
  readonly hashes: Int32Array;
}

const TEXTS = 64;
const TEXT_BYTES = 64;

export class TextBuilder {
  count = 0;
  hashes: Int32Array<ArrayBuffer> = new Int32Array(TEXTS);
  #bytes: Buffer = Buffer.allocUnsafeSlow(TEXTS * TEXT_BYTES);
  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(TEXTS + 1);
  #cores: Uint32Array<ArrayBuffer> = new Uint32Array(TEXTS);

  /** A new text of a body's bytes; the part that tells series apart begins at `core`. */
  add(body: Buffer, from: number, core: number, to: number, hash: number): number {
    const { count } = this;
    if (count === this.hashes.length) this.#grow();
    const at = this.#starts[count] as number;
    const end = at + to - from;
    if (end > this.#bytes.length) this.#enlarge(end);
    body.copy(this.#bytes, at, from, to);
    this.#cores[count] = at + core - from;
    this.#starts[count + 1] = end;
    this.hashes[count] = hash;
    this.count++;
    return count;
  }

  build(): Texts {
    const { count } = this;
    const length = this.#starts[count] as number;
    const bytes = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(bytes, 0, 0, length);
    return {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, length),
      starts: this.#starts.slice(0, count + 1),
      cores: this.#cores.slice(0, count),
      hashes: this.hashes.slice(0, count),
    };
  }

  #grow(): void {
    const texts = this.count * 2;
    const [starts, cores, hashes] = [new Uint32Array(texts + 1), new Uint32Array(texts), new Int32Array(texts)];
    starts.set(this.#starts);
    cores.set(this.#cores);
    hashes.set(this.hashes);
    this.#starts = starts;
    this.#cores = cores;
    this.hashes = hashes;
  }

  #enlarge(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}

/** Where the part of a text that tells series apart ends: without the blanks before the value. */
export function coreEnd({ bytes, starts, cores }: Texts, text: number): number {
  const from = cores[text] as number;
  let p = starts[text + 1] as number;
  while (p > from && (bytes[p - 1] === SPACE || bytes[p - 1] === TAB)) p--;
  return p;
}
