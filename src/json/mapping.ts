/**
 * Tables out of an answer, by a mapping.
 *
 * Absent is absent: a path that leads to nothing, or to `null`, leaves the field out; a row without a number is left out, and a table without a
 * row. A value that is there and is not what the mapping says leaves its field out too, and is counted and said. Limits: the rows of a table are
 * the sensor's option; a text is cut at TEXT_MAX.
 */
import { describe } from '../errors.ts';
import { type AnyTable, defineSchema, type Field, type Schema, type TableBuilder } from '../event.ts';
import type { FieldOptions, TableOptions } from './mapping-options.ts';
import type { Found, Path, Scope } from './path.ts';
import { type Conversion, convert, excerpt, Unfit } from './value.ts';

const TEXT_MAX = 1024;
const SECONDS: ReadonlySet<Conversion> = new Set(['duration', 'time', 'age']);

export interface Filled {
  /** Its name in the mapping. */
  readonly name: string;
  /** Undefined when it has no row. */
  readonly table: AnyTable | undefined;
  readonly rows: number;
  /** Values that are not what the mapping says, and the first of them in words. */
  readonly problems: number;
  readonly problem: string | undefined;
}

/** What went wrong while a table was filled. */
class Problems {
  count = 0;
  first: string | undefined;

  add(what: string): void {
    this.count++;
    this.first ??= what;
  }

  /** Runs it; undefined when the value is unfit. Anything else that an answer makes a library throw counts likewise. */
  guard<T>(where: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.add(`${where}: ${error instanceof Unfit ? error.message : describe(error)}`);
      return undefined;
    }
  }
}

interface Compiled {
  readonly name: string;
  readonly schema: Schema & { table(): TableBuilder };
  readonly options: TableOptions;
  readonly attributes: readonly { readonly name: string; readonly path: Path; readonly missing: string }[];
  readonly fields: readonly { readonly name: string; readonly options: FieldOptions; readonly paths: readonly Path[] }[];
}

export class Mapping {
  readonly #tables: readonly Compiled[];
  readonly #maxRows: number;

  constructor(tables: Readonly<Record<string, TableOptions>>, maxRows: number) {
    this.#tables = Object.entries(tables).map(([name, options]) => compile(name, options));
    this.#maxRows = maxRows;
  }

  get schemas(): readonly Schema[] {
    return this.#tables.map(({ schema }) => schema);
  }

  /** A table for each of the mapping's. `now` is Unix time in seconds, for ages. */
  fill(document: unknown, now: number): Filled[] {
    return this.#tables.map((compiled) => {
      const problems = new Problems();
      const table = compiled.schema.table();
      for (const row of this.#rows(compiled, document, problems)) addRow(compiled, table, row, now, problems);
      const { count, first } = problems;
      const { rows } = table;
      return { name: compiled.name, table: rows > 0 ? table : undefined, rows, problems: count, problem: first };
    });
  }

  #rows({ options }: Compiled, document: unknown, problems: Problems): Scope[] {
    const whole = { document, row: document, key: '' };
    const { rows } = options;
    if (!rows) return [whole];
    const members = problems.guard('rows', () => membersOf(rows, whole)) ?? [];
    if (members.length > this.#maxRows)
      problems.add(`rows: ${members.length} are more than max_rows, ${this.#maxRows}; those above it are left out`);
    return members.slice(0, this.#maxRows).map(({ key, value }) => ({ document, row: value, key }));
  }
}

function compile(name: string, options: TableOptions): Compiled {
  const { states, type = name } = options;
  const fields = Object.entries(options.fields).map(([field, given]) => ({
    name: field,
    options: given,
    paths: [given.path].flat(),
  }));
  const attributes = Object.entries(options.attributes).map(([attribute, { path, default: missing }]) => ({
    name: attribute,
    path,
    missing,
  }));
  const declared: [string, Field][] = fields.map((field) => [field.name, fieldOf(field.options)]);
  if (states)
    declared.push([states.field, { kind: 'gauge', unit: '1', doc: states.doc || '1 for the state that it is in, else 0.' }]);
  const schema = defineSchema({
    type,
    doc: options.doc,
    attributes: [...attributes.map((attribute) => attribute.name), ...(states ? [states.attribute] : [])],
    fields: Object.fromEntries(declared),
  });
  return { name, schema, options, attributes, fields };
}

function fieldOf({ as, unit, kind, doc, path }: FieldOptions): Field {
  const from = [path].flat().map(({ text }) => text);
  return { kind, unit: unit ?? (SECONDS.has(as) ? 's' : '1'), doc: doc || `From ${from.join(' or ')}.` };
}

function membersOf(rows: Path, scope: Scope): readonly Found[] {
  const found = rows.find(scope);
  if (rows.many) return found;
  const value = found[0]?.value;
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object') throw new Unfit(`${excerpt(value)} is no list and no object`);
  return Object.entries(value).map(([key, member]) => ({ key, value: member as unknown }));
}

function addRow(compiled: Compiled, table: TableBuilder, scope: Scope, now: number, problems: Problems): void {
  const cells = compiled.attributes.map(({ name, path, missing }) => problems.guard(name, () => textOf(path, scope)) ?? missing);
  const { states } = compiled.options;
  if (states) {
    const state = problems.guard(states.attribute, () => textOf(states.path, scope));
    if (state === undefined) return;
    // One that nobody foresaw has a row too, or it would look as if there were none.
    for (const one of new Set([...states.values, state])) table.add([...cells, one], { [states.field]: one === state ? 1 : 0 });
    return;
  }
  const values: Record<string, number | undefined> = {};
  let numbers = 0;
  for (const { name, options, paths } of compiled.fields) {
    values[name] = problems.guard(name, () => numberOf(options, paths, scope, now));
    if (values[name] !== undefined) numbers++;
  }
  if (numbers > 0) table.add(cells, values);
}

function textOf(path: Path, scope: Scope): string | undefined {
  const value = path.find(scope)[0]?.value;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    throw new Unfit(`${excerpt(value)} is no text`);
  return String(value).slice(0, TEXT_MAX);
}

function numberOf(options: FieldOptions, paths: readonly Path[], scope: Scope, now: number): number | undefined {
  const { as, scale, minus, cases, combine } = options;
  for (const path of paths) {
    const found = path.find(scope).map(({ value }) => value);
    if (combine === 'count' || combine === 'sum') {
      if (found.length === 0 && !path.isAnswered(scope)) continue;
      if (combine === 'count') return found.length;
    }
    // Null is absent unless a case says what it stands for.
    const there = found.filter((value) => value !== null || Object.hasOwn(cases, 'null'));
    if (there.length === 0 && combine !== 'sum') continue;
    const read = (value: unknown): number | undefined => caseOf(value, cases) ?? convert(value, as, scale, now);
    const only = there[0];
    if (combine !== 'first') return combined(there.map(read), combine);
    const special = caseOf(only, cases);
    if (special !== undefined) return special;
    const number = read(only);
    if (!minus || number === undefined) return number;
    const less = minus.find(scope)[0]?.value;
    const other = less === undefined || less === null ? undefined : convert(less, as, scale, now);
    return other === undefined ? undefined : number - other;
  }
  return undefined;
}

function caseOf(value: unknown, cases: FieldOptions['cases']): number | undefined {
  const name = typeof value === 'string' ? value : JSON.stringify(value);
  return name !== undefined && Object.hasOwn(cases, name) ? cases[name] : undefined;
}

function combined(values: readonly (number | undefined)[], how: 'sum' | 'min' | 'max' | 'count'): number | undefined {
  const numbers = values.filter((value) => value !== undefined);
  if (how === 'sum') return numbers.reduce((sum, value) => sum + value, 0);
  if (numbers.length === 0) return undefined;
  // No spreading into Math.min: a list may be longer than arguments can be.
  return numbers.reduce((a, b) => (how === 'min' ? Math.min(a, b) : Math.max(a, b)));
}
