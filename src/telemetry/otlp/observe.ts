/** What the service measures of itself as OpenTelemetry's instruments, made from the same schemas as everything else that shows it. */
import type { Attributes, HrTime, Meter, Observable } from '@opentelemetry/api';
import { ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type HistogramMetricData, type MetricProducer } from '@opentelemetry/sdk-metrics';
import type { AnyTable, Cell, Field, Schema, Table } from '../../event.ts';
import { HISTOGRAMS, SELF_SCHEMAS } from '../schemas.ts';

type Self = () => readonly AnyTable[];

/** Schemas that are a part of a histogram. */
const PARTS = new Set<Schema>(HISTOGRAMS.flatMap(({ buckets, total }) => [buckets, total]));

/** Makes an observable instrument of every field, and has them all read from the tables at once. */
export function observe(meter: Meter, self: Self): void {
  const instruments = new Map<Schema, Observable[]>();
  for (const schema of SELF_SCHEMAS) {
    if (!PARTS.has(schema))
      instruments.set(
        schema,
        schema.fieldNames.map((name) => instrumentOf(meter, schema, name)),
      );
  }
  meter.addBatchObservableCallback((result) => {
    for (const builder of self()) {
      const observables = instruments.get(builder.schema);
      if (!observables) continue;
      const { layout, values, absent, schema } = builder.seal();
      for (let r = 0; r < layout.rows; r++) {
        const attributes = attributesOf(schema, layout.attributes, r);
        observables.forEach((observable, f) => {
          const at = f * layout.rows + r;
          if (!absent?.[at]) result.observe(observable, values[at] as number, attributes);
        });
      }
    }
  }, [...instruments.values()].flat());
}

function instrumentOf(meter: Meter, { type, fields }: Schema, name: string): Observable {
  const { kind, unit, doc } = fields[name] as Field;
  const about = { unit, description: doc };
  switch (kind) {
    case 'counter':
      return meter.createObservableCounter(`${type}.${name}`, about);
    case 'updowncounter':
      return meter.createObservableUpDownCounter(`${type}.${name}`, about);
    default:
      return meter.createObservableGauge(`${type}.${name}`, about);
  }
}

function attributesOf({ attributes }: Schema, cells: Table['layout']['attributes'], row: number): Attributes {
  return Object.fromEntries(attributes.map((name, a) => [name, cells[a]?.[row] as Exclude<Cell, object>]));
}

/** No instrument observes a histogram that was counted elsewhere, so that these go to the reader as they are. `start` is when counting began. */
export function histograms(self: Self, resource: Resource, start: HrTime, now: () => HrTime): MetricProducer {
  return {
    collect() {
      const tables = self().map((builder) => builder.seal());
      const metrics = HISTOGRAMS.flatMap(({ buckets, total }) => {
        const [rows, totals] = [tables.find(({ schema }) => schema === buckets), tables.find(({ schema }) => schema === total)];
        return rows && totals ? [histogramOf(rows, totals, start, now())] : [];
      });
      return Promise.resolve({
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'tidegate' }, metrics }] },
        errors: [],
      });
    },
  };
}

function histogramOf(rows: Table, totals: Table, startTime: HrTime, endTime: HrTime): HistogramMetricData {
  const { schema, layout, values } = totals;
  const each = rows.layout.rows / layout.rows;
  const [, bounds = []] = rows.layout.attributes;
  const boundaries = bounds.slice(0, each - 1).map(Number);
  const dataPoints = Array.from({ length: layout.rows }, (_, r) => {
    const upTo = [...rows.values.subarray(r * each, (r + 1) * each)];
    const counts = upTo.map((value, i) => value - (upTo[i - 1] ?? 0));
    const [sum, count] = [values[r] as number, values[layout.rows + r] as number];
    const attributes = attributesOf(schema, layout.attributes, r);
    return { startTime, endTime, attributes, value: { buckets: { boundaries, counts }, sum, count } };
  });
  return {
    descriptor: { name: schema.type, description: rows.schema.doc, unit: 's', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints,
  };
}
