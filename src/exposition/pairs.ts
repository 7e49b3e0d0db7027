/**
 * Labels as pages write them, `name="value"`, each made into strings once while it is in use. A page has few different pairs, and many
 * series of each; targets of one kind share most of theirs.
 *
 * Limits: SLOTS pairs of up to CELL_BYTES bytes are remembered, each at the place that its hash gives it, where a new one replaces the old.
 */
import { BACKSLASH, CLASS, EQUALS, LABEL, NEWLINE, QUOTE } from './ascii.ts';
import { sameBytes } from './bytes.ts';
import { type Strings, unescape } from './strings.ts';

const SLOTS = 2 ** 14;
const CELL_BYTES = 128;

export class Pairs {
  /** Of the pair found last. */
  key = '';
  text = '';
  hash = 0;
  readonly strings: Strings;
  readonly #bytes = new Uint8Array(SLOTS * CELL_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #sizes = new Uint8Array(SLOTS);
  readonly #keys: string[] = Array.from({ length: SLOTS }, () => '');
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => '');

  constructor(strings: Strings) {
    this.strings = strings;
  }

  /**
   * Reads the pair that starts with the label name at `at` and returns where it ends. Returns -1 for anything but `name="value"` on one line without
   * blanks: what it is instead is the caller's to find out.
   */
  read(bytes: Buffer, view: DataView, length: number, at: number): number {
    const end = this.#closing(bytes, view, at);
    if (end < 0 || end >= length) return -1;
    const size = end + 1 - at;
    if (size > CELL_BYTES) return this.#decode(bytes, at, end) ? end + 1 : -1;
    const { hash } = this;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    // Bytes that were a pair before are one again, so that nothing else is looked at.
    if (this.#sizes[slot] === size && sameBytes(this.#view, slot * CELL_BYTES, view, at, size)) {
      this.key = this.#keys[slot] as string;
      this.text = this.#texts[slot] as string;
      return end + 1;
    }
    if (!this.#decode(bytes, at, end)) return -1;
    bytes.copy(this.#bytes, slot * CELL_BYTES, at, end + 1);
    this.#sizes[slot] = size;
    this.#keys[slot] = this.key;
    this.#texts[slot] = this.text;
    return end + 1;
  }

  /** The hash of a pair that is written in another way: that of the usual one. */
  hashOf(key: string, text: string): number {
    const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
    const bytes = Buffer.from(`${key}="${escaped}"\n\n\n\n`);
    this.#closing(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
    return this.hash;
  }

  /** Where the second quote is that is not escaped, or -1 when a newline comes before. Four bytes at a time while none of them matters. */
  #closing(bytes: Buffer, view: DataView, at: number): number {
    let p = at;
    let hash = 0;
    let opened = false;
    for (;;) {
      const word = view.getInt32(p, true);
      // A byte is zero where subtracting 1 from it borrows: https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
      const quote = word ^ 0x22222222;
      const escape = word ^ 0x5c5c5c5c;
      const found =
        (((quote - 0x01010101) & ~quote) | ((escape - 0x01010101) & ~escape) | ((word - 0x20202020) & ~word)) & 0x80808080;
      if (found === 0) {
        hash = Math.imul(hash ^ word, 0x9e3779b1);
        hash ^= hash >>> 15;
        p += 4;
        continue;
      }
      // The first of them is sure, those behind it may be borrowed.
      const bits = 31 - Math.clz32(found & -found) - 7;
      hash = Math.imul(hash ^ (word & ((1 << bits) - 1)), 0x9e3779b1);
      hash ^= hash >>> 15;
      p += bits >> 3;
      const byte = bytes[p] as number;
      if (byte === QUOTE) {
        if (opened) {
          this.hash = hash;
          return p;
        }
        opened = true;
        p++;
      } else if (byte === NEWLINE) return -1;
      else if (byte === BACKSLASH) {
        hash = Math.imul(hash ^ (bytes[p + 1] as number), 0x01000193);
        if (bytes[p + 1] === NEWLINE) return -1;
        p += 2;
      } else p++;
    }
  }

  /** Whether the bytes up to the quote at `end` are a pair. */
  #decode(bytes: Buffer, at: number, end: number): boolean {
    let equals = at;
    while (((CLASS[bytes[equals] as number] as number) & LABEL) !== 0) equals++;
    if (bytes[equals] !== EQUALS || bytes[equals + 1] !== QUOTE) return false;
    const { strings } = this;
    this.key = strings.of(bytes, at, equals);
    this.text = unescape(strings.of(bytes, equals + 2, end));
    return true;
  }
}
