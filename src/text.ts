/**
 * Reads numbers and words out of bytes, as the files of `/proc` and `/sys` hold them, without making a string of the file.
 *
 * A `Text` is the bytes of one file in a buffer that the next read of the file overwrites: take what you need, keep no `Text`
 * or `Row`. `rows()` walks lines with one reused `Row`, whose words are separated by blanks and tabs. Numbers are doubles: an
 * integer above 2^53 loses its last digits.
 */
import { Malformed } from './errors.ts';

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
/** More digits than this may not fit into the integer part of a double. */
const EXACT_DIGITS_MAX = 15;
/** Of ten. `**` need not be exact. */
const POWERS = Array.from({ length: EXACT_DIGITS_MAX + 1 }, (_, exponent) => Number(`1e${exponent}`));
/** The value of a hexadecimal digit by its ASCII code, and -1. */
const HEX = Array.from({ length: 256 }, (_, code) => '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()));
/** Of hexadecimal digits, so many fit exactly into a double, and so many are 64 bits. */
const [EXACT_HEX_MAX, HEX_MAX] = [13, 16];

export class Text {
  readonly file: string;
  buffer: Buffer;
  length: number;

  constructor(file: string, buffer: Buffer, length: number) {
    this.file = file;
    this.buffer = buffer;
    this.length = length;
  }

  static of(content: string, file = 'text'): Text {
    const buffer = Buffer.from(content);
    return new Text(file, buffer, buffer.length);
  }

  /** Lines from the start, empty ones included, through one reused row. */
  rows(): Iterable<Row> & Iterator<Row> {
    const row = new Row(this);
    // Written out, because a generator costs more than most of these files have to be parsed.
    const result = { done: false, value: row };
    return {
      next() {
        result.done = !row.next();
        return result;
      },
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  /** The first line; an empty row when there is none. */
  first(): Row {
    const row = new Row(this);
    if (!row.next()) row.end = 0;
    return row;
  }

  /**
   * The number behind a key at the start of a line (`MemFree:  123 kB`), or undefined when no line has that key.
   * `key` is the bytes of a newline, the key and what follows it: see `keyBytes`.
   */
  numberAfter(key: Buffer): number | undefined {
    const body = key.subarray(1);
    let at = -1;
    if (this.length >= body.length && this.buffer.compare(body, 0, body.length, 0, body.length) === 0) at = body.length;
    else {
      const found = this.buffer.indexOf(key);
      if (found >= 0 && found + key.length <= this.length) at = found + key.length;
    }
    if (at < 0) return undefined;
    const row = new Row(this);
    row.start = at;
    row.end = this.#lineEnd(at);
    return row.number(0);
  }

  /** The whole as a string, without white space at its end. */
  trimmed(): string {
    return this.buffer.toString('utf8', 0, this.length).trimEnd();
  }

  /** The whole as a string. */
  toString(): string {
    return this.buffer.toString('utf8', 0, this.length);
  }

  /** The first word as a number (a file such as `/sys/class/net/eth0/speed`); throws `Malformed` when it is none. */
  number(): number {
    return this.first().number(0);
  }

  #lineEnd(from: number): number {
    const end = this.buffer.indexOf(NEWLINE, from);
    return end < 0 || end > this.length ? this.length : end;
  }
}

/** A key to search for with `numberAfter`: `keyBytes('MemFree:')`. */
export const keyBytes = (key: string): Buffer => Buffer.from(`\n${key}`);

/** One line. Words are found when they are first asked for. */
export class Row {
  /** Number of the line, from 1. */
  line = 0;
  start = 0;
  end = -1;
  readonly #text: Text;
  /** Start and end of each word found so far. */
  readonly #words: number[] = [];
  #found = 0;
  #scanned = -1;

  constructor(text: Text) {
    this.#text = text;
  }

  /** Moves to the next line; false at the end of the text. */
  next(): boolean {
    const { buffer, length } = this.#text;
    const start = this.end + 1;
    if (start >= length) return false;
    let end = start;
    while (end < length && buffer[end] !== NEWLINE) end++;
    this.start = start;
    this.end = end;
    this.line++;
    this.#found = 0;
    this.#scanned = -1;
    return true;
  }

  /** How many words the line has. */
  get count(): number {
    this.#find(Number.MAX_SAFE_INTEGER);
    return this.#found;
  }

  /** The word at `index`; throws `Malformed` when the line is shorter. */
  text(index: number): string {
    this.#need(index);
    return this.#text.buffer.toString('utf8', this.#words[2 * index], this.#words[2 * index + 1]);
  }

  /** The line from its start, or from the word at `index`, to its end. */
  rest(index = -1): string {
    if (index >= 0) this.#need(index);
    return this.#text.buffer.toString('utf8', index < 0 ? this.start : this.#words[2 * index], this.end);
  }

  /** Whether the word at `index` is exactly this (ASCII). Costs no string. */
  is(index: number, word: string): boolean {
    if (!this.#find(index)) return false;
    const from = this.#words[2 * index] as number;
    if ((this.#words[2 * index + 1] as number) - from !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.#text.buffer[from + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  /** Whether the line starts with this (ASCII). */
  startsWith(prefix: string): boolean {
    if (this.end - this.start < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) if (this.#text.buffer[this.start + i] !== prefix.charCodeAt(i)) return false;
    return true;
  }

  /** The word at `index` as a number: decimal digits with an optional sign and fraction. Throws `Malformed` otherwise. */
  number(index: number): number {
    this.#need(index);
    return this.#parse(this.#words[2 * index] as number, this.#words[2 * index + 1] as number);
  }

  /** As `number`, but undefined when the line has no such word. */
  maybe(index: number): number | undefined {
    return this.#find(index) ? this.number(index) : undefined;
  }

  /** A number inside the word at `index`, behind a prefix of so many bytes (`avg10=1.52`). */
  numberFrom(index: number, skip: number): number {
    this.#need(index);
    return this.#parse((this.#words[2 * index] as number) + skip, this.#words[2 * index + 1] as number);
  }

  /** The word at `index` as a number in hexadecimal, of up to 64 bits. Throws `Malformed` when it is none. */
  hex(index: number): number {
    this.#need(index);
    const [from, to] = [this.#words[2 * index] as number, this.#words[2 * index + 1] as number];
    let value = 0;
    for (let at = from; at < to; at++) {
      const digit = HEX[this.#text.buffer[at] as number] as number;
      if (digit < 0 || to - from > HEX_MAX)
        throw this.malformed(`${JSON.stringify(this.text(index))} is not a hexadecimal number`);
      value = value * 16 + digit;
    }
    return to - from > EXACT_HEX_MAX ? Number.parseInt(this.text(index), 16) : value;
  }

  /** The error that says where this line is wrong. */
  malformed(what: string): Malformed {
    const { file, buffer } = this.#text;
    // A row that was found by its key starts behind it, and its line was not counted.
    const before = buffer.subarray(0, this.start);
    const excerpt = buffer.toString('utf8', before.lastIndexOf(NEWLINE) + 1, this.end);
    return new Malformed(
      what,
      file,
      before.reduce((lines, byte) => (byte === NEWLINE ? lines + 1 : lines), 1),
      excerpt,
    );
  }

  /** Makes the words of this row start at the offset `at` of the buffer (behind a colon, say: see `lastIndexOf`). */
  skipTo(at: number): void {
    this.#found = 0;
    this.#scanned = at;
  }

  /** Bytes of the buffer as a string; offsets are those of `start`, `end` and `lastIndexOf`. */
  slice(from: number, to: number): string {
    return this.#text.buffer.toString('utf8', from, to);
  }

  /** Offset in the buffer of the last `byte` on this line, or -1. */
  lastIndexOf(byte: number): number {
    const { buffer } = this.#text;
    for (let i = this.end - 1; i >= this.start; i--) if (buffer[i] === byte) return i;
    return -1;
  }

  #need(index: number): void {
    if (!this.#find(index)) throw this.malformed(`no column ${index + 1}`);
  }

  #find(index: number): boolean {
    const { buffer } = this.#text;
    let at = this.#scanned < 0 ? this.start : this.#scanned;
    while (this.#found <= index) {
      while (at < this.end && (buffer[at] === SPACE || buffer[at] === TAB)) at++;
      if (at >= this.end) break;
      const from = at;
      while (at < this.end && buffer[at] !== SPACE && buffer[at] !== TAB) at++;
      this.#words[2 * this.#found] = from;
      this.#words[2 * this.#found + 1] = at;
      this.#found++;
    }
    this.#scanned = at;
    return index < this.#found;
  }

  #parse(from: number, to: number): number {
    const { buffer } = this.#text;
    let at = from;
    const sign = buffer[at] as number;
    if (sign === MINUS || sign === PLUS) at++;
    let value = 0;
    const first = at;
    let dot = -1;
    for (; at < to; at++) {
      const digit = buffer[at] as number;
      if (digit >= ZERO && digit <= NINE) value = value * 10 + (digit - ZERO);
      else if (digit === DOT && dot < 0) dot = at;
      else break;
    }
    const digits = at - first - (dot < 0 ? 0 : 1);
    if (at < to || digits === 0 || digits > EXACT_DIGITS_MAX) return this.#parseSlowly(from, to);
    // Both are integers that a double holds, so that what is divided is rounded once.
    if (dot >= 0) value /= POWERS[at - dot - 1] as number;
    return sign === MINUS ? -value : value;
  }

  /** Long numbers, which need correct rounding. */
  #parseSlowly(from: number, to: number): number {
    const word = this.#text.buffer.toString('latin1', from, to);
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(word)) throw this.malformed(`${JSON.stringify(word)} is not a number`);
    return Number(word);
  }
}
