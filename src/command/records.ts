/** What a command prints, as documents for a mapping: lists of records, or one object. */
import { describe } from '../errors.ts';
import { ObjectSplitter } from '../json/objects.ts';
import { parseCsv, recordOf } from './csv.ts';
import { linesOf } from './lines.ts';
import { parseNagios } from './nagios.ts';
import type { CommandOptions } from './options.ts';
import { parseSamples } from './samples.ts';

type Given = Pick<CommandOptions, 'format' | 'pattern' | 'separator' | 'columns'>;

/** The output is not what its format promises. */
class Unreadable extends Error {}

const EXCERPT_MAX = 120;
const excerpt = (text: string): string => JSON.stringify(text.length > EXCERPT_MAX ? `${text.slice(0, EXCERPT_MAX)}…` : text);

/** A whole run's output. Throws `Unreadable`. */
export function documentOf(text: string, status: number, given: Given): unknown {
  switch (given.format) {
    case 'json':
      return parseJson(text);
    case 'prometheus':
      return parseSamples(text);
    case 'json_objects':
      return objectsOf(text);
    case 'nagios':
      return parseNagios(text, status);
    case 'pairs':
      return Object.assign({}, ...linesOf(text).map((line) => pairOf(line, given.separator))) as object;
    case 'csv': {
      const rows = parseCsv(text, given.separator);
      const names = given.columns ?? rows.shift() ?? [];
      return rows.map((cells) => recordOf(names, cells));
    }
    case 'lines':
    case 'json_lines': {
      const reader = new RecordReader(given);
      return linesOf(text).flatMap((line) => reader.read(line) ?? []);
    }
  }
}

/** One line after the other, of which some are records. The first line of a table may name its columns. */
export class RecordReader {
  readonly #given: Given;
  #names: readonly string[] | undefined;

  constructor(given: Given) {
    this.#given = given;
    this.#names = given.columns;
  }

  /** Undefined for a line that is none. Throws `Unreadable`. */
  read(line: string): object | undefined {
    const { format, pattern, separator } = this.#given;
    if (format === 'lines') return pattern ? matchOf(line, pattern) : { line };
    if (line.trim() === '') return undefined;
    if (format === 'csv') {
      const [cells = []] = parseCsv(line, separator);
      if (this.#names) return recordOf(this.#names, cells);
      this.#names = cells;
      return undefined;
    }
    if (format === 'pairs') return pairOf(line, separator);
    const value = parseJson(line);
    if (typeof value !== 'object' || value === null) throw new Unreadable(`${excerpt(line)} is no object`);
    return value;
  }
}

function matchOf(line: string, pattern: RegExp): object | undefined {
  const found = pattern.exec(line);
  if (!found) return undefined;
  const groups = Object.entries(found.groups ?? {}).filter(([, text]) => text !== undefined);
  return { line, ...Object.fromEntries(groups) };
}

/** `key=value`, perhaps quoted as a shell would have it; undefined where there is no separator. */
function pairOf(line: string, separator = '='): Record<string, string> | undefined {
  const at = line.indexOf(separator);
  if (at <= 0 || line.startsWith('#')) return undefined;
  const value = line.slice(at + separator.length).trim();
  const [, quoted] = /^"(.*)"$/.exec(value) ?? /^'(.*)'$/.exec(value) ?? [];
  return { [line.slice(0, at).trim()]: quoted ?? value };
}

/** Every object of a text. */
function objectsOf(text: string): unknown[] {
  const objects: unknown[] = [];
  const splitter = new ObjectSplitter(Number.POSITIVE_INFINITY, (object) => objects.push(parseJson(object)));
  splitter.feed(text);
  if (splitter.reset()) throw new Unreadable('its output ends within an object');
  return objects;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Unreadable(`its output is no JSON: ${describe(error)}`);
  }
}
