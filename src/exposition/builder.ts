/**
 * Reads a page line by line and makes a `Page` of it.
 */
import { isUtf8 } from 'node:buffer';
import { CLOSE, ExpositionError, errorAt, HASH, NEWLINE, placed, SPACE, TAB } from './ascii.ts';
import { Columns } from './columns.ts';
import { Families, isEof, lineEnd } from './families.ts';
import { type MakerOptions, SeriesMaker } from './maker.ts';
import type { Page } from './page.ts';
import { Repeats } from './repeats.ts';
import type { Body, Grammar, SeriesParser } from './series.ts';
import type { Strings } from './strings.ts';
import type { TailParser } from './tail.ts';

export interface BuilderOptions extends MakerOptions {
  readonly ignoreTimestamps: boolean;
}

export interface Built {
  readonly page: Page;
  readonly columns: Columns;
}

/** One reading of one body. Its last newline may be missing; there must be one at `body[length]` all the same, which is not of the page. */
export class Builder {
  readonly #body: Buffer;
  readonly #length: number;
  readonly #grammar: Grammar;
  readonly #options: BuilderOptions;
  readonly #tail: TailParser;
  readonly #families: Families;
  readonly #maker: SeriesMaker;
  readonly #columns: Columns;
  readonly #repeats: Repeats;
  /** Whether all of the body is valid UTF-8; otherwise each part that matters is looked at. */
  readonly #valid: boolean;
  #complete = false;
  /** Whether the last line that says something has no newline. */
  #unfinished = false;
  /** Where that line begins. */
  #last = 0;
  constructor(
    parts: { strings: Strings; series: SeriesParser; tail: TailParser },
    body: Body,
    before: Page | undefined,
    options: BuilderOptions,
  ) {
    const { bytes, length, grammar } = body;
    this.#body = bytes;
    this.#length = length;
    this.#grammar = grammar;
    this.#options = options;
    this.#tail = parts.tail;
    this.#families = new Families(parts.strings);
    this.#columns = new Columns(length);
    this.#valid = isUtf8(bytes.subarray(0, length));
    // Rules are about every label of every sample.
    const known = options.rules === undefined && before?.openMetrics === grammar.openMetrics ? before : undefined;
    this.#maker = new SeriesMaker(parts.series, this.#families, body, this.#valid, known, options);
    this.#repeats = new Repeats(this.#columns, this.#maker.places.texts);
  }

  build(): Built {
    try {
      return this.#build();
    } catch (error) {
      if (error instanceof ExpositionError) error.samples = this.#columns.items;
      throw error;
    }
  }

  #build(): Built {
    const [body, length] = [this.#body, this.#length];
    const { openMetrics } = this.#grammar;
    let at = 0;
    let start = 0;
    while (at < length) {
      const p = openMetrics ? at : blanks(body, at);
      const byte = body[p];
      if (byte === HASH && p < length) at = this.#described(p);
      else if (byte === NEWLINE && !openMetrics) at = p + 1;
      else {
        at = this.#sample(start, p);
        start = at;
      }
    }
    if (openMetrics && !this.#complete) throw cutOff(body, length);
    this.#ruled(this.#last, () => this.#options.rules?.end(!this.#unfinished));
    const { texts } = this.#maker.places;
    const tail = texts.add(body, Math.min(start, length), length, length, 0);
    const page = this.#columns.page(texts.build(), tail, openMetrics, this.#families.list());
    return { page, columns: this.#columns };
  }

  /** Reads a line with `#` at its beginning, and returns where the next begins. */
  #described(at: number): number {
    const [body, length] = [this.#body, this.#length];
    const grammar = this.#grammar;
    const { rules } = this.#options;
    const end = lineEnd(body, at, length);
    if (grammar.openMetrics && isEof(body, at, end)) {
      if (end > at + 5 || end + 1 < length) throw errorAt(body, length, at, 'there is more behind "# EOF"');
      this.#complete = true;
      return length;
    }
    const line = this.#families.read(body, at, end, grammar);
    if (line !== undefined) {
      if (grammar.openMetrics && end === length) throw cutOff(body, length);
      if (!this.#valid && !isUtf8(body.subarray(at, end))) throw errorAt(body, length, at, 'the line is not valid UTF-8');
      this.#maker.described();
      this.#ruled(at, () => rules?.meta(line));
      this.#unfinished = end === length;
      this.#last = at;
    }
    return end + 1;
  }

  /** Reads a line with a sample, and returns where the next begins. */
  #sample(start: number, at: number): number {
    const { ignoreTimestamps, rules } = this.#options;
    const columns = this.#columns;
    const maker = this.#maker;
    const end = maker.make(at);
    const valueAt = this.#valueAt(end);
    const { values, rows } = columns;
    const next = this.#tail.rest(this.#tail.value(valueAt, values, rows));
    const { timestamp, exemplar } = this.#tail;
    const { name, labels } = maker;
    if (rules) {
      const value = values[rows] as number;
      this.#ruled(at, () => rules.sample({ name, ...maker.written, value, timestamp, exemplar }));
    }
    this.#unfinished = next > this.#length;
    this.#last = at;
    const stamped = !(ignoreTimestamps || Number.isNaN(timestamp));
    const repeated = !stamped && labels !== undefined && this.#repeats.has(name, labels, maker.hash, maker.rank);
    columns.place(maker.head(start, at), maker.block(end, valueAt));
    if (stamped) columns.stamp(timestamp);
    if (labels === undefined || repeated) columns.skip(repeated);
    else {
      if (exemplar) columns.exemplars.push({ row: rows, ...exemplar });
      columns.add(name, labels, maker.kind, end - at);
      this.#options.policy?.count(columns.rows);
    }
    return next;
  }

  /** Where the value is of a series whose text ends at a byte. */
  #valueAt(end: number): number {
    const body = this.#body;
    if (this.#grammar.openMetrics) {
      if (body[end] === SPACE && end < this.#length) return end + 1;
    } else {
      const p = blanks(body, end);
      if (p > end || body[end - 1] === CLOSE) return p;
    }
    throw errorAt(body, this.#length, end, 'expected a blank and a value behind the series');
  }

  /** Runs a check and gives what it throws its place. */
  #ruled<T>(at: number, check: () => T): T {
    return placed(this.#body, this.#length, at, check);
  }
}

const cutOff = (body: Buffer, length: number): ExpositionError =>
  errorAt(body, length, length, 'the page does not end with "# EOF": it is cut off');

function blanks(body: Buffer, at: number): number {
  let p = at;
  while (body[p] === SPACE || body[p] === TAB) p++;
  return p;
}
