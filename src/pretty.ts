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

/** A value with its unit in the form that people read: `80.0 KiB`, `1.50 ms`, `12.3 %`. */
export function quantity(value: number, { unit }: Field, name: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  if (unit === '1') return /utilization|ratio/.test(name) ? `${short(value * 100)} %` : short(value);
  if (unit.startsWith('{')) return short(value);
  const [, base = '', rest = ''] = /^([A-Za-z%]*)(.*)$/.exec(unit) ?? [];
  if (base === 's' && rest === '') return /timestamp/.test(name) ? isoTime(value) : seconds(value);
  if (base === 'By') return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], rest);
  if (base === 'Hz') return scaled(value, 1000, ['Hz', 'kHz', 'MHz', 'GHz'], rest);
  if (base === 'Cel') return `${short(value)} °C${rest}`;
  return `${short(value)} ${unit}`;
}

/** Integers as they are; everything else with three digits behind the point at most. */
const short = (value: number): string => {
  if (Number.isInteger(value)) return `${value}`;
  return Math.abs(value) >= 0.001 ? `${Math.round(value * 1000) / 1000}` : value.toPrecision(3);
};

function scaled(value: number, step: number, units: readonly string[], rest: string): string {
  let [amount, i] = [value, 0];
  while (Math.abs(amount) >= step && i < units.length - 1) {
    amount /= step;
    i++;
  }
  return `${i === 0 ? short(amount) : amount.toFixed(1)} ${units[i]}${rest}`;
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${short(value * 1e6)} µs`;
  if (size < 1) return `${short(value * 1e3)} ms`;
  if (size < 120) return `${short(value)} s`;
  const whole = Math.round(size);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  const parts =
    days > 0 ? [`${days}d`, `${hours}h`] : hours > 0 ? [`${hours}h`, `${minutes}m`] : [`${minutes}m`, `${whole % 60}s`];
  return `${value < 0 ? '-' : ''}${parts.join(' ')}`;
}

const isoTime = (value: number): string => (Math.abs(value) < 8.64e12 ? new Date(value * 1000).toISOString() : `${value} s`);

/** Local time, because that is what the reader's other clocks show. */
function timeOfDay(time: number): string {
  const at = new Date(time);
  const two = (part: number): string => `${part}`.padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${`${at.getMilliseconds()}`.padStart(3, '0')}`;
}
