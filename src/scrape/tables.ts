/** Tables of a reading: its rows as they are kept with the page, so that an encoder finds what it made of them before. */
import type { AnyTable, LabelMap, Layout, Table } from '../event.ts';
import { isCreated, startTimes } from '../exposition/created.ts';
import type { Page } from '../exposition/page.ts';
import type { Reading } from '../exposition/reader.ts';
import type { Schemas } from './schemas.ts';

/** A table that is made already. */
const ready = (table: Table): AnyTable => ({ schema: table.schema, rows: table.layout.rows, seal: () => table });

/** The samples of a page, or nothing when it has none. */
export function sampleTable(schemas: Schemas, { page, values }: Reading, withStarts: boolean): AnyTable[] {
  if (page.layout.rows === 0) return [];
  const starts = withStarts ? startTimes(page, values) : undefined;
  if (starts !== undefined) return [startedTable(schemas, page, values, starts)];
  return [ready({ schema: page.timed ? schemas.timedSample : schemas.sample, layout: page.layout, values, absent: page.absent })];
}

/** Layouts without the rows that say when others began, by page. */
const started = new WeakMap<Page, { layout: Layout; rows: Int32Array }>();

function startedTable(schemas: Schemas, page: Page, values: Float64Array, starts: Float64Array): AnyTable {
  const known = started.get(page) ?? withoutCreated(page);
  started.set(page, known);
  const { layout, rows } = known;
  const columns = page.timed ? 3 : 2;
  const all = new Float64Array(rows.length * columns);
  const absent = new Uint8Array(all.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    all[i] = values[row] as number;
    if (page.timed) {
      all[rows.length + i] = values[page.layout.rows + row] as number;
      absent[rows.length + i] = page.absent?.[page.layout.rows + row] ?? 0;
    }
    const start = starts[row] as number;
    const at = rows.length * (columns - 1) + i;
    if (Number.isNaN(start)) absent[at] = 1;
    else all[at] = start;
  }
  return ready({ schema: page.timed ? schemas.timedStartedSample : schemas.startedSample, layout, values: all, absent });
}

function withoutCreated(page: Page): { layout: Layout; rows: Int32Array } {
  const rows = Int32Array.from({ length: page.layout.rows }, (_, row) => row).filter((row) => !isCreated(page, row));
  return { layout: layoutOf(page, rows), rows };
}

/** Some rows of a page. */
function layoutOf({ layout }: Page, rows: ArrayLike<number>): Layout {
  const attributes = layout.attributes.map((column) => Array.from(rows, (row) => column[row] as string | LabelMap));
  return { rows: rows.length, attributes, bytes: Math.ceil((layout.bytes * rows.length) / Math.max(1, layout.rows)) };
}

/** Rows of a page that are stale now; all of those without timestamps of their own when none are named. */
export function staleTable({ stale }: Schemas, page: Page, rows?: readonly number[]): AnyTable[] {
  const gone = rows ?? untimed(page);
  const layout = gone === undefined ? page.layout : layoutOf(page, gone);
  if (layout.rows === 0) return [];
  return [ready({ schema: stale, layout, values: new Float64Array(layout.rows).fill(1), absent: undefined })];
}

/** Rows without timestamps of their own, or undefined when those are all. A series that says its own time says its own end. */
function untimed(page: Page): number[] | undefined {
  if (!page.timed) return undefined;
  const rows: number[] = [];
  for (let row = 0; row < page.layout.rows; row++) if (page.absent?.[page.layout.rows + row]) rows.push(row);
  return rows;
}

export function metadataTable({ metadata }: Schemas, { families }: Page): AnyTable[] {
  if (families.length === 0) return [];
  const table = metadata.table();
  for (const { name, type = 'unknown', unit = '', help = '' } of families) table.add([name, type, unit, help], {});
  return [table];
}

export function exemplarTable({ exemplar }: Schemas, { page, exemplars }: Reading): AnyTable[] {
  if (exemplars.length === 0) return [];
  const [names, labels] = page.layout.attributes as [string[], LabelMap[]];
  const table = exemplar.table();
  for (const { row, labels: own, value, timestamp } of exemplars) {
    table.add([names[row] as string, labels[row] as LabelMap, own], { value, timestamp });
  }
  return [table];
}
