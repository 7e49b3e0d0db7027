/** The numbers that leave the service are those of its status, each once, and in few rows whatever happens. */
import { describe, expect, test } from 'vitest';
import { prometheusText } from '../../src/codec/prometheus.ts';
import type { DeliveryStatus } from '../../src/delivery/status.ts';
import { counter, defineSchema } from '../../src/event.ts';
import { imbalance } from '../../src/ledger.ts';
import { ProcessFigures } from '../../src/telemetry/process-figures.ts';
import { SELF_SCHEMAS } from '../../src/telemetry/schemas.ts';
import { selfTables } from '../../src/telemetry/self-tables.ts';
import { selfMetricsText } from '../../src/telemetry/text.ts';
import { setup } from '../agent-setup.ts';
import { read, type Sample, samplesOf } from '../exposition/support.ts';
import { plain, rowsOf } from '../support.ts';
import { PROCESS, scene } from './scene.ts';

/** The only samples with all of these labels and no other. */
const only = (samples: readonly Sample[], name: string, labels: Record<string, string>): number | undefined =>
  samples.find((one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels))?.value;

describe('tables', () => {
  test('agree with the ledger, which balances', async () => {
    const { status, now } = await scene();
    const tables = selfTables(status, PROCESS, now).map((table) => plain(table.seal()));
    for (const { name, ledger } of status.sinks) {
      const rows = rowsOf(tables, 'tidegate.sink').filter((row) => row['sink'] === name);
      const places = Object.fromEntries(rows.flatMap((row) => ('place' in row ? [[row['place'], row['events']]] : [])));
      const { published, dropped: lost, ...where } = ledger;
      expect(places).toEqual(where);
      expect(rows[0]).toMatchObject({ published, delivered: ledger.delivered });
      const dropped = rows.reduce((sum, row) => sum + ((row['dropped'] as number | undefined) ?? 0), 0);
      expect(dropped).toBe(Object.values(lost).reduce((sum, events) => sum + events, 0));
      expect(imbalance(ledger)).toBe(0);
    }
  });

  test('tell of an outage: failures by cause, breaker, age and size of what waits', async () => {
    const { status, now, bench } = await scene();
    const tables = selfTables(status, PROCESS, now).map((table) => plain(table.seal()));
    const broker = (type: string) => rowsOf(tables, type).find((row) => row['sink'] === 'broker');
    const transient = rowsOf(tables, 'tidegate.sink.failed').find(
      (row) => row['sink'] === 'broker' && row['cause'] === 'transient',
    );
    const attempts = bench.broker.writes.slice(1);
    const events = attempts.reduce((sum, { messages }) => sum + messages.length, 0);
    expect(transient).toMatchObject({ attempts: attempts.length, events });
    expect(attempts.length).toBeGreaterThan(3);
    expect(broker('tidegate.sink.breaker')).toMatchObject({ opened: 1, closed: 0 });
    // Published 20 ms after the start of 10,620 ms.
    expect(broker('tidegate.sink.spool')).toMatchObject({ age: 10.6, ready: 1, failing: 0 });
    expect(broker('tidegate.sink.queue')).toEqual({ sink: 'broker', bytes: 0 });
  });

  test('tell how far apart the samples of a group begin, and nothing of a sensor that is in none', async () => {
    const { status, now } = await scene();
    const tables = selfTables(status, PROCESS, now).map((table) => plain(table.seal()));
    const rows = rowsOf(tables, 'tidegate.sensor').filter((row) => row['samples'] !== undefined);
    expect(rows.map((row) => [row['sensor'], row['skew'], row['skew.max']])).toEqual([
      ['cpu', 0.002, expect.closeTo(0.009, 12)],
      ['pages', undefined, undefined],
      ['gpu', undefined, undefined],
    ]);
  });

  test('tell of a backlog that is being sent: its rate, and the time until it is empty', async () => {
    const { status, now } = await scene();
    const broker = status.sinks.find(({ name }) => name === 'broker') as { name: string } & DeliveryStatus;
    const rows = (drain: Partial<DeliveryStatus['drain']>, health: Partial<DeliveryStatus['health']>) => {
      const sink = { ...broker, drain: { ...broker.drain, ...drain }, health: { ...broker.health, ...health } };
      const tables = selfTables({ ...status, sinks: [sink] }, PROCESS, now).map((table) => plain(table.seal()));
      return [...rowsOf(tables, 'tidegate.sink.drain'), rowsOf(tables, 'tidegate.sink.breaker')[0]];
    };
    const [rate, peak] = [
      { events: 2000, bytes: 1e6 },
      { events: 90, bytes: 5e4 },
    ];
    expect(rows({ active: true, rate, peak, secondsLeft: 2460 }, { nextProbe: undefined, blocked: 'low on memory' })).toEqual([
      { sink: 'broker', active: 1, rate: 2000, byte_rate: 1e6, peak: 90, time_left: 2460, paused: 0 },
      { sink: 'broker', opened: 1, closed: 0, probes: broker.health.changes.probes, blocked: 1 },
    ]);
    const [drain, breaker] = rows({ active: false, secondsLeft: undefined }, { nextProbe: 12_000 });
    expect(drain).not.toHaveProperty('time_left');
    expect(breaker).toMatchObject({ next_probe: 12, blocked: 0 });
  });

  test('tell how often the process of a plugin was started again, and nothing of a sensor that has none', async () => {
    const { status, now } = await scene();
    const tables = selfTables(status, PROCESS, now).map((table) => plain(table.seal()));
    const rows = rowsOf(tables, 'tidegate.sensor').filter((row) => row['samples'] !== undefined);
    expect(rows.map(({ sensor, restarts }) => [sensor, restarts])).toEqual([
      ['cpu', 2],
      ['pages', undefined],
      ['gpu', undefined],
    ]);
  });

  test('a table without rows is left out, and every table has a schema that the docs show', async () => {
    const tables = selfTables({ run: 'run', sensors: [], sinks: [] }, { ...PROCESS, loop: undefined }, 0);
    expect(tables.map(({ schema }) => schema.type)).toEqual(['tidegate.process.cpu', 'tidegate.process']);
    const { status, now } = await scene();
    const all = selfTables(status, PROCESS, now).map(({ schema }) => schema);
    expect(new Set(all)).toEqual(new Set(SELF_SCHEMAS));
  });

  test('have as many rows after a thousand failures of many kinds as before', async () => {
    const { clock, sensor, sink, agent, apply } = setup();
    await apply([sensor.entry('cpu')], [sink.entry('one')]);
    await clock.advance(5000);
    const rows = () => selfTables(agent.status(), PROCESS, clock.wall()).reduce((sum, table) => sum + table.rows, 0);
    const before = rows();
    let n = 0;
    sensor.sample = () => {
      throw new Error(`failure ${++n}`);
    };
    sink.write = async () => {
      throw new Error(`failure ${++n}`);
    };
    await clock.advance(1_000_000);
    expect(n).toBeGreaterThan(5);
    expect(rows()).toBe(before);
  });
});

describe('the page of metrics', () => {
  test('keeps every rule of its format, and says what the ledger says', async () => {
    const { status, now } = await scene();
    const page = selfMetricsText(selfTables(status, PROCESS, now));
    const samples = samplesOf(read(page, { strict: true }));
    for (const { name, ledger, counts } of status.sinks) {
      expect(only(samples, 'tidegate_sink_published_total', { sink: name })).toBe(ledger.published);
      expect(only(samples, 'tidegate_sink_delivered_total', { sink: name })).toBe(ledger.delivered);
      expect(only(samples, 'tidegate_sink_events', { sink: name, place: 'spooled' })).toBe(ledger.spooled);
      expect(only(samples, 'tidegate_sink_latency_seconds_count', { sink: name })).toBe(ledger.delivered);
      expect(only(samples, 'tidegate_sink_latency_seconds_bucket', { sink: name, le: '+Inf' })).toBe(ledger.delivered);
      expect(only(samples, 'tidegate_sink_latency_seconds_sum', { sink: name })).toBeCloseTo(counts.latency.sum / 1000);
    }
    const state = (of: string) => only(samples, 'tidegate_sink_breaker_state', { sink: 'broker', state: of });
    expect(['closed', 'open', 'half_open'].map(state)).toEqual([0, 1, 0]);
    expect(page).toContain('# TYPE tidegate_sink_latency_seconds histogram\n');
    expect(only(samples, 'tidegate_sensor_failed_total', { sensor: 'cpu', reason: 'malformed' })).toBe(1);
    expect(only(samples, 'tidegate_process_unix_file_descriptor_count', {})).toBe(25);
    expect(new Set(samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`)).size).toBe(samples.length);
  });

  test('a name that needs escaping stays one name', async () => {
    const { status, now } = await scene();
    const sinks = status.sinks.map((sink) => ({ ...sink, name: 'a "b"\\\n' }));
    const page = selfMetricsText(selfTables({ ...status, sinks: sinks.slice(0, 1) }, PROCESS, now));
    const samples = samplesOf(read(page, { strict: true }));
    expect(only(samples, 'tidegate_sink_published_total', { sink: 'a "b"\\\n' })).toBe(7);
  });

  test('a sum and a count without buckets are two counters', () => {
    const schema = defineSchema({
      type: 'x',
      doc: 'X.',
      attributes: [],
      fields: { sum: counter('s', 'A.'), count: counter('1', 'B.') },
    });
    const page = prometheusText([schema.table().add([], { sum: 1, count: 2 }).seal()]);
    expect(samplesOf(read(page, { strict: true })).map(({ name, value }) => [name, value])).toEqual([
      ['x_sum_seconds_total', 1],
      ['x_count_total', 2],
    ]);
  });
});

describe('the process', () => {
  test('is read from the system; its loop is watched once somebody has asked', () => {
    const figures = new ProcessFigures();
    const { cpu, memory, heap, loop, uptime } = figures.read();
    expect(cpu.user).toBeGreaterThan(0);
    expect(memory).toBeGreaterThan(heap);
    expect(uptime).toBeGreaterThan(0);
    expect(loop).toBeUndefined();
    figures.stop();
  });
});
