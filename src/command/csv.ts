/** Tables of text: RFC 4180 with any separator, and columns between blanks as `ps` and `df` print them. */

/** Stands for any number of blanks as the separator. */
const BLANKS = 'blanks';

/** Rows of cells. A quoted cell may hold separators, line ends and doubled quotes. An empty line is no row. */
export function parseCsv(text: string, separator = ','): string[][] {
  if (separator === BLANKS)
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => line.split(/\s+/));
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    const cell = cellAt(text, at, separator);
    row.push(cell.text);
    at = cell.end;
    if (text.startsWith(separator, at)) {
      at += separator.length;
      // A separator at the very end has an empty cell behind it.
      if (at < text.length) continue;
      row.push('');
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    if (row.length > 1 || row[0] !== '' || cell.quoted) rows.push(row);
    row = [];
  }
  return rows;
}

interface Piece {
  readonly text: string;
  readonly quoted: boolean;
  /** Where the separator, the line's end or the text's end is. */
  readonly end: number;
}

/** Blanks around a cell are no part of it unless they are quoted, for so tools print them. */
function cellAt(text: string, from: number, separator: string): Piece {
  let start = from;
  while (text[start] === ' ' && !separator.startsWith(' ')) start++;
  let quoted = '';
  let at = start;
  const isQuoted = text[start] === '"';
  if (isQuoted) {
    for (at = start + 1; ; at += 2) {
      const close = text.indexOf('"', at);
      quoted += text.slice(at, close < 0 ? text.length : close);
      at = close < 0 ? text.length : close;
      if (text[at + 1] !== '"') break;
      quoted += '"';
    }
    at = Math.min(text.length, at + 1);
  }
  const next = text.indexOf(separator, at);
  const newline = text.indexOf('\n', at);
  let end = Math.min(next < 0 ? text.length : next, newline < 0 ? text.length : newline);
  if (end === newline && text[end - 1] === '\r' && end - 1 >= at) end--;
  const rest = text.slice(at, end).trim();
  return { text: isQuoted ? quoted + rest : rest, quoted: isQuoted, end };
}

/** A row as an object of its columns. What has no name is called by its place, from 1; the first of columns of one name is taken. */
export function recordOf(names: readonly string[], cells: readonly string[]): Record<string, string> {
  const record: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i < cells.length; i++) {
    const name = names[i]?.trim() || String(i + 1);
    // An empty cell is absent, as it is in every program that reads such tables.
    if (cells[i] !== '' && !(name in record)) record[name] = cells[i] as string;
  }
  return record;
}
