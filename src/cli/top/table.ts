/** A table that fits a width: columns of less weight give way, free text at the end takes what is left. */
import { type Line, type Span, span } from '../live/line.ts';
import { fit, type Signs, widthOf } from '../live/text.ts';

/** Blanks between columns. */
const GAP = 2;
/** The first column names the row. It has so many signs at most, and gives way to other columns down to so many. */
const [NAME_MAX, NAME_MIN] = [24, 12];
/** Free text is left out where it would have less; where it matters, columns that matter less give way until it has more. */
const [REST_MIN, REST_WANTED] = [12, 28];

export interface TopColumn<T> {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** The highest stay longest; the first column always stays. */
  readonly weight: number;
  readonly cell: (row: T) => Span;
}

export interface TableParts<T> {
  readonly columns: readonly TopColumn<T>[];
  readonly rest: { readonly head: string; readonly weight: number; readonly cell: (row: T) => Span };
}

/** A heading and one line a row; with an infinite width nothing is left out. Cells have gone through `shown`. */
export function topTable<T>({ columns, rest }: TableParts<T>, rows: readonly T[], width: number, signs: Signs): Line[] {
  const table = columns.map((column) => {
    const cells = rows.map(column.cell);
    return { ...column, cells, wide: Math.max(widthOf(column.head), ...cells.map(({ text }) => widthOf(text))) };
  });
  const [name, ...others] = table;
  if (name === undefined) return [];
  const text = {
    ...rest,
    wide: Math.min(REST_WANTED, Math.max(widthOf(rest.head), ...rows.map((row) => widthOf(rest.cell(row).text)))),
  };
  const kept = choose([...others, text], width - Math.min(name.wide, NAME_MIN));
  const chosen = others.filter((column) => kept.has(column));
  const taken = chosen.reduce((sum, { wide }) => sum + wide + GAP, 0);
  name.wide = Math.max(0, Math.min(name.wide, width === Number.POSITIVE_INFINITY ? width : NAME_MAX, width - taken));
  const free = width - name.wide - taken - GAP;
  const gap = span(' '.repeat(GAP));
  const line = (of: (column: (typeof table)[number]) => Span, last: Span): Line => {
    const spans = [name, ...chosen].flatMap((column, i) => {
      const { text, style } = of(column);
      const part = span(fit(text, column.wide, column.align, signs), style);
      return i === 0 ? [part] : [gap, part];
    });
    return free < REST_MIN ? spans : [...spans, gap, last];
  };
  return [
    line(({ head }) => span(head, 'dim'), span(rest.head, 'dim')),
    ...rows.map((row, r) => line(({ cells }) => cells[r] as Span, rest.cell(row))),
  ];
}

/** The columns that fit. The first that does not ends it: no column is there without those that matter more. */
function choose<C extends { readonly weight: number; readonly wide: number }>(columns: readonly C[], width: number): Set<C> {
  let left = width;
  const kept = new Set<C>();
  for (const column of columns.toSorted((a, b) => b.weight - a.weight)) {
    left -= column.wide + GAP;
    if (left < 0) break;
    kept.add(column);
  }
  return kept;
}
