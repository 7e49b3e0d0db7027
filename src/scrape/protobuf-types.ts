/** The messages of `io.prometheus.client`, as https://github.com/prometheus/client_model has them in io/prometheus/client/metrics.proto. */
import protobuf from 'protobufjs/light.js';

type Fields = Record<string, { id: number; type: string; rule?: string; options?: Record<string, unknown> }>;

const one = (type: string, id: number) => ({ id, type });
const many = (type: string, id: number) => ({ id, type, rule: 'repeated' });
const message = (fields: Fields) => ({ fields });

const root = protobuf.Root.fromJSON({
  nested: {
    LabelPair: message({ name: one('string', 1), value: one('string', 2) }),
    Timestamp: message({ seconds: one('int64', 1), nanos: one('int32', 2) }),
    Exemplar: message({ label: many('LabelPair', 1), value: one('double', 2), timestamp: one('Timestamp', 3) }),
    Gauge: message({ value: one('double', 1) }),
    Counter: message({ value: one('double', 1), exemplar: one('Exemplar', 2), createdTimestamp: one('Timestamp', 3) }),
    Quantile: message({ quantile: one('double', 1), value: one('double', 2) }),
    Summary: message({
      sampleCount: one('uint64', 1),
      sampleSum: one('double', 2),
      quantile: many('Quantile', 3),
      createdTimestamp: one('Timestamp', 4),
    }),
    Bucket: message({
      cumulativeCount: one('uint64', 1),
      cumulativeCountFloat: one('double', 4),
      upperBound: one('double', 2),
      exemplar: one('Exemplar', 3),
    }),
    BucketSpan: message({ offset: one('sint32', 1), length: one('uint32', 2) }),
    Histogram: message({
      sampleCount: one('uint64', 1),
      sampleCountFloat: one('double', 4),
      sampleSum: one('double', 2),
      bucket: many('Bucket', 3),
      createdTimestamp: one('Timestamp', 15),
      schema: one('sint32', 5),
      zeroThreshold: one('double', 6),
      zeroCount: one('uint64', 7),
      zeroCountFloat: one('double', 8),
      negativeSpan: many('BucketSpan', 9),
      negativeDelta: many('sint64', 10),
      negativeCount: many('double', 11),
      positiveSpan: many('BucketSpan', 12),
      positiveDelta: many('sint64', 13),
      positiveCount: many('double', 14),
      exemplars: many('Exemplar', 16),
    }),
    Metric: message({
      label: many('LabelPair', 1),
      gauge: one('Gauge', 2),
      counter: one('Counter', 3),
      summary: one('Summary', 4),
      untyped: one('Gauge', 5),
      histogram: one('Histogram', 7),
      timestampMs: one('int64', 6),
    }),
    MetricFamily: message({
      name: one('string', 1),
      help: one('string', 2),
      type: one('int32', 3),
      metric: many('Metric', 4),
      unit: one('string', 5),
    }),
  },
});

/** Decodes one family. Numbers of 64 bits come as numbers, which are exact up to 2^53. */
export const MetricFamilyType = root.lookupType('MetricFamily');

/** A decoded number of 64 bits: protobufjs has an object for it. */
export type Wide = number | { toNumber(): number };
export const wide = (value: Wide | undefined): number => (typeof value === 'object' ? value.toNumber() : (value ?? 0));

export interface LabelPair {
  readonly name?: string;
  readonly value?: string;
}
export interface ProtoTimestamp {
  readonly seconds?: Wide;
  readonly nanos?: number;
}
export interface ProtoExemplar {
  readonly label?: readonly LabelPair[];
  readonly value?: number;
  readonly timestamp?: ProtoTimestamp | null;
}
export interface BucketSpan {
  readonly offset?: number;
  readonly length?: number;
}
export interface ProtoHistogram {
  readonly sampleCount?: Wide;
  readonly sampleCountFloat?: number;
  readonly sampleSum?: number;
  readonly bucket?: readonly {
    readonly cumulativeCount?: Wide;
    readonly cumulativeCountFloat?: number;
    readonly upperBound?: number;
    readonly exemplar?: ProtoExemplar | null;
  }[];
  readonly createdTimestamp?: ProtoTimestamp | null;
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCount?: Wide;
  readonly zeroCountFloat?: number;
  readonly negativeSpan?: readonly BucketSpan[];
  readonly negativeDelta?: readonly Wide[];
  readonly negativeCount?: readonly number[];
  readonly positiveSpan?: readonly BucketSpan[];
  readonly positiveDelta?: readonly Wide[];
  readonly positiveCount?: readonly number[];
}
export interface ProtoMetric {
  readonly label?: readonly LabelPair[];
  readonly gauge?: { readonly value?: number } | null;
  readonly counter?: {
    readonly value?: number;
    readonly exemplar?: ProtoExemplar | null;
    readonly createdTimestamp?: ProtoTimestamp | null;
  } | null;
  readonly summary?: {
    readonly sampleCount?: Wide;
    readonly sampleSum?: number;
    readonly quantile?: readonly { readonly quantile?: number; readonly value?: number }[];
    readonly createdTimestamp?: ProtoTimestamp | null;
  } | null;
  readonly untyped?: { readonly value?: number } | null;
  readonly histogram?: ProtoHistogram | null;
  readonly timestampMs?: Wide;
}
export interface ProtoFamily {
  readonly name?: string;
  readonly help?: string;
  readonly type?: number;
  readonly metric?: readonly ProtoMetric[];
}

/** Unix time in seconds, or undefined where there is none. */
export const secondsOf = (stamp: ProtoTimestamp | null | undefined): number | undefined =>
  stamp ? wide(stamp.seconds) + (stamp.nanos ?? 0) / 1e9 : undefined;
