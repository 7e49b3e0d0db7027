/**
 * Reads a page line by line and makes a `Page` of it. Series that the page before had are recognised by their bytes and not parsed again.
 */
import { isUtf8 } from 'node:buffer';
import type { LabelMap } from '../event.ts';
import { CLOSE, ExpositionError, errorAt, HASH, NEWLINE, SPACE, TAB } from './ascii.ts';
import { Columns } from './columns.ts';
import { Families, isEof, lineEnd, type MetaLine, type MetricType } from './families.ts';
import { canonicalBound } from './number.ts';
import { HashIndex, type Page, rowOf } from './page.ts';
import { Recogniser } from './recognise.ts';
import type { Body, Grammar, SeriesParser } from './series.ts';
import type { Strings } from './strings.ts';
import type { Exemplar, TailParser } from './tail.ts';

/** What is to become of the series of a page: decided when one is first seen. */
export interface Policy {
  /** Whether a series is kept. May change its labels; throws when the page may not be taken. */
  shape(name: string, keys: string[], texts: string[]): boolean;
  /** Told of the number of rows so far; throws when there are too many. */
  count(rows: number): void;
}

/** Sees every line of a page in its order, and throws where a rule is broken. */
export interface Rules {
  meta(line: MetaLine): void;
  sample(sample: RuleSample): void;
  end(complete: boolean): void;
}

export interface RuleSample {
  readonly name: string;
  /** Names and values of the labels, each at the same place. */
  readonly keys: readonly string[];
  readonly texts: readonly string[];
  readonly value: number;
  /** Unix time in seconds, or NaN. */
  readonly timestamp: number;
  readonly exemplar: Exemplar | undefined;
}

export interface BuilderOptions {
  readonly policy: Policy | undefined;
  readonly ignoreTimestamps: boolean;
  readonly rules: Rules | undefined;
}

export interface Built {
  readonly page: Page;
  readonly columns: Columns;
}

/** Bytes that a sample takes in a page, about; only the first size of an index. */
const ITEM_BYTES = 128;

/** One reading of one body. Its last newline may be missing; there must be one at `body[length]` all the same, which is not of the page. */
export class Builder {
  readonly #body: Buffer;
  readonly #length: number;
  readonly #grammar: Grammar;
  readonly #options: BuilderOptions;
  readonly #series: SeriesParser;
  readonly #tail: TailParser;
  readonly #families: Families;
  readonly #columns: Columns;
  /** The rows of this page without timestamps, by the hashes of their series. */
  readonly #index: HashIndex;
  readonly #before: Page | undefined;
  readonly #recogniser: Recogniser | undefined;
  readonly #number = new Float64Array(1);
  /** Whether all of the body is valid UTF-8; otherwise each part that matters is looked at. */
  readonly #valid: boolean;
  #complete = false;
  /** Whether the last line that says something has no newline. */
  #unfinished = false;
  /** Where that line begins. */
  #last = 0;
  // Of the series in work.
  #name = '';
  #labels: LabelMap | undefined;
  /** The same for the same name and labels in any order. */
  #hash = 0;
  #kind: MetricType = 'unknown';
  /** Its labels as the page has them, for rules. */
  #written: { readonly keys: readonly string[]; readonly texts: readonly string[] } = { keys: [], texts: [] };
  /** The name that `#kind` was found for. */
  #kindName: string | undefined;

  constructor(
    parts: { strings: Strings; series: SeriesParser; tail: TailParser },
    { bytes, view, length, grammar }: Body,
    before: Page | undefined,
    options: BuilderOptions,
  ) {
    this.#body = bytes;
    this.#length = length;
    this.#grammar = grammar;
    this.#options = options;
    this.#series = parts.series;
    this.#tail = parts.tail;
    this.#families = new Families(parts.strings);
    this.#columns = new Columns(length);
    this.#index = new HashIndex(length / ITEM_BYTES);
    // Rules are about every label of every sample.
    this.#before = options.rules === undefined && before?.openMetrics === grammar.openMetrics ? before : undefined;
    this.#recogniser = this.#before && new Recogniser(this.#before, bytes, view, length);
    this.#valid = isUtf8(bytes.subarray(0, length));
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
    const page = this.#columns.page(body, length, Math.min(start, length), openMetrics, this.#families.list());
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
      this.#kindName = undefined;
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
    const end = this.#recognise(at) ?? this.#parse(at);
    const valueAt = this.#valueAt(end);
    const next = this.#tail.rest(this.#tail.value(valueAt, this.#number, 0));
    const value = this.#number[0] as number;
    const { timestamp, exemplar } = this.#tail;
    if (rules) this.#ruled(at, () => rules.sample({ name: this.#name, ...this.#written, value, timestamp, exemplar }));
    this.#unfinished = next > this.#length;
    this.#last = at;
    const stamp = ignoreTimestamps ? Number.NaN : timestamp;
    const stamped = !Number.isNaN(stamp);
    const repeated = !stamped && this.#labels !== undefined && this.#repeats(this.#labels);
    columns.place(start, at, valueAt, this.#hash);
    if (this.#labels === undefined || repeated) columns.skip(stamped, repeated);
    else {
      if (exemplar) columns.exemplars.push({ row: columns.rows, ...exemplar });
      columns.add(this.#name, this.#labels, this.#kind, value, stamp, end - at);
      this.#options.policy?.count(columns.rows);
    }
    return next;
  }

  /** Takes name and labels from the page before, if that had a row for this series. Returns where its text ends. */
  #recognise(at: number): number | undefined {
    const [before, recogniser] = [this.#before, this.#recogniser];
    if (before === undefined || recogniser === undefined) return undefined;
    const item = recogniser.find(at);
    const row = item < 0 ? -1 : rowOf(before, item);
    if (row < 0) return undefined;
    const [names, labels, kinds] = before.layout.attributes as [string[], LabelMap[], string[]];
    this.#name = names[row] as string;
    this.#resolve(this.#name);
    // The bounds of buckets are written as Prometheus does where the kind is known: another kind, other labels.
    if (kinds[row] !== this.#kind) return undefined;
    this.#labels = labels[row];
    this.#hash = before.hashes[item] as number;
    return at + recogniser.size(item);
  }

  #parse(at: number): number {
    const series = this.#series;
    const end = series.parse(at);
    const { name, keys, texts } = series;
    if (!this.#valid && !isUtf8(this.#body.subarray(at, end))) {
      throw errorAt(this.#body, this.#length, at, 'the series is not valid UTF-8');
    }
    this.#name = name;
    this.#hash = series.hash;
    this.#resolve(name);
    if (this.#options.rules) this.#written = { keys: keys.slice(), texts: texts.slice() };
    this.#normalise(keys, texts);
    this.#labels = series.map();
    if (this.#labels === undefined) throw errorAt(this.#body, this.#length, at, 'the series has a label twice');
    const { policy } = this.#options;
    if (policy !== undefined) this.#shape(policy, at);
    return end;
  }

  #shape(policy: Policy, at: number): void {
    const { name, keys, texts } = this.#series;
    const kept = this.#ruled(at, () => policy.shape(name, keys, texts));
    this.#labels = kept ? this.#series.map() : undefined;
    if (kept && this.#labels === undefined) throw errorAt(this.#body, this.#length, at, 'the renamed labels have a name twice');
  }

  #resolve(name: string): void {
    if (name === this.#kindName) return;
    this.#kindName = name;
    this.#kind = this.#families.of(name)?.type ?? 'unknown';
  }

  /** As Prometheus 3 does on ingestion, so that a bound makes the same series whoever wrote it. */
  #normalise(keys: readonly string[], texts: string[]): void {
    const label = this.#kind === 'histogram' ? 'le' : this.#kind === 'summary' ? 'quantile' : undefined;
    const at = label === undefined ? -1 : keys.indexOf(label);
    if (at >= 0) texts[at] = canonicalBound(texts[at] as string);
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

  /** Whether the series is a row of this page already; if not, it is from now on. */
  #repeats(labels: LabelMap): boolean {
    const [hash, index, columns] = [this.#hash, this.#index, this.#columns];
    for (let slot = index.find(hash, hash); slot >= 0; slot = index.find(hash, slot + 1)) {
      if (columns.isRow(index.itemAt(slot), this.#name, labels)) return true;
    }
    index.add(hash, columns.rows);
    return false;
  }

  /** Runs a check and gives what it throws its place. */
  #ruled<T>(at: number, check: () => T): T {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof ExpositionError)) throw error;
      throw errorAt(this.#body, this.#length, at, error.what);
    }
  }
}

const cutOff = (body: Buffer, length: number): ExpositionError =>
  errorAt(body, length, length, 'the page does not end with "# EOF": it is cut off');

function blanks(body: Buffer, at: number): number {
  let p = at;
  while (body[p] === SPACE || body[p] === TAB) p++;
  return p;
}
