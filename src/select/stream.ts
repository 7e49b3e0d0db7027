/**
 * The events of one type from one source, on their way to one sink: which samples are passed on, and with what of those that were not.
 *
 * A sample may be several events, which have one time, and tables of several schemas may be of one type: all are passed on together or not at
 * all. The first sample is passed on; after that every nth, or the first one of each period of the wall clock. What is added up is that of the
 * samples since the one before that was passed on, for each row by its attributes; of a row that is not in the sample that is passed on nothing is told.
 *
 * Limit: ROWS_MAX rows of each schema are remembered between two samples that are passed on; of one beyond that only its last value is known.
 */
import { type Layout, type Schema, type Table, TideEvent } from '../event.ts';
import type { Taking } from './options.ts';
import { pick, type Shape, shapeOf } from './shape.ts';

const ROWS_MAX = 100_000;

/** What was added up of a row: for each field how many values, their least, greatest and sum. */
class Sums {
  readonly count: Uint32Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;

  constructor(fields: number) {
    this.count = new Uint32Array(fields);
    this.min = new Float64Array(fields).fill(Number.POSITIVE_INFINITY);
    this.max = new Float64Array(fields).fill(Number.NEGATIVE_INFINITY);
    this.sum = new Float64Array(fields);
  }

  add(field: number, value: number): void {
    this.count[field] = (this.count[field] as number) + 1;
    this.min[field] = Math.min(this.min[field] as number, value);
    this.max[field] = Math.max(this.max[field] as number, value);
    this.sum[field] = (this.sum[field] as number) + value;
  }
}

export class Stream {
  readonly #taking: Taking;
  /** What a sensor declared before it was configured anew goes with its schema. */
  readonly #parts = new WeakMap<Schema, Part>();
  /** Moment of the sample that is going by. */
  #time: number | undefined;
  #passing = false;
  #samples = 0;
  #period: number | undefined;
  /** How many samples were passed on before this one. */
  #round = 0;

  constructor(taking: Taking) {
    this.#taking = taking;
  }

  /** What is passed on of an event; undefined for nothing. */
  take(event: TideEvent): TideEvent | undefined {
    if (event.time !== this.#time) this.#begin(event.time);
    const { schema } = event.table;
    let part = this.#parts.get(schema);
    if (!part) this.#parts.set(schema, (part = new Part(schema, this.#taking)));
    return part.take(event, this.#passing, this.#round);
  }

  /** A sample begins: whether it is passed on is settled by its first event. */
  #begin(time: number): void {
    const { every } = this.#taking;
    const first = this.#time === undefined;
    if (this.#passing) {
      this.#round++;
      this.#samples = 0;
    }
    this.#time = time;
    this.#samples++;
    if (every && 'ms' in every) {
      // A clock that was set back begins another period too.
      const period = Math.floor(time / every.ms);
      this.#passing = period !== this.#period;
      this.#period = period;
    } else this.#passing = first || this.#samples >= (every?.samples ?? 1);
  }
}

/** The tables of one schema among them. */
class Part {
  readonly #shape: Shape | undefined;
  readonly #isEmpty: boolean;
  #picked: { readonly from: Layout; readonly rows: readonly number[]; readonly layout: Layout } | undefined;
  readonly #sums = new Map<string, Sums>();
  /** The round that the sums are of. */
  #round = 0;

  constructor(schema: Schema, taking: Taking) {
    this.#shape = shapeOf(schema, taking);
    this.#isEmpty = this.#shape?.columns.length === 0 && schema.fieldNames.length > 0;
  }

  take(event: TideEvent, passing: boolean, round: number): TideEvent | undefined {
    const shape = this.#shape;
    if (!shape) return passing ? event : undefined;
    if (this.#isEmpty || (!passing && !shape.adds)) return undefined;
    if (round !== this.#round) this.#sums.clear();
    this.#round = round;
    const { table } = event;
    const picked = this.#pick(shape, table.layout);
    const sums = shape.adds ? this.#add(table, picked.rows, picked.layout) : undefined;
    if (!passing || picked.rows.length === 0) return undefined;
    return new TideEvent(event.source, event.n, event.time, made(shape, table, picked, sums), event.traceparent);
  }

  #pick(shape: Shape, layout: Layout): { readonly rows: readonly number[]; readonly layout: Layout } {
    if (this.#picked?.from !== layout) this.#picked = { from: layout, ...pick(shape, layout) };
    return this.#picked;
  }

  /** Adds the rows of a table, and returns what is known of each. */
  #add({ layout, values, absent, schema }: Table, rows: readonly number[], picked: Layout): readonly Sums[] {
    const fields = schema.fieldNames.length;
    return rows.map((row, i) => {
      const key = JSON.stringify(picked.attributes.map((column) => column[i]));
      let sums = this.#sums.get(key);
      if (!sums) {
        sums = new Sums(fields);
        if (this.#sums.size < ROWS_MAX) this.#sums.set(key, sums);
      }
      for (let field = 0; field < fields; field++) {
        const at = field * layout.rows + row;
        if (!absent?.[at]) sums.add(field, values[at] as number);
      }
      return sums;
    });
  }
}

function made(
  { schema, columns }: Shape,
  table: Table,
  { rows, layout }: { readonly rows: readonly number[]; readonly layout: Layout },
  sums: readonly Sums[] | undefined,
): Table {
  const values = new Float64Array(columns.length * rows.length);
  let absent: Uint8Array | undefined;
  columns.forEach(({ field, made: how }, c) => {
    rows.forEach((row, r) => {
      const at = c * rows.length + r;
      const from = field * table.layout.rows + row;
      const sum = sums?.[r];
      const missing = how === 'last' || !sum ? table.absent?.[from] === 1 : sum.count[field] === 0;
      if (missing) (absent ??= new Uint8Array(values.length))[at] = 1;
      else if (how === 'last' || !sum) values[at] = table.values[from] as number;
      else if (how === 'mean') values[at] = (sum.sum[field] as number) / (sum.count[field] as number);
      else values[at] = sum[how][field] as number;
    });
  });
  return { schema, layout, values, absent };
}
