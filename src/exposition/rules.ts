/** The rules that strict reading keeps: those of the format that a page is in. */
import type { Rules } from './builder.ts';
import { OpenMetricsRules } from './open-metrics-rules.ts';
import { TextRules } from './text-rules.ts';

/** Rules for one page: they know what stood before. */
export const strictRules = (openMetrics: boolean): Rules => (openMetrics ? new OpenMetricsRules() : new TextRules());
