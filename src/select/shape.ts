/** What becomes of the columns and rows of a table: which are taken, and which are made of several samples. */
import { type Cell, createLayout, type Field, type LabelMap, type Layout, type Schema } from '../event.ts';
import type { Aggregate, Taking } from './options.ts';

/** A column of what is passed on: a field's value, or what was made of it since the event before. */
export interface Column {
  /** Number of the field. */
  readonly field: number;
  readonly made: Aggregate;
}

export interface Shape {
  readonly schema: Schema;
  readonly columns: readonly Column[];
  /** Whether any column is made of several samples. */
  readonly adds: boolean;
  /** Which rows of a layout are taken; undefined for all. */
  readonly picks: ((cells: Layout['attributes'], row: number) => boolean) | undefined;
}

const WORDS: Readonly<Record<Aggregate, string>> = { last: 'The last', min: 'The least', max: 'The greatest', mean: 'The mean' };

/** Undefined when tables are passed on as they are; `columns` are empty when nothing of them is taken. */
export function shapeOf(schema: Schema, taking: Taking): Shape | undefined {
  const picks = pickerOf(schema, taking.rows);
  const aggregates = taking.aggregate ?? ['last'];
  const fields: Record<string, Field> = {};
  const columns: Column[] = [];
  schema.fieldNames.forEach((name, field) => {
    if (taking.fields && !taking.fields(`${schema.type}.${name}`)) return;
    const declared = schema.fields[name] as Field;
    // A counter's last value has all that came before in it.
    for (const made of declared.kind === 'counter' ? (['last'] as const) : aggregates) {
      const derived = `${name}.${made}`;
      if (made !== 'last' && Object.hasOwn(schema.fields, derived)) continue;
      columns.push({ field, made });
      if (made === 'last') fields[name] = declared;
      else
        fields[derived] = { kind: 'gauge', unit: declared.unit, doc: `${WORDS[made]} since the event before. ${declared.doc}` };
    }
  });
  const adds = columns.some(({ made }) => made !== 'last');
  if (!adds && columns.length === schema.fieldNames.length) return picks && { schema, columns, adds, picks };
  return { schema: { ...schema, fields, fieldNames: Object.keys(fields) }, columns, adds, picks };
}

function pickerOf(schema: Schema, rows: Taking['rows']): Shape['picks'] {
  const tests = Object.entries(rows ?? {}).flatMap(([name, fits]) => {
    const read = readerOf(schema, name);
    return read ? [{ read, fits }] : [];
  });
  if (tests.length === 0) return undefined;
  return (cells, row) => tests.every(({ read, fits }) => fits(read(cells, row)));
}

/** How to read a cell by an attribute's name, or by `labels.job` for a label in a map; undefined where there is no such attribute. */
function readerOf(schema: Schema, name: string): ((cells: Layout['attributes'], row: number) => string) | undefined {
  const at = schema.attributes.indexOf(name);
  if (at >= 0 && !schema.maps.includes(name)) return (cells, row) => cells[at]?.[row] as string;
  const map = schema.maps.find((one) => name.startsWith(`${one}.`));
  if (map === undefined) return undefined;
  const [column, label] = [schema.attributes.indexOf(map), name.slice(map.length + 1)];
  return (cells, row) => {
    const labels = cells[column]?.[row] as LabelMap;
    return Object.hasOwn(labels, label) ? (labels[label] as string) : '';
  };
}

/** The rows that are taken, as numbers of rows of the layout, and a layout of them. It is never the same one: encoders keep a schema by it. */
export function pick({ picks }: Shape, layout: Layout): { readonly rows: readonly number[]; readonly layout: Layout } {
  const rows: number[] = [];
  for (let row = 0; row < layout.rows; row++) if (!picks || picks(layout.attributes, row)) rows.push(row);
  const cells = layout.attributes.map((column) => rows.map((row) => column[row] as Cell));
  return { rows, layout: createLayout(rows.length, cells) };
}
