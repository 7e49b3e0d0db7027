/** What a page says of its metrics beside their samples: type, help and unit; and which sample belongs to which of them. */
import { CLASS, errorAt, HASH, METRIC, METRIC_START, NEWLINE, QUOTE, SPACE, TAB } from './ascii.ts';
import type { Grammar } from './series.ts';
import { closingQuote, hasOtherEscape, OTHER_ESCAPE, type Strings, unescape } from './strings.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'gaugehistogram' | 'summary' | 'info' | 'stateset' | 'unknown';

/** One metric family as a page describes it. What it does not say is absent. */
export interface Family {
  readonly name: string;
  readonly type: MetricType | undefined;
  readonly help: string | undefined;
  readonly unit: string | undefined;
}

export type MetaWord = 'HELP' | 'TYPE' | 'UNIT';

/** Types as the text format writes them. prometheus/common has the two spellings of gauge histograms, the server none. */
const TEXT_TYPES: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
  gaugehistogram: 'gaugehistogram',
  gauge_histogram: 'gaugehistogram',
};
const OPEN_METRICS_TYPES: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  gaugehistogram: 'gaugehistogram',
  summary: 'summary',
  info: 'info',
  stateset: 'stateset',
  unknown: 'unknown',
};

/** What the name of a sample may have behind that of its family. */
export const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum', '_count', '_sum'],
  summary: ['_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [],
  unknown: [],
};

/** A line that describes a metric. */
export interface MetaLine {
  readonly word: MetaWord;
  readonly name: string;
  /** As it is meant: without escapes. */
  readonly text: string;
}

export class Families {
  readonly #byName = new Map<string, { name: string; type?: MetricType; help?: string; unit?: string }>();
  readonly #strings: Strings;

  constructor(strings: Strings) {
    this.#strings = strings;
  }

  /** Those that a page before had, whose lines are not read again. */
  take(families: readonly Family[]): void {
    for (const { name, type, help, unit } of families) {
      this.#byName.set(name, { name, ...(type && { type }), ...(help !== undefined && { help }), ...(unit && { unit }) });
    }
  }

  list(): Family[] {
    return [...this.#byName.values()].map(({ name, type, help, unit }) => ({ name, type, help, unit }));
  }

  /** The family of a sample's name, or undefined when no line describes it. */
  of(sample: string): Family | undefined {
    const exact = this.#byName.get(sample);
    if (exact?.type !== undefined) return exact as Family;
    const at = sample.lastIndexOf('_');
    if (at > 0) {
      const family = this.#byName.get(sample.slice(0, at));
      if (family?.type !== undefined && SUFFIXES[family.type].includes(sample.slice(at))) return family as Family;
    }
    return exact as Family | undefined;
  }

  /**
   * Reads the line from `at` (its `#`) to `end` (its newline). Returns what it says of a metric, or undefined for a comment. Throws for a line that
   * the format does not have. `# EOF` is not for here.
   */
  read(bytes: Buffer, at: number, end: number, grammar: Grammar): MetaLine | undefined {
    const line = grammar.openMetrics ? this.#openMetricsLine(bytes, at, end, grammar) : this.#textLine(bytes, at, end, grammar);
    if (line === undefined) return undefined;
    const known = this.#byName.get(line.name);
    const family = known ?? { name: line.name };
    if (known === undefined) this.#byName.set(line.name, family);
    if (line.word === 'TYPE') family.type = typeOf(line.text, grammar) as MetricType;
    else if (line.word === 'HELP') family.help = line.text;
    else if (line.text !== '') family.unit = line.text;
    return line;
  }

  #textLine(bytes: Buffer, at: number, end: number, grammar: Grammar): MetaLine | undefined {
    const start = blanks(bytes, at + 1, end);
    const word = start === at + 1 ? undefined : wordAt(bytes, start, end);
    const from = blanks(bytes, start + 4, end);
    if (word === undefined || word === 'UNIT' || from === start + 4) return undefined;
    const nameEnd = this.#nameEnd(bytes, from, end, word, grammar);
    const textAt = blanks(bytes, nameEnd, end);
    if (textAt === nameEnd && textAt < end && word === 'HELP') return undefined;
    const text = bytes.toString('utf8', textAt, end);
    if (word === 'TYPE' && typeOf(text, grammar) === undefined) throw unknownType(bytes, end, textAt, text);
    return { word, name: this.#name(bytes, from, nameEnd), text: word === 'HELP' ? unescape(text, false) : text };
  }

  #openMetricsLine(bytes: Buffer, at: number, end: number, grammar: Grammar): MetaLine {
    const word = bytes[at + 1] === SPACE ? wordAt(bytes, at + 2, end) : undefined;
    if (word === undefined || bytes[at + 6] !== SPACE || at + 6 >= end) {
      throw errorAt(bytes, end, at, 'expected "# TYPE", "# HELP", "# UNIT" or "# EOF": OpenMetrics has no comments');
    }
    const nameEnd = this.#nameEnd(bytes, at + 7, end, word, grammar);
    if (bytes[nameEnd] !== SPACE || nameEnd >= end) throw errorAt(bytes, end, nameEnd, `expected a blank and a text in ${word}`);
    const text = bytes.toString('utf8', nameEnd + 1, end);
    const name = this.#name(bytes, at + 7, nameEnd);
    if (word === 'TYPE' && typeOf(text, grammar) === undefined) {
      throw unknownType(bytes, end, nameEnd, text);
    }
    if (word === 'UNIT' && text !== '' && !name.endsWith(`_${text}`)) {
      throw errorAt(bytes, end, nameEnd, `the unit ${JSON.stringify(text)} is not the end of the metric's name`);
    }
    return { word, name, text: word === 'HELP' ? unescape(text) : text };
  }

  #nameEnd(bytes: Buffer, from: number, end: number, word: MetaWord, { strict, openMetrics }: Grammar): number {
    if (bytes[from] === QUOTE && from < end) {
      if (strict) this.#checkQuoted(bytes, from, end, openMetrics);
      const closing = closingQuote(bytes, from + 1, end);
      if (closing > from + 1) return closing + 1;
    }
    let p = from;
    if (p < end && ((CLASS[bytes[p] as number] as number) & METRIC_START) !== 0) {
      while (p < end && ((CLASS[bytes[p] as number] as number) & METRIC) !== 0) p++;
    }
    if (p === from) throw errorAt(bytes, end, from, `expected a metric name after ${word}`);
    return p;
  }

  #checkQuoted(bytes: Buffer, from: number, end: number, openMetrics: boolean): void {
    if (openMetrics) throw errorAt(bytes, end, from, 'OpenMetrics 1.0 has no quoted names');
    const closing = closingQuote(bytes, from + 1, end);
    if (closing > 0 && hasOtherEscape(bytes.toString('utf8', from + 1, closing))) throw errorAt(bytes, end, from, OTHER_ESCAPE);
  }

  #name(bytes: Buffer, from: number, to: number): string {
    return bytes[from] === QUOTE ? unescape(this.#strings.of(bytes, from + 1, to - 1)) : this.#strings.of(bytes, from, to);
  }
}

const unknownType = (bytes: Buffer, end: number, at: number, text: string): Error =>
  errorAt(bytes, end, at, `${JSON.stringify(text.slice(0, 40))} is no metric type`);

function typeOf(text: string, { openMetrics }: Grammar): MetricType | undefined {
  const types = openMetrics ? OPEN_METRICS_TYPES : TEXT_TYPES;
  return Object.hasOwn(types, text) ? types[text] : undefined;
}

function wordAt(bytes: Buffer, at: number, end: number): MetaWord | undefined {
  const word = at + 4 > end ? '' : bytes.toString('latin1', at, at + 4);
  return word === 'HELP' || word === 'TYPE' || word === 'UNIT' ? word : undefined;
}

function blanks(bytes: Buffer, at: number, end: number): number {
  let p = at;
  while (p < end && (bytes[p] === SPACE || bytes[p] === TAB)) p++;
  return p;
}

const EOF = Buffer.from('# EOF');

/** Whether the line at `at` is `# EOF`. */
export function isEof(bytes: Buffer, at: number, end: number): boolean {
  return bytes[at] === HASH && end - at >= EOF.length && bytes.compare(EOF, 0, EOF.length, at, at + EOF.length) === 0;
}

/** Where the line ends that a byte is in: at its newline, or at the page's end. */
export function lineEnd(bytes: Buffer, at: number, length: number): number {
  const end = bytes.indexOf(NEWLINE, at);
  return end < 0 || end > length ? length : end;
}
