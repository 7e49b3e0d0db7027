/** What stands behind a series: its value, a timestamp, and in OpenMetrics an exemplar. */
import { isUtf8 } from 'node:buffer';
import type { LabelMap } from '../event.ts';
import { errorAt, HASH, MINUS, NEWLINE, OPEN, SPACE, TAB, ZERO } from './ascii.ts';
import { readNumber, readToken } from './number.ts';
import type { Body, SeriesParser } from './series.ts';

/** One exemplar of a page: a sample of what was counted. `timestamp` is Unix time in seconds. */
export interface Exemplar {
  readonly labels: LabelMap;
  readonly value: number;
  readonly timestamp: number | undefined;
}

/** Digits of the largest timestamp, in milliseconds, that 63 bits hold. */
const STAMP_DIGITS_MAX = 19;
const STAMP_MAX = 2 ** 63;

export class TailParser {
  /** Of the sample read last: Unix time in seconds, or NaN. */
  timestamp = Number.NaN;
  exemplar: Exemplar | undefined;
  /** A parser of its own: that of series has still to be asked for labels when an exemplar is read. */
  readonly #labels: SeriesParser;
  readonly #number = new Float64Array(1);
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #openMetrics = false;

  constructor(labels: SeriesParser) {
    this.#labels = labels;
  }

  /** What follows is of this body. */
  begin(body: Body): void {
    this.#labels.begin(body);
    this.#bytes = body.bytes;
    this.#length = body.length;
    this.#openMetrics = body.grammar.openMetrics;
  }

  /**
   * Reads the value at `at` into `out[index]` and returns where it ends. The page ends with a newline that is not counted in `length`,
   * so that a number always ends.
   */
  value(at: number, out: Float64Array, index: number): number {
    const bytes = this.#bytes;
    const end = readNumber(bytes, at, out, index);
    if (end > 0) {
      const byte = bytes[end];
      if (byte === NEWLINE || byte === SPACE || byte === TAB) return end;
    }
    const to = tokenEnd(bytes, at);
    if (to === at) throw this.#error(at, 'expected a value behind the series');
    if (!readToken(bytes, at, to, out, index)) throw this.#error(at, notNumber('value', bytes, at, to));
    return to;
  }

  /** Reads from behind a value to behind the end of the line, and returns that. */
  rest(at: number): number {
    this.timestamp = Number.NaN;
    this.exemplar = undefined;
    if (this.#bytes[at] === NEWLINE) return at + 1;
    return this.#openMetrics ? this.#restOfOpenMetrics(at) : this.#restOfText(at);
  }

  #restOfText(at: number): number {
    const bytes = this.#bytes;
    let p = blanks(bytes, at);
    if (bytes[p] === NEWLINE) return p + 1;
    const to = tokenEnd(bytes, p);
    // The server's lexer has no minus here; the format's description and prometheus/common do.
    const first = bytes[p] === MINUS ? p + 1 : p;
    let stamp = 0;
    let d = first;
    for (; d < to && (bytes[d] as number) >= ZERO && (bytes[d] as number) <= ZERO + 9; d++) {
      stamp = stamp * 10 + ((bytes[d] as number) - ZERO);
    }
    if (d < to || first === to || to - first > STAMP_DIGITS_MAX || stamp >= STAMP_MAX) {
      throw this.#error(p, `${quote(bytes, p, to)} is no timestamp: expected a whole number of milliseconds`);
    }
    this.timestamp = (first > p ? -stamp : stamp) / 1000;
    p = blanks(bytes, to);
    if (bytes[p] !== NEWLINE) throw this.#error(p, 'expected the end of the line behind the timestamp');
    return p + 1;
  }

  #restOfOpenMetrics(at: number): number {
    const bytes = this.#bytes;
    let p = at;
    if (bytes[p] === SPACE && bytes[p + 1] !== HASH) {
      p = this.#stamp(p + 1);
      this.timestamp = this.#number[0] as number;
    }
    if (bytes[p] === SPACE && bytes[p + 1] === HASH && bytes[p + 2] === SPACE && bytes[p + 3] === OPEN) {
      p = this.#exemplar(p + 4);
    }
    if (bytes[p] !== NEWLINE) throw this.#error(p, 'expected the end of the line, or an exemplar: " # {"');
    return p + 1;
  }

  #exemplar(at: number): number {
    const bytes = this.#bytes;
    let p = this.#labels.parseExemplar(at);
    const labels = this.#labels.map();
    if (labels === undefined) throw this.#error(at, 'the exemplar has a label twice');
    if (!isUtf8(bytes.subarray(at, p))) throw this.#error(at, 'the exemplar is not valid UTF-8');
    if (bytes[p] !== SPACE) throw this.#error(p, 'expected a blank and a value behind the labels of the exemplar');
    p = this.value(p + 1, this.#number, 0);
    const value = this.#number[0] as number;
    let timestamp: number | undefined;
    if (bytes[p] === SPACE) {
      p = this.#stamp(p + 1);
      timestamp = this.#number[0];
    }
    this.exemplar = { labels, value, timestamp };
    return p;
  }

  /** Reads a timestamp of OpenMetrics, in seconds. */
  #stamp(at: number): number {
    const bytes = this.#bytes;
    const to = tokenEnd(bytes, at);
    if (to === at || !readToken(bytes, at, to, this.#number, 0) || !Number.isFinite(this.#number[0])) {
      throw this.#error(at, notNumber('timestamp', bytes, at, to));
    }
    return to;
  }

  #error(at: number, what: string): Error {
    return errorAt(this.#bytes, this.#length, at, what);
  }
}

/** Where a run of bytes without blanks ends. */
function tokenEnd(bytes: Buffer, at: number): number {
  let p = at;
  for (let byte = bytes[p]; byte !== SPACE && byte !== NEWLINE && byte !== TAB; byte = bytes[++p]);
  return p;
}

function blanks(bytes: Buffer, at: number): number {
  let p = at;
  while (bytes[p] === SPACE || bytes[p] === TAB) p++;
  return p;
}

const quote = (bytes: Buffer, from: number, to: number): string =>
  JSON.stringify(bytes.toString('utf8', from, Math.min(to, from + 40)));

const notNumber = (what: string, bytes: Buffer, from: number, to: number): string =>
  to === from ? `expected a ${what}` : `${quote(bytes, from, to)} is no ${what}`;
