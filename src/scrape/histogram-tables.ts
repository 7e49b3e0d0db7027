/** Tables of native histograms: one row for each, and one for each of their buckets. */
import type { AnyTable } from '../event.ts';
import { identityOf } from '../exposition/page.ts';
import type { NativeHistogram } from './native-histogram.ts';
import type { Schemas } from './schemas.ts';

export function histogramTables(schemas: Schemas, histograms: readonly NativeHistogram[]): AnyTable[] {
  if (histograms.length === 0) return [];
  const table = schemas.histogram.table();
  const rows = schemas.bucket.table();
  for (const { name, labels, kind, count, sum, schema, zeroThreshold, zeroCount, timestamp, startTime, buckets } of histograms) {
    table.add([name, labels, kind], {
      count,
      sum,
      schema,
      zero_threshold: zeroThreshold,
      zero_count: zeroCount,
      timestamp,
      start_time: startTime,
    });
    for (const { sign, index, count: held, lower, upper } of buckets)
      rows.add([name, labels, sign, `${index}`], { count: held, lower, upper });
  }
  return rows.rows > 0 ? [table, rows] : [table];
}

const keyOf = ({ name, labels }: NativeHistogram): string => identityOf(name, labels);

/** Histograms of the first list that the second does not have. */
export function missingHistograms(
  histograms: readonly NativeHistogram[],
  others: readonly NativeHistogram[],
): readonly NativeHistogram[] {
  if (histograms.length === 0) return histograms;
  const there = new Set(others.map(keyOf));
  return histograms.filter((histogram) => !there.has(keyOf(histogram)));
}

/** Histograms of which nothing is known from now on. */
export function staleHistograms({ stale }: Schemas, histograms: readonly NativeHistogram[]): AnyTable[] {
  if (histograms.length === 0) return [];
  const table = stale.table();
  for (const { name, labels, kind } of histograms) table.add([name, labels, kind], { stale: 1 });
  return [table];
}
