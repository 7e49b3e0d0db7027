/**
 * Pages in protobuf: `MetricFamily` messages one after the other, each behind its length.
 *
 * What the text formats can say is written as OpenMetrics and read like any page, so that one set of rules holds for all; a decoder's
 * numbers are doubles as well. Native histograms, which they cannot say, are returned. A histogram that is both is taken as the native one.
 */
import protobuf from 'protobufjs/light.js';
import { describe } from '../errors.ts';
import type { LabelMap } from '../event.ts';
import { ExpositionError } from '../exposition/ascii.ts';
import type { Policy } from '../exposition/builder.ts';
import { numberText, seriesText } from '../exposition/emit.ts';
import { openMetricsNumber } from '../exposition/number.ts';
import type { Body } from './bodies.ts';
import { type NativeHistogram, nativeHistogram } from './native-histogram.ts';
import {
  type LabelPair,
  MetricFamilyType,
  type ProtoExemplar,
  type ProtoFamily,
  type ProtoMetric,
  type ProtoTimestamp,
  secondsOf,
  wide,
} from './protobuf-types.ts';

/** Kinds by their numbers. */
const TYPES = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram'];

/** Writes the page in `body` anew as OpenMetrics, and returns its native histograms that the policy keeps. Throws for what is no such page. */
export function transcode(body: Body, policy: Policy): NativeHistogram[] {
  const reader = protobuf.Reader.create(body.buffer.subarray(0, body.length));
  const lines: string[] = [];
  const histograms: NativeHistogram[] = [];
  for (let n = 1; reader.pos < reader.len; n++) {
    let family: ProtoFamily;
    try {
      family = MetricFamilyType.decodeDelimited(reader) as ProtoFamily;
    } catch (error) {
      throw new ExpositionError(`the protobuf message ${n} cannot be read: ${describe(error)}`, 0, '');
    }
    writeFamily(family, lines, histograms, policy);
  }
  lines.push('# EOF\n');
  const text = Buffer.from(lines.join('\n'));
  body.length = 0;
  body.add(text, Number.POSITIVE_INFINITY);
  return histograms;
}

function writeFamily(family: ProtoFamily, lines: string[], histograms: NativeHistogram[], policy: Policy): void {
  const { name = '', help = '', type = 0, metric = [] } = family;
  const kind = TYPES[type] ?? 'unknown';
  if (name === '') throw new ExpositionError('a metric family has no name', 0, '');
  // OpenMetrics names a counter without what its samples end with.
  const base = kind === 'counter' ? name.replace(/_total$/, '') : name;
  const written = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(base) ? base : JSON.stringify(base);
  lines.push(`# TYPE ${written} ${kind}`, `# HELP ${written} ${escapeHelp(help)}`);
  for (const one of metric) {
    const native = one.histogram ? nativeHistogram(name, labelsOf(one.label), one, policy) : 'none';
    if (native === 'none') writeMetric(name, base, one, lines);
    else if (native !== undefined) histograms.push(native);
  }
}

function writeMetric(name: string, base: string, metric: ProtoMetric, lines: string[]): void {
  const labels = labelsOf(metric.label);
  const { counter, summary, histogram } = metric;
  const stamp = metric.timestampMs === undefined || wide(metric.timestampMs) === 0 ? '' : ` ${wide(metric.timestampMs) / 1000}`;
  const sample = (suffix: string, value: number | undefined, own: LabelMap = {}, exemplar?: ProtoExemplar | null): void => {
    lines.push(`${seriesText(name + suffix, { ...labels, ...own })} ${numberText(value ?? 0)}${stamp}${exemplarText(exemplar)}`);
  };
  const created = (at: ProtoTimestamp | null | undefined): void => {
    const seconds = secondsOf(at);
    if (seconds !== undefined) lines.push(`${seriesText(`${base}_created`, labels)} ${seconds}${stamp}`);
  };
  if (counter) {
    sample('', counter.value, {}, counter.exemplar);
    created(counter.createdTimestamp);
  } else if (summary) {
    for (const { quantile = 0, value } of summary.quantile ?? []) sample('', value, { quantile: openMetricsNumber(quantile) });
    sample('_sum', summary.sampleSum);
    sample('_count', wide(summary.sampleCount));
    created(summary.createdTimestamp);
  } else if (histogram) {
    const count = histogram.sampleCountFloat || wide(histogram.sampleCount);
    const buckets = histogram.bucket ?? [];
    for (const bucket of buckets) {
      const held = bucket.cumulativeCountFloat || wide(bucket.cumulativeCount);
      sample('_bucket', held, { le: openMetricsNumber(bucket.upperBound ?? 0) }, bucket.exemplar);
    }
    if (buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY) sample('_bucket', count, { le: '+Inf' });
    sample('_sum', histogram.sampleSum);
    sample('_count', count);
    created(histogram.createdTimestamp);
  } else sample('', (metric.gauge ?? metric.untyped)?.value);
}

const labelsOf = (pairs: readonly LabelPair[] = []): Record<string, string> =>
  Object.fromEntries(pairs.map(({ name = '', value = '' }) => [name, value]));

function exemplarText(exemplar: ProtoExemplar | null | undefined): string {
  if (!exemplar) return '';
  const seconds = secondsOf(exemplar.timestamp);
  // The text of a series without its name.
  const labels = seriesText('x', labelsOf(exemplar.label)).slice(1) || '{}';
  return ` # ${labels} ${numberText(exemplar.value ?? 0)}${seconds === undefined ? '' : ` ${seconds}`}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
