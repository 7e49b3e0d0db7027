/** Metrics and traces over OTLP, to a receiver that is well, slow or away. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { SinkError } from '../../src/errors.ts';
import type { TideEvent } from '../../src/event.ts';
import { type OtlpOptions, otlpOptions } from '../../src/telemetry/options.ts';
import { Otlp } from '../../src/telemetry/otlp/otlp.ts';
import { parseTraceparent } from '../../src/telemetry/otlp/tracer.ts';
import { HISTOGRAMS } from '../../src/telemetry/schemas.ts';
import { selfTables } from '../../src/telemetry/self-tables.ts';
import { setup } from '../agent-setup.ts';
import { Authority } from '../brokers/certificates.ts';
import { Bench, ReadLog, settingsOf } from '../delivery/parts.ts';
import { temporaryFolder } from '../temporary.ts';
import { Receiver } from './receiver.ts';
import { PROCESS, scene } from './scene.ts';

/** Long enough for any export here, in milliseconds. */
const PATIENCE_MS = 10_000;

function open(options: Partial<OtlpOptions>, log = new ReadLog()): { otlp: Otlp; log: ReadLog } {
  const parts = { agent: 'edge-7', host: 'edge', version: '1.2.3', labels: { env: 'prod' }, clock: systemClock, log };
  return { otlp: new Otlp({ ...otlpOptions.parse({}), ...options }, parts), log };
}

describe('metrics', () => {
  test('are the same numbers as the tables, as instruments of the same kinds', async () => {
    const receiver = await new Receiver().open();
    const { status, now } = await scene();
    const self = () => selfTables(status, PROCESS, now);
    const { otlp, log } = open({ endpoint: `${receiver.url}/` });
    otlp.observe(self);
    await otlp.stop(PATIENCE_MS);
    const { resource, byName } = receiver.metrics;
    expect(resource).toEqual({
      env: 'prod',
      'service.name': 'tidegate',
      'service.version': '1.2.3',
      'service.instance.id': 'edge-7',
      'host.name': 'edge',
    });
    const parts = new Set(HISTOGRAMS.flatMap(({ buckets, total }) => [buckets, total]));
    const expected = new Map<string, unknown[]>();
    for (const table of self().filter(({ schema }) => !parts.has(schema as never))) {
      const { schema, layout, values, absent } = table.seal();
      schema.fieldNames.forEach((field, f) => {
        for (let r = 0; r < layout.rows; r++) {
          if (absent?.[f * layout.rows + r]) continue;
          const attributes = Object.fromEntries(schema.attributes.map((name, a) => [name, layout.attributes[a]?.[r]]));
          const name = `${schema.type}.${field}`;
          expected.set(name, [...(expected.get(name) ?? []), { attributes, value: values[f * layout.rows + r] }]);
        }
        const { kind, unit } = schema.fields[field] as { kind: string; unit: string };
        const metric = byName.get(`${schema.type}.${field}`);
        if (metric) expect([metric.kind, metric.unit]).toEqual([kind, unit]);
      });
    }
    for (const [name, points] of expected) expect(byName.get(name)?.points, name).toEqual(points);
    expect(new Set([...expected.keys(), 'tidegate.sink.latency', 'tidegate.sink.write'])).toEqual(new Set(byName.keys()));
    expect(log.lines).toEqual([]);
  });

  test('a histogram is one, with the ledger’s number of events', async () => {
    const receiver = await new Receiver().open();
    const { status, now } = await scene();
    const { otlp } = open({ endpoint: receiver.url });
    otlp.observe(() => selfTables(status, PROCESS, now));
    await otlp.stop(PATIENCE_MS);
    const latency = receiver.metrics.byName.get('tidegate.sink.latency');
    expect(latency).toMatchObject({ kind: 'histogram', unit: 's' });
    for (const { name, ledger, counts } of status.sinks) {
      const { bounds, counts: each, sum } = counts.latency;
      const point = latency?.points.find(({ attributes }) => attributes['sink'] === name)?.value;
      expect(point).toEqual({ count: ledger.delivered, sum: sum / 1000, counts: each, bounds: bounds.map((ms) => ms / 1000) });
    }
  });

  test('go with their headers, of which one is read from a file anew; a file that is gone is said', async () => {
    const receiver = await new Receiver().open();
    const file = join(temporaryFolder(), 'token');
    writeFileSync(file, 'first-token\n');
    const { otlp } = open({
      endpoint: receiver.url,
      interval: 20,
      timeout: 1000,
      headers: { 'X-Token': { file }, 'X-Other': 'text' },
    });
    otlp.observe(() => []);
    await vi.waitFor(
      () => expect(receiver.requests.at(-1)?.headers).toMatchObject({ 'x-token': 'first-token', 'x-other': 'text' }),
      PATIENCE_MS,
    );
    expect(receiver.requests[0]?.headers['content-type']).toBe('application/x-protobuf');
    writeFileSync(file, 'another-token');
    await vi.waitFor(() => expect(receiver.requests.at(-1)?.headers['x-token']).toBe('another-token'), PATIENCE_MS);
    await otlp.stop(PATIENCE_MS);
    const gone = open({ endpoint: receiver.url, timeout: 1000, headers: { 'X-Token': { file: `${file}-gone` } } });
    receiver.answer = (response) => response.writeHead(401).end();
    gone.otlp.observe(() => []);
    await gone.otlp.stop(PATIENCE_MS);
    expect(JSON.stringify(gone.log.facts)).toMatch(/token-gone is not there/);
  });
});

describe('a receiver', () => {
  test('that is away is said once, and once more when it is back', async () => {
    const receiver = await new Receiver().open();
    const { port } = new URL(receiver.url);
    receiver.answer = (response) => response.writeHead(400).end();
    const { otlp, log } = open({ endpoint: `http://127.0.0.1:${port}`, interval: 20, timeout: 1000 });
    otlp.observe(() => []);
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(3), PATIENCE_MS);
    expect(log.lines).toEqual(['warn: telemetry cannot be sent; nothing else is affected']);
    receiver.answer = (response) => response.end();
    await vi.waitFor(() => expect(log.lines).toHaveLength(2), PATIENCE_MS);
    expect(log.lines[1]).toBe('info: telemetry is sent again');
    await otlp.stop(PATIENCE_MS);
    expect(log.lines).toHaveLength(2);
  });

  test('that does not answer holds up a stop no longer than its deadline', async () => {
    const receiver = await new Receiver().open();
    receiver.answer = () => {};
    const { otlp, log } = open({ endpoint: receiver.url, timeout: 600_000, interval: 600_000, traces: { ratio: 1 } });
    otlp.observe(() => []);
    otlp.tracing?.sample('cpu')?.end();
    await otlp.stop(100);
    expect(log.lines).toEqual(['warn: the last of telemetry was not sent']);
    const asked = (): string[] => receiver.requests.map(({ path }) => path).toSorted();
    await vi.waitFor(() => expect(asked()).toEqual(['/v1/metrics', '/v1/traces']), PATIENCE_MS);
  });

  test('that refuses connections is told with its address', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { otlp, log } = open({ endpoint: `http://127.0.0.1:${port}`, timeout: 2000 });
    otlp.observe(() => []);
    await otlp.stop(PATIENCE_MS);
    expect(log.lines).toContain('warn: telemetry cannot be sent; nothing else is affected');
    expect(JSON.stringify(log.facts)).toMatch(/ECONNREFUSED/);
  });
});

describe('a receiver over https', () => {
  test('is sent metrics and traces where its authority is trusted, and nothing where it is not', async () => {
    const folder = temporaryFolder();
    const authority = await Authority.create(folder, 'Kafka');
    const { cert, key } = await authority.issue('receiver');
    const receiver = await new Receiver().open({ cert: readFileSync(cert), key: readFileSync(key) });
    const options = { endpoint: receiver.url, timeout: 2000, traces: { ratio: 1 } };

    const stranger = open(options);
    stranger.otlp.observe(() => []);
    stranger.otlp.tracing?.sample('cpu')?.end();
    await stranger.otlp.stop(PATIENCE_MS);
    expect(receiver.requests).toEqual([]);
    expect(JSON.stringify(stranger.log.facts)).toMatch(/UNABLE_TO_VERIFY|unable to verify|self.signed/i);

    const { status, now } = await scene();
    const { otlp, log } = open({ ...options, tls: { ca: authority.ca } });
    otlp.observe(() => selfTables(status, PROCESS, now));
    otlp.tracing?.sample('cpu')?.end();
    await otlp.stop(PATIENCE_MS);
    expect(receiver.metrics.byName.get('tidegate.sink.delivered')?.points).toHaveLength(status.sinks.length);
    expect(receiver.spans.map(({ name }) => name)).toEqual(['sample cpu']);
    expect(log.lines).toEqual([]);
  });

  test('whose file of authorities is not there is said, with the file', async () => {
    const file = join(temporaryFolder(), 'gone.pem');
    const { otlp, log } = open({ endpoint: 'https://127.0.0.1:1', timeout: 1000, tls: { ca: file } });
    otlp.observe(() => []);
    await otlp.stop(PATIENCE_MS);
    expect(log.lines).toEqual(['warn: telemetry cannot be sent; nothing else is affected']);
    expect(JSON.stringify(log.facts)).toContain(file);
  });
});

/** Samples of a whole service, sent to a broker. */
async function traced(ratio: number) {
  const receiver = await new Receiver().open();
  const { otlp } = open({ endpoint: receiver.url, traces: { ratio } });
  onTestFinished(async () => await otlp.stop(PATIENCE_MS));
  const { tracing } = otlp;
  const service = setup({ tracing });
  const bench = new Bench(settingsOf(), undefined, 'run', () => 0, tracing);
  service.sink.write = async (batch: readonly TideEvent[]) => {
    for (const event of batch) bench.delivery.publish(event);
    await Promise.resolve();
  };
  await service.apply([service.sensor.entry('cpu')], [service.sink.entry('one')]);
  return { receiver, otlp, service, bench };
}

describe('traces', () => {
  test('go from a sample to the confirmation of its events, and their context goes with the messages', async () => {
    const { receiver, otlp, service, bench } = await traced(1);
    await service.clock.advance(3500);
    await bench.clock.advance(3500);
    await otlp.stop(PATIENCE_MS);
    const { spans } = receiver;
    const samples = spans.filter(({ name }) => name === 'sample cpu');
    const writes = spans.filter(({ name }) => name === 'send sink');
    expect(samples).toHaveLength(service.sensor.sampled);
    expect(bench.broker.arrived.length).toBeGreaterThan(2);
    for (const { traceparent } of bench.broker.arrived) {
      const context = parseTraceparent(traceparent ?? '');
      expect(samples.some(({ trace, id }) => trace === context?.traceId && id === context.spanId)).toBe(true);
    }
    const links = writes.flatMap((span) => span.links);
    expect(links.map(({ id }) => id).toSorted()).toEqual(samples.map(({ id }) => id).toSorted());
    for (const { trace, parent, links: own, attributes } of writes) {
      expect({ trace, id: parent }).toEqual(own[0]);
      expect(attributes).toMatchObject({ 'tidegate.sink': 'sink', 'messaging.batch.message_count': own.length });
    }
  });

  test('tell what failed: a sample with its reason, a write with its cause', async () => {
    const { receiver, otlp, service, bench } = await traced(1);
    bench.broker.answer = () => {
      throw new SinkError('misconfigured', 'there is no such topic');
    };
    await service.clock.advance(1500);
    service.sensor.sample = () => {
      throw new Error('it is broken');
    };
    await service.clock.advance(1000);
    await bench.clock.advance(1000);
    await otlp.stop(PATIENCE_MS);
    const failed = receiver.spans.filter(({ status }) => status.code === 2);
    expect(failed.find(({ name }) => name === 'sample cpu')?.status.message).toBe('it is broken');
    expect(failed.find(({ name }) => name === 'send sink')?.attributes).toMatchObject({ 'error.type': 'misconfigured' });
  });

  test('an event keeps its trace on disk, and is linked when it is sent after a restart', async () => {
    const { otlp, service, bench, receiver } = await traced(1);
    bench.broker.answer = () => {
      throw new SinkError('transient', 'down');
    };
    await service.clock.advance(500);
    await bench.clock.advance(3000);
    await bench.clock.until(bench.delivery.stop(10));
    const next = new Bench(settingsOf(), bench, 'next', () => 0, otlp.tracing);
    await next.clock.advance(3000);
    expect(next.broker.arrived.map(({ traceparent }) => traceparent)).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-/)]);
    await otlp.stop(PATIENCE_MS);
    expect(receiver.spans.filter(({ name, status }) => name === 'send sink' && status.code === 0)).toHaveLength(1);
  });

  test('without any, nothing of it goes with the messages', async () => {
    const off = await traced(0);
    expect(off.otlp.tracing).toBeUndefined();
    const never = await traced(Number.MIN_VALUE);
    for (const { service, bench, otlp, receiver } of [off, never]) {
      await service.clock.advance(2500);
      await bench.clock.advance(2500);
      expect(bench.broker.arrived.length).toBeGreaterThan(1);
      expect(bench.broker.arrived.filter(({ traceparent }) => traceparent !== undefined)).toEqual([]);
      await otlp.stop(PATIENCE_MS);
      expect(receiver.spans).toEqual([]);
    }
  });

  test('a context that is none begins no span', () => {
    const { otlp } = open({ traces: { ratio: 1 } });
    for (const text of ['', 'x', '00-0-0-01', `00-${'0'.repeat(31)}-${'1'.repeat(16)}-01`]) {
      expect(otlp.tracing?.write('sink', new Set([text]), 1)).toBeUndefined();
    }
  });
});
