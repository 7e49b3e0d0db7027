/**
 * One series as a page writes it: `name{label="value",…}`, `name`, or with quoted names `{"name","label"="value"}`.
 *
 * The text format allows blanks between all tokens and leaves commas out where it likes; OpenMetrics allows neither. What both
 * accept beyond the specification is what the Prometheus server accepts.
 */
import type { LabelMap } from '../event.ts';
import {
  CLASS,
  CLOSE,
  COMMA,
  EQUALS,
  errorAt,
  LABEL,
  LABEL_START,
  METRIC,
  METRIC_START,
  OPEN,
  QUOTE,
  SPACE,
  TAB,
} from './ascii.ts';
import { sameBytes } from './bytes.ts';
import { Pairs } from './pairs.ts';
import { Shapes } from './shapes.ts';
import { closingQuote, hasOtherEscape, OTHER_ESCAPE, Strings, unescape } from './strings.ts';

/** How a page is to be read. */
export interface Grammar {
  /** Whether it is OpenMetrics; otherwise it is the text format. */
  readonly openMetrics: boolean;
  /** Whether what the specification forbids and the Prometheus server accepts is an error. */
  readonly strict: boolean;
}

/** Bytes behind a page that its view reaches, all newlines: everything ends there, and may be read four or eight bytes at a time. */
export const PADDING = 8;

/** Labels of a series that are held against those of the series before. */
const LAST_MAX = 32;

/** A body in work, with its padding. */
export interface Body {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly length: number;
  readonly grammar: Grammar;
}

/** What parsers of one reader share: strings made once. */
export class Vocabulary {
  readonly strings = new Strings();
  readonly pairs = new Pairs(this.strings);
  readonly shapes = new Shapes();
}

export class SeriesParser {
  /** Of the series parsed last: its name, its labels' names and values. */
  name = '';
  readonly keys: string[] = [];
  readonly texts: string[] = [];
  /** The same for the same name and labels in any order. */
  hash = 0;
  readonly #vocabulary: Vocabulary;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #length = 0;
  #openMetrics = false;
  #strict = false;
  /** Whether the series in work has a name. */
  #named = false;
  /** Where in this body the last name without quotes stands, and how long it is. */
  #nameAt = 0;
  #nameSize = 0;
  #nameText = '';
  #nameHash = 0;
  /** Labels of the series in work so far. */
  #count = 0;
  // The last label at each place: where it stands in this body, and what it is.
  readonly #lastAt = new Int32Array(LAST_MAX);
  readonly #lastSizes = new Int32Array(LAST_MAX);
  readonly #lastHashes = new Int32Array(LAST_MAX);
  readonly #lastKeys: string[] = Array.from({ length: LAST_MAX }, () => '');
  readonly #lastTexts: string[] = Array.from({ length: LAST_MAX }, () => '');

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** What follows is of this body. */
  begin({ bytes, view, length, grammar }: Body): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#length = length;
    this.#openMetrics = grammar.openMetrics;
    this.#strict = grammar.strict;
    this.#nameSize = 0;
    this.#lastSizes.fill(0);
  }

  /** Reads the series that starts at a byte, and returns where its text ends. Throws what is wrong with it. */
  parse(at: number): number {
    const end = this.#parse(at);
    this.#cut();
    return end;
  }

  #parse(at: number): number {
    const bytes = this.#bytes;
    this.#count = 0;
    if (((CLASS[bytes[at] as number] as number) & METRIC_START) !== 0 && at < this.#length) {
      const end = this.#metricName(at);
      this.hash = this.#nameHash;
      this.#named = true;
      const p = this.#blanks(end);
      return bytes[p] === OPEN && p < this.#length ? this.#labels(p + 1, true) : end;
    }
    if (bytes[at] !== OPEN || at >= this.#length) throw this.#error(at, 'expected a metric name, "{" or "#"');
    this.#named = false;
    this.hash = 0;
    const end = this.#labels(at + 1, true);
    if (!this.#named) throw this.#error(at, 'the series has no metric name');
    this.hash = (this.hash + hashText(this.name)) | 0;
    return end;
  }

  /** Reads the labels of an exemplar behind its `{`, and returns where they end. */
  parseExemplar(at: number): number {
    this.#count = 0;
    const end = this.#labels(at, false);
    this.#cut();
    return end;
  }

  /** The labels of `keys` and `texts` as a map, or undefined when a name is there twice. */
  map(): LabelMap | undefined {
    return this.#vocabulary.shapes.map(this.keys, this.texts);
  }

  /** Reads a metric's name, which usually is that of the line before, and returns where it ends. */
  #metricName(at: number): number {
    const bytes = this.#bytes;
    const known = at + this.#nameSize;
    if (known > at && known < this.#length && ((CLASS[bytes[known] as number] as number) & METRIC) === 0) {
      if (sameBytes(this.#view, at, this.#view, this.#nameAt, this.#nameSize)) {
        this.name = this.#nameText;
        return known;
      }
    }
    let p = at;
    while (p < this.#length && ((CLASS[bytes[p] as number] as number) & METRIC) !== 0) p++;
    this.name = this.#vocabulary.strings.of(bytes, at, p);
    this.#nameText = this.name;
    this.#nameHash = hashText(this.name);
    this.#nameAt = at;
    this.#nameSize = p - at;
    return p;
  }

  /** From behind `{` to behind `}`. */
  #labels(at: number, nameAllowed: boolean): number {
    const bytes = this.#bytes;
    let p = this.#blanks(at);
    for (let first = true; ; first = false) {
      const from = p;
      const byte = bytes[p] as number;
      if (byte === CLOSE && p < this.#length) {
        if (!first && this.#strict && this.#openMetrics) throw this.#error(p, 'a comma before "}" is not allowed');
        return p + 1;
      }
      const end = ((CLASS[byte] as number) & LABEL_START) !== 0 ? this.#usual(p) : -1;
      if (end > 0) p = this.#openMetrics ? end : this.#blanks(end);
      else if (byte === QUOTE) {
        p = this.#quoted(p, 'name');
        const key = this.#text(from + 1, p - 1);
        if (key === '') throw this.#error(from, 'a quoted name is empty');
        p = this.#blanks(p);
        if (nameAllowed && (bytes[p] === COMMA || bytes[p] === CLOSE)) {
          if (this.#named) throw this.#error(from, 'the series has two metric names');
          this.name = key;
          this.#named = true;
          if (bytes[p] === CLOSE) return p + 1;
          p = this.#blanks(p + 1);
          continue;
        }
        p = this.#value(p, key);
      } else {
        p = this.#labelName(p);
        p = this.#value(this.#blanks(p), this.#vocabulary.strings.of(bytes, from, p));
      }
      if (bytes[p] === COMMA) p = this.#blanks(p + 1);
      else if (bytes[p] === CLOSE && p < this.#length) return p + 1;
      else if (this.#openMetrics || this.#strict) throw this.#error(p, 'expected "," or "}" behind the label value');
    }
  }

  /** Reads a label in its usual form, `name="value"`, which often is the one at this place of the line before. Returns where it ends, or -1. */
  #usual(at: number): number {
    // Strict text looks at every escape.
    if (this.#strict && !this.#openMetrics) return -1;
    const place = this.#count;
    const size = this.#lastSizes[place] ?? 0;
    if (size > 0 && at + size < this.#length && sameBytes(this.#view, at, this.#view, this.#lastAt[place] as number, size)) {
      this.#add(at, this.#lastKeys[place] as string, this.#lastTexts[place] as string, this.#lastHashes[place] as number);
      return at + size;
    }
    const { pairs } = this.#vocabulary;
    const end = pairs.read(this.#bytes, this.#view, this.#length, at);
    if (end < 0) return -1;
    this.#add(at, pairs.key, pairs.text, pairs.hash);
    if (place < LAST_MAX) {
      this.#lastAt[place] = at;
      this.#lastSizes[place] = end - at;
      this.#lastKeys[place] = pairs.key;
      this.#lastTexts[place] = pairs.text;
      this.#lastHashes[place] = pairs.hash;
    }
    return end;
  }

  /** From behind a label's name to behind its value and blanks. */
  #value(at: number, key: string): number {
    if (this.#bytes[at] !== EQUALS) throw this.#error(at, 'expected "=" behind the label name');
    const start = this.#blanks(at + 1);
    if (this.#bytes[start] !== QUOTE) throw this.#error(start, 'expected a label value in quotes');
    const end = this.#quoted(start, 'value');
    const text = this.#text(start + 1, end - 1);
    this.#add(at, key, text, this.#vocabulary.pairs.hashOf(key, text));
    return this.#blanks(end);
  }

  #add(at: number, key: string, text: string, hash: number): void {
    if (key === '__name__') throw this.#error(at, 'the label "__name__" is the name of the metric');
    this.keys[this.#count] = key;
    this.texts[this.#count] = text;
    this.#count++;
    // A sum, because the order of labels means nothing.
    this.hash = (this.hash + Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)) | 0;
  }

  /** Arrays that are emptied and filled again are made anew by the engine; so they are only cut when they are too long. */
  #cut(): void {
    if (this.keys.length === this.#count) return;
    this.keys.length = this.#count;
    this.texts.length = this.#count;
  }

  #labelName(at: number): number {
    const bytes = this.#bytes;
    if (((CLASS[bytes[at] as number] as number) & LABEL_START) === 0) throw this.#error(at, 'expected a label name');
    let p = at + 1;
    while (p < this.#length && ((CLASS[bytes[p] as number] as number) & LABEL) !== 0) p++;
    return p;
  }

  /** From an opening quote to behind the closing one. */
  #quoted(at: number, what: string): number {
    if (what === 'name' && this.#strict && this.#openMetrics) throw this.#error(at, 'OpenMetrics 1.0 has no quoted names');
    const end = closingQuote(this.#bytes, at + 1, this.#length);
    if (end < 0) throw this.#error(at, `the label ${what} has no closing quote on its line`);
    return end + 1;
  }

  #text(from: number, to: number): string {
    const raw = this.#vocabulary.strings.of(this.#bytes, from, to);
    if (this.#strict && !this.#openMetrics && hasOtherEscape(raw)) throw this.#error(from, OTHER_ESCAPE);
    return unescape(raw);
  }

  #blanks(at: number): number {
    if (this.#openMetrics) return at;
    let p = at;
    while (this.#bytes[p] === SPACE || this.#bytes[p] === TAB) p++;
    return p;
  }

  #error(at: number, what: string): Error {
    return errorAt(this.#bytes, this.#length, at, what);
  }
}

/** FNV-1a over the units of a text, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
