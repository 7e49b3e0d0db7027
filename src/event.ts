/**
 * The event model: an event is one sample of one sensor, a small table.
 *
 *   schema   what the columns mean: declared once, in the sensor's own file
 *   layout   which rows there are: the attribute cells, shared by every event while the rows stay the same
 *   table    one layout with the numbers of one sample
 *   event    a table stamped with its source, its number and its time
 *
 * Layouts and tables are immutable. The numbers of a table are one Float64Array, column after column, so that an encoder walks
 * memory in order. An absent number is marked in `absent`, never by a value: NaN is a value that a scraped target may really send.
 */

/** How a field's numbers add up over time; OpenTelemetry's instrument kinds. */
export type Kind = 'counter' | 'updowncounter' | 'gauge';

/** One field column of a schema. `unit` is UCUM: `s`, `By`, `Cel`, `1`, `{operation}`. */
export interface Field {
  readonly kind: Kind;
  readonly unit: string;
  readonly doc: string;
}

/** A sum that only grows, until its source restarts. */
export const counter = (unit: string, doc: string): Field => ({ kind: 'counter', unit, doc });
/** A sum that grows and shrinks; adding it up over attributes makes sense. */
export const updowncounter = (unit: string, doc: string): Field => ({ kind: 'updowncounter', unit, doc });
/** A value that stands for itself; adding it up makes no sense. */
export const gauge = (unit: string, doc: string): Field => ({ kind: 'gauge', unit, doc });

/** The cell of a map attribute: the labels of one scraped series. */
export type LabelMap = Readonly<Record<string, string>>;
export type Cell = string | LabelMap;

/** The cells of one row, in the order of the schema's attributes; attributes named in `maps` hold label maps. */
export type Cells<A extends readonly string[], M extends string = never> = {
  readonly [I in keyof A]: A[I] extends M ? LabelMap : string;
};
/** The numbers of one row, by field; `undefined` is absent. Every field is named, so that none is forgotten. */
export type Values<F extends Record<string, Field>> = { readonly [K in keyof F]: number | undefined };

/** What a schema's columns are, without its types. */
export interface Schema {
  readonly type: string;
  readonly doc: string;
  readonly attributes: readonly string[];
  readonly maps: readonly string[];
  readonly fields: Readonly<Record<string, Field>>;
  readonly fieldNames: readonly string[];
}

export interface TypedSchema<
  A extends readonly string[] = readonly string[],
  F extends Record<string, Field> = Record<string, Field>,
  M extends string = never,
> extends Schema {
  /** An empty table to be filled by one sample. */
  table(): TableBuilder<A, F, M>;
}

/** AMQP has no room for a longer one, and in a spool the names of an event have 65,535 bytes together. */
const TYPE_BYTES_MAX = 255;

/** Declares a schema. `type` + `.` + field is the metric's name, and the attributes are its attributes. Throws for a type of over 255 bytes. */
export function defineSchema<
  const A extends readonly string[],
  const F extends Record<string, Field>,
  const M extends A[number] = never,
>(spec: { type: string; doc: string; attributes: A; maps?: readonly M[]; fields: F }): TypedSchema<A, F, M> {
  if (Buffer.byteLength(spec.type) > TYPE_BYTES_MAX)
    throw new TypeError(`a type has at most ${TYPE_BYTES_MAX} bytes: ${spec.type.slice(0, 80)}…`);
  const last: Size = { rows: 0 };
  const schema: TypedSchema<A, F, M> = {
    type: spec.type,
    doc: spec.doc,
    attributes: spec.attributes,
    maps: spec.maps ?? [],
    fields: spec.fields,
    fieldNames: Object.keys(spec.fields),
    table: () => new TableBuilder<A, F, M>(schema, last),
  };
  return schema;
}

/** Which rows a table has. `attributes[a][r]` is the cell of attribute `a` in row `r`. */
export interface Layout {
  readonly rows: number;
  readonly attributes: readonly (readonly Cell[])[];
  /** Estimated size of the cells when encoded, in bytes. */
  readonly bytes: number;
}

/** One sample: `values[f * rows + r]` is field `f` of row `r`, and is absent where `absent` holds 1 at that index. */
export interface Table {
  readonly schema: Schema;
  readonly layout: Layout;
  readonly values: Float64Array;
  readonly absent: Uint8Array | undefined;
}

/** How many rows the last table of a schema had: the next one will have as many, mostly. */
interface Size {
  rows: number;
}

/** Room is made in advance for so many rows at most. */
const ROOM_ROWS_MAX = 4096;

/** Filled row by row by one sample, then sealed by the scheduler. */
export class TableBuilder<
  A extends readonly string[] = readonly string[],
  F extends Record<string, Field> = Record<string, Field>,
  M extends string = never,
> {
  readonly schema: Schema;
  /** Cells and numbers row after row: an array for each column would be most of what a sample allocates. */
  readonly #cells: Cell[];
  readonly #numbers: number[];
  /** Absent numbers, as (row, field), because the number of rows is not known yet. */
  #absent: number[] | undefined;
  #rows = 0;
  readonly #last: Size;

  constructor(schema: Schema, last: Size) {
    this.schema = schema;
    this.#last = last;
    // Arrays that grow are copied again and again. What is beyond the rows is never looked at.
    const room = Math.min(last.rows, ROOM_ROWS_MAX);
    // oxlint-disable-next-line unicorn/no-new-array -- a length it is, and room for it is all that is wanted.
    this.#cells = new Array<Cell>(room * schema.attributes.length);
    // oxlint-disable-next-line unicorn/no-new-array -- the same.
    this.#numbers = new Array<number>(room * schema.fieldNames.length);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds a row: its cells in the order of the schema's attributes, its numbers by field. */
  add(cells: Cells<A, M>, values: Values<F>): this {
    const { attributes, fieldNames } = this.schema;
    const firstCell = this.#rows * attributes.length;
    const firstNumber = this.#rows * fieldNames.length;
    for (let a = 0; a < attributes.length; a++) this.#cells[firstCell + a] = cells[a] as Cell;
    for (let f = 0; f < fieldNames.length; f++) {
      const value = values[fieldNames[f] as string];
      this.#numbers[firstNumber + f] = value ?? 0;
      if (value === undefined) (this.#absent ??= []).push(this.#rows, f);
    }
    this.#rows++;
    return this;
  }

  /** The finished table. Reuses `previous`' layout when the rows are the same rows, which is the usual case. */
  seal(previous?: Layout): Table {
    const rows = this.#rows;
    this.#last.rows = rows;
    const fields = this.schema.fieldNames.length;
    const values = new Float64Array(rows * fields);
    for (let f = 0, at = 0; f < fields; f++)
      for (let r = 0; r < rows; r++) values[at++] = this.#numbers[r * fields + f] as number;
    let absent: Uint8Array | undefined;
    if (this.#absent) {
      absent = new Uint8Array(values.length);
      for (let i = 0; i < this.#absent.length; i += 2) {
        absent[(this.#absent[i + 1] as number) * rows + (this.#absent[i] as number)] = 1;
      }
    }
    const count = this.schema.attributes.length;
    const same = previous !== undefined && sameCells(previous, rows, count, this.#cells);
    return {
      schema: this.schema,
      layout: same ? previous : createLayout(rows, columns(rows, count, this.#cells)),
      values,
      absent,
    };
  }
}

/** A table of any schema, as `sample` returns it. */
export type AnyTable = Pick<TableBuilder, 'schema' | 'rows' | 'seal'>;

/** Whether the layout has these cells, which are `count` a row, row after row. */
function sameCells(layout: Layout, rows: number, count: number, cells: readonly Cell[]): boolean {
  if (layout.rows !== rows || layout.attributes.length !== count) return false;
  for (let a = 0; a < count; a++) {
    const was = layout.attributes[a] as readonly Cell[];
    for (let r = 0; r < rows; r++) if (was[r] !== cells[r * count + a]) return false;
  }
  return true;
}

function columns(rows: number, count: number, cells: readonly Cell[]): Cell[][] {
  return Array.from({ length: count }, (_, a) => Array.from({ length: rows }, (_row, r) => cells[r * count + a] as Cell));
}

/** A layout over these cells, which it keeps. A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD. */
export function createLayout(rows: number, cells: Cell[][]): Layout {
  let bytes = 0;
  for (const column of cells) {
    for (let r = 0; r < rows; r++) {
      const cell = wellFormed(column[r] as Cell);
      column[r] = cell;
      bytes += cellBytes(cell);
    }
  }
  return { rows, attributes: cells, bytes };
}

/** Estimated size of a cell when encoded, in bytes. */
const cellBytes = (cell: Cell): number => 3 + (typeof cell === 'string' ? cell.length : JSON.stringify(cell).length);

function wellFormed(cell: Cell): Cell {
  return typeof cell === 'string' ? (cell.isWellFormed() ? cell : cell.toWellFormed()) : wellFormedMap(cell);
}

/** Label maps that every encoding can carry: well-formed, and without the one name that decoders refuse, `__proto__`. */
export function wellFormedMap(map: LabelMap): LabelMap {
  const pairs = Object.entries(map);
  if (pairs.every(([name, value]) => name.isWellFormed() && value.isWellFormed() && name !== '__proto__')) return map;
  return Object.fromEntries(
    pairs.map(([name, value]) => [name === '__proto__' ? '_proto_' : name.toWellFormed(), value.toWellFormed()]),
  );
}

/** Where events come from: one sensor instance of one run of one agent. */
export interface Source {
  readonly agent: string;
  readonly run: string;
  /** The instance's name in the configuration. */
  readonly sensor: string;
  readonly host: string;
  readonly labels: LabelMap;
}

/** Bytes that an encoded event has beside its cells and numbers: names, identity, brackets. An estimate, for limits. */
const ENVELOPE_BYTES = 256;
/** Bytes that an encoded number takes at most in MessagePack, and about on average in JSON. */
const NUMBER_BYTES = 9;

/** A source whose strings every encoding can carry: see `wellFormedMap`. */
export function createSource({ agent, run, sensor, host, labels }: Source): Source {
  return {
    agent: agent.toWellFormed(),
    run: run.toWellFormed(),
    sensor: sensor.toWellFormed(),
    host: host.toWellFormed(),
    labels: wellFormedMap(labels),
  };
}

/** A table, stamped. `n` counts the events of its source from 1; `time` is Unix time in milliseconds. */
export class TideEvent {
  readonly source: Source;
  readonly n: number;
  readonly time: number;
  readonly table: Table;
  /** W3C trace context of the sample, where it is traced. It goes beside the event, not in it. */
  readonly traceparent: string | undefined;

  constructor(source: Source, n: number, time: number, table: Table, traceparent?: string) {
    this.source = source;
    this.n = n;
    this.time = time;
    this.table = table;
    this.traceparent = traceparent;
  }

  get type(): string {
    return this.table.schema.type;
  }

  /** Agent, run, sensor, number. Never changes on a retry, a restart or a replay. */
  get id(): string {
    const { agent, run, sensor } = this.source;
    return `${agent}/${run}/${sensor}/${this.n}`;
  }

  /** Estimated encoded size, in bytes; what queues count. */
  get bytes(): number {
    return ENVELOPE_BYTES + this.table.layout.bytes + this.table.values.length * NUMBER_BYTES;
  }
}

/** How many rows from `from` on, with `fields` numbers each, an event of at most `maxBytes` may have: one, if there is any. */
export function rowsThatFit({ rows, attributes }: Layout, fields: number, from: number, maxBytes: number): number {
  let bytes = ENVELOPE_BYTES;
  let row = from;
  for (; row < rows; row++) {
    bytes += fields * NUMBER_BYTES;
    for (const column of attributes) bytes += cellBytes(column[row] as Cell);
    if (bytes > maxBytes && row > from) break;
  }
  return row - from;
}
