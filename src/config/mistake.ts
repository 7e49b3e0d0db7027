/**
 * What is wrong with a configuration, and where. Findings are collected while files are read and checked, and become text at the
 * end, when it is known which parts of the files are secret: an excerpt never shows those.
 */
import type { LineCounter } from 'yaml';
import { addressSecrets } from '../address-secrets.ts';
import { UsageError } from '../errors.ts';

/** One file as it was read. `file` is its path as the operator may write it. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: LineCounter;
}

/** A range of a source, in UTF-16 units. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A mistake or a warning, ready to be shown. `line` and `column` count from 1; they are absent where no file can be pointed at. */
export interface Mistake {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** What is wrong. */
  readonly what: string;
  /** What to do. */
  readonly hint: string | undefined;
  /** The line of the file, and a line with carets below the part that is meant. */
  readonly excerpt: { readonly text: string; readonly caret: string } | undefined;
}

/** The configuration is wrong. The message is the whole report, `mistakes` its parts. */
export class ConfigError extends UsageError {
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];

  constructor(mistakes: readonly Mistake[], warnings: readonly Mistake[]) {
    super(formatReport(mistakes));
    this.mistakes = mistakes;
    this.warnings = warnings;
  }
}

/** More mistakes than this are counted, not shown in the report. */
const SHOWN_MAX = 100;
/** More mistakes than this are not even kept: the file is no configuration. */
const KEPT_MAX = 1000;
/** Columns of an excerpt at most. */
const EXCERPT_MAX = 110;
/** A longer line has no excerpt: it is no line that anyone wrote. */
const LINE_MAX = 4096;
/** Characters of a sentence at most: it may quote a value. */
const TEXT_MAX = 400;
const MASK = '***';

interface Finding {
  readonly where: Place | string;
  readonly what: string;
  readonly hint: string | undefined;
  /** Texts that this finding must not show, however short they are. */
  readonly hide: readonly string[];
}

export class Findings {
  readonly #mistakes: Finding[] = [];
  readonly #warnings: Finding[] = [];
  readonly #secret: Place[] = [];
  readonly #misread: Place[] = [];
  readonly #files: string[] = [];
  #count = 0;

  /** Puts the mistakes of a file behind those of the files that were named before. */
  file(name: string): void {
    this.#files.push(name);
  }

  /** How many mistakes there are so far. */
  get count(): number {
    return this.#count;
  }

  /** `where` is a place, or a file that could not be read. */
  mistake(where: Place | string, what: string, hint?: string, hide: readonly string[] = []): void {
    this.#count++;
    if (this.#mistakes.length < KEPT_MAX) this.#mistakes.push({ where, what, hint, hide });
  }

  /** A mistake of syntax. What else is wrong with a value that it is in follows from it, and is not told. */
  syntax(where: Place, what: string, hint?: string): void {
    if (this.#misread.length < KEPT_MAX) this.#misread.push(where);
    this.mistake(where, what, hint);
  }

  warning(where: Place | string, what: string, hint?: string): void {
    this.#warnings.push({ where, what, hint, hide: [] });
  }

  /** No excerpt shows what is here. */
  secret(place: Place): void {
    this.#secret.push(place);
  }

  /** In the order of the files and lines; `redact` has the last word on every text. */
  mistakes(redact: (text: string) => string): Mistake[] {
    return this.#render(this.#mistakes, redact);
  }

  warnings(redact: (text: string) => string): Mistake[] {
    return this.#render(this.#warnings, redact);
  }

  #render(findings: readonly Finding[], redact: (text: string) => string): Mistake[] {
    const files = [...new Set([...this.#files, ...findings.map(({ where }) => fileOf(where))])];
    const order = ({ where }: Finding) => [files.indexOf(fileOf(where)), typeof where === 'string' ? 0 : where.start] as const;
    const told = findings.filter(
      ({ where }) => this.#misread.includes(where as Place) || !this.#misread.some((place) => contains(where, place)),
    );
    const sorted = told.toSorted((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
    const seen = new Set<string>();
    return sorted
      .map((finding) => this.#mistake(finding, redact))
      .filter((mistake) => {
        const key = `${mistake.file}:${mistake.line}:${mistake.column}:${mistake.what}`;
        return !seen.has(key) && seen.add(key);
      });
  }

  #mistake({ where, what, hint, hide }: Finding, redact: (text: string) => string): Mistake {
    const clean = (text: string) => shortened(redact(printable(conceal(text, hide))));
    const about = { what: clean(what), hint: hint === undefined ? undefined : clean(hint) };
    if (typeof where === 'string' || where.source.text === '')
      return { file: fileOf(where), line: undefined, column: undefined, ...about, excerpt: undefined };
    const { line, col } = where.source.lines.linePos(where.start);
    // A place without an extent is the file as a whole.
    const excerpt = where.start < where.end ? this.#excerpt(where, line) : undefined;
    return { file: where.source.file, line, column: col, ...about, excerpt };
  }

  #excerpt({ source, start, end }: Place, line: number): { text: string; caret: string } | undefined {
    const from = source.lines.lineStarts[line - 1] as number;
    const next = source.text.indexOf('\n', from);
    const to = next < 0 ? source.text.length : next;
    if (to - from > LINE_MAX) return undefined;
    const masked = this.#masked(source, from, to);
    const first = masked.at(start - from);
    const last = Math.max(masked.at(Math.min(end, to) - from), first + 1);
    const cut = cutAround(masked.text.replace(/\s+$/, ''), first, last);
    const indent = Array.from(cut.text.slice(0, cut.first), (char) => (char === '\t' ? '\t' : ' '.repeat(width(char)))).join('');
    const marked = Array.from(cut.text.slice(cut.first, cut.last), width).reduce((sum, columns) => sum + columns, 0);
    return { text: printable(cut.text), caret: indent + '^'.repeat(Math.max(1, marked)) };
  }

  /** A line with its secrets masked, and where its columns went. */
  #masked(source: Source, from: number, to: number): { text: string; at(column: number): number } {
    const line = source.text.slice(from, to);
    const known = this.#secret
      .filter((place) => place.source === source && place.start < to && place.end > from)
      .map(({ start, end }) => [Math.max(0, start - from), Math.min(line.length, end - from)] as const);
    const ranges = united([...known, ...suspicious(line)]);
    let [text, done] = ['', 0];
    for (const [start, end] of ranges) {
      text += line.slice(done, start) + MASK;
      done = end;
    }
    const at = (column: number): number => {
      let shift = 0;
      for (const [start, end] of ranges) {
        if (column <= start) break;
        if (column < end) return start + shift;
        shift += MASK.length - (end - start);
      }
      return column + shift;
    };
    return { text: text + line.slice(done), at };
  }
}

const shortened = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);

const contains = (where: Place | string, { source, start }: Place): boolean =>
  typeof where !== 'string' && where.source === source && where.start <= start && start < where.end;

const fileOf = (where: Place | string): string => (typeof where === 'string' ? where : where.source.file);

/** Ranges that look like a password or a token, for files too broken for their options to be known. */
function suspicious(line: string): (readonly [number, number])[] {
  const key =
    /(?:pass(?:word|phrase|wd)?|secret|token|api_?key|credentials?|private_?key|authorization)["']?\s*:\s*(?=[^\s{[$&*#])/gi;
  const ranges: (readonly [number, number])[] = [];
  for (const match of line.matchAll(key)) {
    const start = match.index + match[0].length;
    const value = /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|.+?(?=\s#|\s*[,}\]]|\s*$))/.exec(line.slice(start));
    if (value) ranges.push([start, start + value[0].length]);
  }
  ranges.push(...addressSecrets(line));
  return ranges;
}

function united(ranges: (readonly [number, number])[]): (readonly [number, number])[] {
  const result: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (start < end) result.push([start, end]);
  }
  return result;
}

/** The part of a long line around what is meant. */
function cutAround(text: string, first: number, last: number): { text: string; first: number; last: number } {
  if (text.length <= EXCERPT_MAX) return { text, first, last };
  const from = Math.max(0, Math.min(first - 40, text.length - EXCERPT_MAX));
  const head = from > 0 ? '…' : '';
  const tail = from + EXCERPT_MAX < text.length ? '…' : '';
  const move = (column: number) => Math.min(column - from, EXCERPT_MAX) + head.length;
  return { text: head + text.slice(from, from + EXCERPT_MAX) + tail, first: move(first), last: move(last) };
}

/** Hides texts, also as they stand in quotes. Short ones only where they stand alone: a word may hold their letters by chance. */
function conceal(text: string, hide: readonly string[]): string {
  let result = text;
  for (const value of hide.toSorted((a, b) => b.length - a.length)) {
    if (value === '') continue;
    const quoted = JSON.stringify(value);
    result = result.replaceAll(quoted, MASK);
    if (value.length >= 4) result = result.replaceAll(value, MASK).replaceAll(quoted.slice(1, -1), MASK);
    else result = result.replace(new RegExp(`(?<![\\w.])${value.replace(/\W/g, '\\$&')}(?![\\w.])`, 'g'), MASK);
  }
  return result;
}

/** Without characters that move a terminal's cursor or turn the direction of a line. */
const printable = (text: string): string => text.replace(/(?!\t)\p{Cc}|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd');

/** Columns that a terminal gives to a character. Wide ranges: https://www.unicode.org/reports/tr11/ */
const width = (char: string): number =>
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(char)
    ? 2
    : 1;

/** One mistake as people read it: place, what is wrong, the line with carets, what to do. */
export function formatMistake(mistake: Mistake): string {
  const { file, line, column, what, hint, excerpt } = mistake;
  const number = line === undefined ? '' : String(line);
  const lines = [`${line === undefined ? file : `${file}:${line}:${column}`}: ${what}`];
  if (excerpt) lines.push(`  ${number} | ${excerpt.text}`, `  ${' '.repeat(number.length)} | ${excerpt.caret}`);
  if (hint !== undefined) lines.push(`  ${' '.repeat(number.length)} = ${hint}`);
  return lines.join('\n');
}

function formatReport(mistakes: readonly Mistake[]): string {
  const shown = mistakes.slice(0, SHOWN_MAX).map(formatMistake);
  const more = mistakes.length > SHOWN_MAX ? [`… and ${mistakes.length - SHOWN_MAX} more`] : [];
  const least = mistakes.length >= KEPT_MAX ? 'at least ' : '';
  const count = mistakes.length === 1 ? '1 mistake' : `${least}${mistakes.length} mistakes`;
  return [...shown, ...more, `${count} in the configuration`].join('\n\n');
}
