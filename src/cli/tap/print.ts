/**
 * Events going by, as text for people: one line an event, or a table.
 *
 *     12:30:05.250 system.disk disk  sda read: io 80.0 KiB, operations 12; sda write: io 40.0 KiB, operations 3; … and 4 more
 */
import type { Cell, Field, TideEvent } from '../../event.ts';
import { pretty, printable } from '../../pretty.ts';
import { quantity } from '../../words.ts';
import { cutLine, type Line, lineText, span } from '../live/line.ts';
import { inAscii, type Signs } from '../live/text.ts';

/** Rows of an event in one line; what does not fit is cut in any case. */
const LINE_ROWS_MAX = 8;

export interface PrintOptions {
  readonly colours: boolean;
  readonly signs: Signs;
  /** Of the terminal; infinite where there is none. */
  readonly columns: number;
  /** Rows of a table. */
  readonly maxRows: number;
}

/** The event as a table, with its rows below each other. */
export function asTable(event: TideEvent, { colours, signs, columns, maxRows }: PrintOptions): string {
  const text = pretty(event, { colours, maxRows, ...(Number.isFinite(columns) && { columns }) });
  return signs.ascii ? inAscii(text) : text;
}

/** The event as one line, with its newline. */
export function asLine(event: TideEvent, { colours, signs, columns }: PrintOptions): string {
  const { schema, layout } = event.table;
  const rows = Array.from({ length: Math.min(layout.rows, LINE_ROWS_MAX) }, (_, r) => rowText(event, r));
  if (layout.rows > rows.length) rows.push(`… and ${layout.rows - rows.length} more`);
  const what = layout.rows === 0 ? 'no rows' : rows.join('; ');
  const line: Line = [
    span(`${new Date(event.time).toTimeString().slice(0, 8)}.${String(Math.trunc(event.time) % 1000).padStart(3, '0')} `, 'dim'),
    span(printable(schema.type), 'bold'),
    span(` ${printable(event.source.sensor)}  `, 'dim'),
    span(what),
  ];
  const text = lineText(cutLine(line, columns, signs), colours);
  return `${signs.ascii ? inAscii(text) : text}\n`;
}

function rowText(event: TideEvent, r: number): string {
  const { schema, layout, values, absent } = event.table;
  const cells = layout.attributes.map((column) => cellText(column[r] as Cell));
  const numbers = schema.fieldNames.flatMap((name, f) => {
    const at = f * layout.rows + r;
    // What is absent has nothing to say in a line.
    return absent?.[at] ? [] : [`${name} ${quantity(values[at] as number, schema.fields[name] as Field, name)}`];
  });
  const by = cells.filter((cell) => cell !== '').join(' ');
  return by === '' ? numbers.join(', ') : numbers.length === 0 ? by : `${by}: ${numbers.join(', ')}`;
}

const cellText = (cell: Cell): string =>
  typeof cell === 'string'
    ? printable(cell)
    : Object.entries(cell)
        .map(([name, value]) => printable(`${name}=${value}`))
        .join(' ');
