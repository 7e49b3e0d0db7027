/** Tables for people: columns without lines, as wide as they need to be. */
import Table from 'cli-table3';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Rows of cells as lines of text; `width` is the terminal's, 0 when it has none; the last column is wrapped by words within it. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], width?: number): string {
  const last = columns.length - 1;
  const fixed = columns.map((column, c) => Math.max(visible(column.head), ...rows.map((row) => visible(row[c] ?? ''))));
  const used = fixed.slice(0, last).reduce((sum, chars) => sum + chars + 2, 0);
  const room = width ? Math.max(24, width - used) : undefined;
  const widths = fixed.map((chars, c) => (c === last && room !== undefined ? Math.min(chars, room) : chars));
  const table = new Table({
    head: columns.map(({ head }) => head),
    chars: NO_LINES,
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: widths,
    wordWrap: true,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Characters that a terminal shows of a text: colours take none. */
// oxlint-disable-next-line no-control-regex
const visible = (text: string): number => text.replaceAll(/\u001b\[[0-9;]*m/g, '').length;
