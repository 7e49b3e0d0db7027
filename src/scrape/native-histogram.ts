/** Native histograms: buckets whose bounds grow exponentially, sent as spans and differences. */
import type { LabelMap } from '../event.ts';
import { ExpositionError } from '../exposition/ascii.ts';
import type { Policy } from '../exposition/builder.ts';
import { type BucketSpan, type ProtoHistogram, type ProtoMetric, secondsOf, type Wide, wide } from './protobuf-types.ts';

/** Schemas whose bounds are powers: 2^(2^-schema). */
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;

export interface NativeBucket {
  readonly sign: '+' | '-';
  readonly index: number;
  readonly count: number;
  /** Bounds, without the sign; undefined for a schema that we do not know. */
  readonly lower: number | undefined;
  readonly upper: number | undefined;
}

export interface NativeHistogram {
  readonly name: string;
  readonly labels: LabelMap;
  readonly kind: string;
  readonly count: number;
  readonly sum: number;
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  /** Unix time in seconds. */
  readonly timestamp: number | undefined;
  readonly startTime: number | undefined;
  readonly buckets: readonly NativeBucket[];
}

/** The native histogram of a metric; `none` when it is a classic one, undefined when the policy drops it. */
export function nativeHistogram(
  name: string,
  labels: LabelMap,
  metric: ProtoMetric,
  policy: Policy,
): NativeHistogram | 'none' | undefined {
  const histogram = metric.histogram as ProtoHistogram;
  const { positiveSpan = [], negativeSpan = [], schema = 0, zeroThreshold = 0, sampleSum = 0 } = histogram;
  const zeroCount = histogram.zeroCountFloat || wide(histogram.zeroCount);
  if (positiveSpan.length + negativeSpan.length === 0 && zeroThreshold === 0 && zeroCount === 0) return 'none';
  const [keys, texts] = [Object.keys(labels), Object.values(labels)];
  if (!policy.shape(name, keys, texts)) return undefined;
  const stamp = metric.timestampMs === undefined ? 0 : wide(metric.timestampMs);
  return {
    name,
    labels: Object.fromEntries(keys.map((key, i) => [key, texts[i] as string])),
    kind: 'histogram',
    count: histogram.sampleCountFloat || wide(histogram.sampleCount),
    sum: sampleSum,
    schema,
    zeroThreshold,
    zeroCount,
    timestamp: stamp === 0 ? undefined : stamp / 1000,
    startTime: secondsOf(histogram.createdTimestamp),
    buckets: [
      ...buckets('-', schema, negativeSpan, histogram.negativeDelta, histogram.negativeCount),
      ...buckets('+', schema, positiveSpan, histogram.positiveDelta, histogram.positiveCount),
    ],
  };
}

/** Buckets of one side that hold anything. Counts are given as they are, or as differences from one bucket to the next. */
function buckets(
  sign: '+' | '-',
  schema: number,
  spans: readonly BucketSpan[],
  deltas: readonly Wide[] = [],
  counts: readonly number[] = [],
): NativeBucket[] {
  const found: NativeBucket[] = [];
  const total = Math.max(deltas.length, counts.length);
  const known = schema >= SCHEMA_MIN && schema <= SCHEMA_MAX;
  let index = 0;
  let at = 0;
  let count = 0;
  for (const { offset = 0, length = 0 } of spans) {
    index += offset;
    // A span may claim any length: there are only as many buckets as there are counts.
    for (let i = 0; i < length; i++, at++, index++) {
      if (at === total) throw new ExpositionError('a native histogram has spans of more buckets than it has counts', 0, '');
      count = counts.length > 0 ? (counts[at] as number) : count + wide(deltas[at]);
      if (count === 0) continue;
      const upper = known ? 2 ** (index * 2 ** -schema) : undefined;
      const lower = known ? 2 ** ((index - 1) * 2 ** -schema) : undefined;
      found.push({ sign, index, count, lower, upper });
    }
  }
  if (at < total) throw new ExpositionError('a native histogram has more counts than buckets in its spans', 0, '');
  return found;
}
