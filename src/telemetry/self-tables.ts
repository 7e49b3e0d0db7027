/** Turns what the service shows of itself into tables: the one way by which its numbers leave it. */
import type { AgentStatus } from '../agent-status.ts';
import type { DeliveryStatus } from '../delivery/status.ts';
import type { AnyTable, TypedSchema } from '../event.ts';
import type { HistogramView } from '../histogram.ts';
import { SAMPLE_FAILURES } from '../job-stats.ts';
import { DROP_REASONS, PLACES } from '../ledger.ts';
import { CAUSES } from '../sink-counts.ts';
import type { ProcessReading } from './process-figures.ts';
import * as schemas from './schemas.ts';

type SinkStatus = AgentStatus['sinks'][number];

const MS = 1e-3;
const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;

/** The tables of one moment; `now` is Unix time in milliseconds. A table without rows is left out. */
export function selfTables({ sinks, sensors }: AgentStatus, process: ProcessReading, now: number): readonly AnyTable[] {
  const tables = [...sinkTables(sinks, now), ...deliveryTables(sinks, now), ...sensorTables(sensors), ...processTables(process)];
  return tables.filter(({ rows }) => rows > 0);
}

const flag = (is: boolean): number => (is ? 1 : 0);
const ageOf = (time: number | undefined, now: number): number | undefined =>
  time === undefined ? undefined : Math.max(0, now - time) * MS;

function sinkTables(sinks: readonly SinkStatus[], now: number): AnyTable[] {
  const [sink, place, dropped] = [schemas.sink.table(), schemas.place.table(), schemas.dropped.table()];
  const [failed, queue] = [schemas.failed.table(), schemas.queue.table()];
  for (const { name, ledger, failures, lateAnswers, queuedBytes, oldest, counts } of sinks) {
    const { published, delivered } = ledger;
    sink.add([name], { published, delivered, failures_in_a_row: failures, late_answers: lateAnswers });
    for (const where of PLACES) place.add([name, where], { events: ledger[where] });
    for (const reason of DROP_REASONS) dropped.add([name, reason], { dropped: ledger.dropped[reason] ?? 0 });
    for (const cause of CAUSES) failed.add([name, cause], counts.failed[cause]);
    queue.add([name], { bytes: queuedBytes, age: ageOf(oldest, now) });
  }
  const latency = histogram(schemas.latency, schemas.latencyTotal, sinks, ({ counts }) => counts.latency);
  const write = histogram(schemas.write, schemas.writeTotal, sinks, ({ counts }) => counts.writes);
  return [sink, place, dropped, failed, queue, ...latency, ...write];
}

type BucketSchema = TypedSchema<
  readonly ['sink', 'le'],
  typeof schemas.latency extends TypedSchema<infer _A, infer F> ? F : never
>;
type TotalSchema = TypedSchema<readonly ['sink'], typeof schemas.latencyTotal extends TypedSchema<infer _A, infer F> ? F : never>;

/** Buckets with those before them, as Prometheus has them, and beside them sum and count. Milliseconds become seconds. */
function histogram(
  buckets: BucketSchema,
  total: TotalSchema,
  sinks: readonly SinkStatus[],
  of: (status: SinkStatus) => HistogramView,
): AnyTable[] {
  const [rows, totals] = [buckets.table(), total.table()];
  for (const status of sinks) {
    const { bounds, counts, count, sum } = of(status);
    let upTo = 0;
    counts.forEach((events, i) => {
      upTo += events;
      rows.add([status.name, boundText(bounds[i])], { bucket: upTo });
    });
    totals.add([status.name], { sum: sum * MS, count });
  }
  return [rows, totals];
}

const boundText = (ms: number | undefined): string => (ms === undefined ? '+Inf' : String(ms / 1000));

const isDelivery = (status: SinkStatus): status is { name: string } & DeliveryStatus => 'health' in status;

function deliveryTables(sinks: readonly SinkStatus[], now: number): AnyTable[] {
  const [spool, drain] = [schemas.spool.table(), schemas.drain.table()];
  const [breaker, state] = [schemas.breaker.table(), schemas.breakerState.table()];
  for (const status of sinks) {
    if (!isDelivery(status)) continue;
    const { name, health, drain: backlog, deadLetters, paused } = status;
    const { bytes, oldest, ready, reason } = status.spool;
    spool.add([name], {
      bytes,
      age: ageOf(oldest, now),
      ready: flag(ready),
      failing: flag(reason !== undefined),
      dead_letter_bytes: deadLetters.bytes,
    });
    const { rate, peak, secondsLeft, active } = backlog;
    drain.add([name], {
      active: flag(active),
      rate: rate.events,
      byte_rate: rate.bytes,
      peak: peak.events,
      time_left: secondsLeft,
      paused: flag(paused),
    });
    breaker.add([name], {
      ...health.changes,
      next_probe: health.nextProbe === undefined ? undefined : health.nextProbe * MS,
      blocked: flag(health.blocked !== undefined),
    });
    for (const one of BREAKER_STATES) state.add([name, one], { state: flag(health.breaker === one) });
  }
  return [spool, drain, breaker, state];
}

function sensorTables(sensors: AgentStatus['sensors']): AnyTable[] {
  const [sensor, failed, targets] = [schemas.sensor.table(), schemas.sensorFailed.table(), schemas.targets.table()];
  for (const { name, state, stats, events, restarts, targets: many } of sensors) {
    sensor.add([name], {
      available: flag(state === 'sampling'),
      events,
      samples: stats?.samples ?? 0,
      failures_in_a_row: stats?.failuresInARow ?? 0,
      overruns: stats?.overruns ?? 0,
      timeouts: stats?.timeouts ?? 0,
      missed: stats?.missed ?? 0,
      duration: stats && stats.duration * MS,
      time: (stats?.totalDuration ?? 0) * MS,
      skew: stats?.skew === undefined ? undefined : stats.skew * MS,
      'skew.max': stats?.maxSkew === undefined ? undefined : stats.maxSkew * MS,
      restarts,
      last_success: stats?.lastSuccess === undefined ? undefined : stats.lastSuccess * MS,
    });
    for (const why of SAMPLE_FAILURES) failed.add([name, why], { failed: stats?.failed[why] ?? 0 });
    if (many) targets.add([name], { count: many.total, failing: many.failing, overruns: many.overruns });
  }
  return [sensor, failed, targets];
}

function processTables({ cpu, memory, heap, descriptors, uptime, loop }: ProcessReading): AnyTable[] {
  const eventLoop = schemas.eventLoop.table();
  if (loop) {
    const { p50, p99, max, utilization } = loop;
    eventLoop.add([], { 'delay.p50': p50, 'delay.p99': p99, 'delay.max': max, utilization });
  }
  return [
    schemas.processCpu.table().add(['user'], { time: cpu.user }).add(['system'], { time: cpu.system }),
    schemas.service
      .table()
      .add([], { uptime, 'memory.usage': memory, 'memory.heap': heap, 'unix.file_descriptor.count': descriptors }),
    eventLoop,
  ];
}
