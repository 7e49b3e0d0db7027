/** What the service measures of itself as a page of metrics, Prometheus text 0.0.4. */
import { prometheusText } from '../codec/prometheus.ts';
import type { AnyTable } from '../event.ts';

/** `tables` are what `Agent.self` returns. */
export const selfMetricsText = (tables: readonly AnyTable[]): string => prometheusText(tables.map((table) => table.seal()));
