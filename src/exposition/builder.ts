/**
 * Reads a page line by line and makes a `Page` of it. Series that the page before had are recognised by their bytes and not parsed again.
 */
import { isUtf8 } from 'node:buffer';
import type { LabelMap } from '../event.ts';
import { CLOSE, ExpositionError, errorAt, HASH, NEWLINE, OPEN, SPACE, TAB } from './ascii.ts';
import { Blocks } from './blocks.ts';
import { Columns } from './columns.ts';
import type { Policy, Rules } from './contract.ts';
import { Families, isEof, lineEnd, type MetricType } from './families.ts';
import { canonicalBound } from './number.ts';
import { type Page, rowOf } from './page.ts';
import { Recogniser } from './recognise.ts';
import { Repeats, UNRANKED } from './repeats.ts';
import type { Body, Grammar, SeriesParser } from './series.ts';
import type { Strings } from './strings.ts';
import type { TailParser } from './tail.ts';

export interface BuilderOptions {
  readonly policy: Policy | undefined;
  readonly ignoreTimestamps: boolean;
  readonly rules: Rules | undefined;
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
  readonly #series: SeriesParser;
  readonly #tail: TailParser;
  readonly #families: Families;
  readonly #columns: Columns;
  readonly #repeats: Repeats;
  readonly #blocks: Blocks;
  readonly #before: Page | undefined;
  readonly #recogniser: Recogniser | undefined;
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
  #rank = UNRANKED;
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
    this.#repeats = new Repeats(this.#columns);
    this.#blocks = new Blocks(view);
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
    const { values, rows } = columns;
    const next = this.#tail.rest(this.#tail.value(valueAt, values, rows));
    const { timestamp, exemplar } = this.#tail;
    if (rules) {
      const value = values[rows] as number;
      this.#ruled(at, () => rules.sample({ name: this.#name, ...this.#written, value, timestamp, exemplar }));
    }
    this.#unfinished = next > this.#length;
    this.#last = at;
    const stamped = !(ignoreTimestamps || Number.isNaN(timestamp));
    const labels = this.#labels;
    const repeated = !stamped && labels !== undefined && this.#repeats.has(this.#name, labels, this.#hash, this.#rank);
    columns.place(start, at, valueAt, this.#hash);
    if (stamped) columns.stamp(timestamp);
    if (labels === undefined || repeated) columns.skip(repeated);
    else {
      if (exemplar) columns.exemplars.push({ row: rows, ...exemplar });
      columns.add(this.#name, labels, this.#kind, end - at);
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
    this.#rank = UNRANKED;
    return at + recogniser.size(item);
  }

  #parse(at: number): number {
    const series = this.#series;
    const nameEnd = series.parseName(at);
    if (nameEnd < 0) return this.#made(at, series.parse(at));
    this.#name = series.name;
    this.#resolve(this.#name);
    const { rules, policy } = this.#options;
    const whole =
      rules === undefined && this.#body[nameEnd] === OPEN && (policy === undefined || policy.keeps(this.#name) === true);
    const group = this.#kind === 'histogram' ? 1 : this.#kind === 'summary' ? 2 : 0;
    const size = whole ? this.#blocks.guess(nameEnd, this.#length, group) : 0;
    if (size > 0) {
      this.#labels = this.#blocks.map;
      this.#hash = (series.hash + this.#blocks.hash) | 0;
      this.#rank = this.#blocks.rank;
      return nameEnd + size;
    }
    const nameHash = series.hash;
    const end = this.#made(at, series.parseLabels(nameEnd));
    if (whole && this.#labels) {
      this.#labels = this.#blocks.add(nameEnd, end - nameEnd, (this.#hash - nameHash) | 0, group, this.#labels);
      this.#rank = this.#blocks.rank;
    } else if (this.#hash === nameHash) this.#rank = 0;
    return end;
  }

  /** Makes what is kept of the series that was parsed. */
  #made(at: number, end: number): number {
    const series = this.#series;
    const { name, keys, texts } = series;
    if (!this.#valid && !isUtf8(this.#body.subarray(at, end))) {
      throw errorAt(this.#body, this.#length, at, 'the series is not valid UTF-8');
    }
    this.#name = name;
    this.#hash = series.hash;
    this.#rank = UNRANKED;
    this.#resolve(name);
    const { rules, policy } = this.#options;
    if (rules) this.#written = { keys: keys.slice(), texts: texts.slice() };
    this.#normalise(keys, texts);
    this.#labels = series.map();
    if (this.#labels === undefined) throw errorAt(this.#body, this.#length, at, 'the series has a label twice');
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
