/** When counters, summaries and histograms began to count: what OpenMetrics says in series of their own, `…_created`. */
import type { LabelMap } from '../event.ts';
import type { MetricType } from './families.ts';
import type { Page } from './page.ts';

const SUFFIX = '_created';
const PARTS = /_(total|bucket|count|sum)$/;
const known = new WeakMap<Page, Int32Array | undefined>();

/**
 * Unix time in seconds at which each row began, NaN where the page does not say; undefined where it says it of none. Which row says it of which
 * is found out once for a page.
 */
export function startTimes(page: Page, values: Float64Array): Float64Array | undefined {
  if (!known.has(page)) known.set(page, creators(page));
  const rows = known.get(page);
  return rows && Float64Array.from(rows, (row) => (row < 0 ? Number.NaN : (values[row] as number)));
}

/** Whether a row says when others began. */
export function isCreated(page: Page, row: number): boolean {
  const [names, , kinds] = page.layout.attributes as [string[], LabelMap[], MetricType[]];
  const kind = kinds[row];
  return (kind === 'counter' || kind === 'summary' || kind === 'histogram') && (names[row] as string).endsWith(SUFFIX);
}

/** For each row the row that says when it began, or -1. */
function creators(page: Page): Int32Array | undefined {
  if (!page.openMetrics) return undefined;
  const { rows, attributes } = page.layout;
  const [names, labels, kinds] = attributes as [string[], LabelMap[], MetricType[]];
  const created = new Map<string, number>();
  for (let row = 0; row < rows; row++) {
    if (isCreated(page, row)) created.set(key((names[row] as string).slice(0, -SUFFIX.length), labels[row] as LabelMap), row);
  }
  if (created.size === 0) return undefined;
  const found = new Int32Array(rows).fill(-1);
  for (let row = 0; row < rows; row++) {
    const kind = kinds[row];
    if (kind !== 'counter' && kind !== 'summary' && kind !== 'histogram') continue;
    const name = names[row] as string;
    if (name.endsWith(SUFFIX)) continue;
    const own = kind === 'histogram' && name.endsWith('_bucket') ? 'le' : kind === 'summary' ? 'quantile' : undefined;
    found[row] = created.get(key(name.replace(PARTS, ''), labels[row] as LabelMap, own)) ?? -1;
  }
  return found;
}

const key = (family: string, labels: LabelMap, own?: string): string =>
  JSON.stringify([
    family,
    ...Object.entries(labels)
      .filter(([name]) => name !== own)
      .map((pair) => JSON.stringify(pair))
      .toSorted(),
  ]);
