/**
 * Events as text for people: a heading, then one aligned line a row.
 *
 *     12:30:05.250 system.disk  disk
 *       system.device  disk.io.direction        io  operations
 *       sda            read               80.0 KiB          12
 *
 * An event of one row without attributes is one line. Cells come from outside, so what would move a cursor or change a colour is
 * shown and not obeyed.
 */
import type { Cell, Field, TideEvent } from './event.ts';
import { quantity } from './words.ts';

export interface PrettyOptions {
  readonly colours: boolean;
  /** Rows of a table that are shown. */
  readonly maxRows: number;
  /** Characters in a line; what is longer is cut. */
  readonly columns?: number | undefined;
}

/** Select Graphic Rendition, ECMA-48 8.3.117. */
const STYLES = { time: '2', type: '1;36', heading: '2', plain: '' } as const;
type Style = keyof typeof STYLES;

interface Piece {
  readonly text: string;
  readonly style: Style;
}

/** The event as lines, each with its newline. */
export function pretty(event: TideEvent, options: PrettyOptions): string {
  const { schema, layout } = event.table;
  const title: Piece[] = [
    { text: `${timeOfDay(event.time)} `, style: 'time' },
    { text: printable(schema.type), style: 'type' },
  ];
  if (schema.attributes.length === 0 && layout.rows === 1) {
    const values = schema.fieldNames.map((name, f) => `  ${name} ${number(event, f, 0)}`).join('');
    return line([...title, { text: values, style: 'plain' }], options);
  }
  const lines = [line([...title, { text: `  ${printable(event.source.sensor)}`, style: 'heading' }], options)];
  const shown = Math.min(layout.rows, options.maxRows);
  const columns = columnsOf(event, shown);
  if (shown > 0) lines.push(line([{ text: columns.map(({ head }) => `  ${head}`).join(''), style: 'heading' }], options));
  for (let r = 0; r < shown; r++) {
    lines.push(line([{ text: columns.map(({ cells }) => `  ${cells[r]}`).join(''), style: 'plain' }], options));
  }
  if (layout.rows > shown) lines.push(line([{ text: `  … and ${layout.rows - shown} rows more`, style: 'heading' }], options));
  else if (layout.rows === 0) lines.push(line([{ text: '  no rows', style: 'heading' }], options));
  return lines.join('');
}

function line(pieces: readonly Piece[], { colours, columns = Number.POSITIVE_INFINITY }: PrettyOptions): string {
  let [text, left] = ['', columns];
  for (const piece of pieces) {
    const part = cut(piece.text, left);
    left -= part.length;
    text += colours && STYLES[piece.style] ? `\x1b[${STYLES[piece.style]}m${part}\x1b[0m` : part;
  }
  return `${text.trimEnd()}\n`;
}

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

/** Columns with their cells padded to one width: words to the left, numbers to the right. */
function columnsOf(event: TideEvent, rows: number): { head: string; cells: string[] }[] {
  const { schema, layout } = event.table;
  const each = <T>(make: (r: number) => T): T[] => Array.from({ length: rows }, (_, r) => make(r));
  const attributes = schema.attributes.map((name, a) =>
    pad(
      name,
      each((r) => cellText(layout.attributes[a]?.[r] as Cell)),
      'padEnd',
    ),
  );
  const fields = schema.fieldNames.map((name, f) =>
    pad(
      name,
      each((r) => number(event, f, r)),
      'padStart',
    ),
  );
  return [...attributes, ...fields];
}

function pad(name: string, cells: string[], side: 'padStart' | 'padEnd'): { head: string; cells: string[] } {
  const width = cells.reduce((most, cell) => Math.max(most, cell.length), name.length);
  return { head: name[side](width), cells: cells.map((cell) => cell[side](width)) };
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return printable(cell);
  return printable(
    `{${Object.entries(cell)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(', ')}}`,
  );
}

/** Control characters, and those that change the direction of text, as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (found) => `\\u{${found.charCodeAt(0).toString(16)}}`);
}

function number({ table: { schema, layout, values, absent } }: TideEvent, f: number, r: number): string {
  const at = f * layout.rows + r;
  const name = schema.fieldNames[f] as string;
  return absent?.[at] ? '-' : quantity(values[at] as number, schema.fields[name] as Field, name);
}

/** Local time, because that is what the reader's other clocks show. */
function timeOfDay(time: number): string {
  const at = new Date(time);
  const two = (part: number): string => `${part}`.padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${`${at.getMilliseconds()}`.padStart(3, '0')}`;
}
