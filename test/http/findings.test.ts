/** What an operator is told at three in the morning, and what not. */
import { describe, expect, it } from 'vitest';
import type { DeliveryStatus } from '../../src/delivery/status.ts';
import type { StatusView } from '../../src/http/view.ts';
import { noStats } from '../../src/job-stats.ts';
import { brokerStatus, NO_CHANGES, sensorStatus, serving } from './service.ts';

const AWAY = {
  breaker: 'open',
  since: undefined,
  changes: NO_CHANGES,
  failures: 9,
  reason: 'connect ECONNREFUSED',
  blocked: undefined,
  nextProbe: 12_000,
} as const;
const LEDGER = { published: 0, queued: 0, spooled: 0, in_flight: 0, delivered: 0, dead_lettered: 0, dropped: {} };
const HOUR_MS = 3_600_000;

async function told(broker: Partial<DeliveryStatus>, prepare: (service: Awaited<ReturnType<typeof serving>>) => void = () => {}) {
  const service = await serving();
  // The account of the start is no loss of now.
  await service.ask('/api/status');
  service.agent.broker = brokerStatus(broker);
  prepare(service);
  const status = (await (await service.ask('/api/status')).json()) as StatusView;
  return { ...status, texts: status.findings.map(({ condition, text }) => `${condition}: ${text}`) };
}

describe('findings', () => {
  it('are none while everything is well', async () => {
    const { condition, findings, sinks } = await told({});
    expect({ condition, findings }).toEqual({ condition: 'well', findings: [] });
    expect(sinks.map((sink) => [sink.name, sink.condition, sink.destination])).toEqual([
      ['broker', 'well', 'kafka at 127.0.0.1:9092, topic telemetry'],
      ['file', 'well', 'events.ndjson'],
    ]);
  });

  it('say that a broker is away, since when, what is done and what is kept', async () => {
    const since = Date.UTC(2026, 0, 2, 12, 3, 5);
    const { texts, sinks, condition } = await told({
      health: { ...AWAY, failingSince: since },
      failures: 9,
      reason: AWAY.reason,
      ledger: { ...LEDGER, published: 41_203, spooled: 41_200, queued: 3 },
      queuedBytes: 2048,
      spool: { events: 41_200, bytes: 3_200_000, oldest: undefined, ready: true, reason: undefined },
    });
    expect(texts).toEqual([
      'degraded: The broker at 127.0.0.1:9092 is away since 2026-01-02 12:03:05 UTC (connect ECONNREFUSED); next attempt in 12 s; 41,200 events (3.2 MB) are kept on disk, 3 events (2.0 kB) wait in memory.',
    ]);
    expect(condition).toBe('degraded');
    expect(sinks[0]).toMatchObject({ condition: 'degraded', breaker: { state: 'open', since, nextProbe: 12_000 } });
  });

  it('do not make a failure of one attempt', async () => {
    const health = { ...AWAY, breaker: 'closed', failures: 1, failingSince: Date.now() } as const;
    expect((await told({ health, failures: 1 })).texts).toEqual([]);
  });

  it.each<[string, Partial<DeliveryStatus>, RegExp]>([
    [
      'a broker that asks to wait',
      { health: { ...AWAY, breaker: 'closed', failures: 0, failingSince: undefined, blocked: 'low on memory' } },
      /^degraded: The broker at 127\.0\.0\.1:9092 asks to wait since .* \(low on memory\); nothing waits\.$/,
    ],
    [
      'a sink that is paused',
      { paused: true },
      /^degraded: The sink broker is paused by an operator since .*tidegate spool broker resume\.$/,
    ],
    [
      'dead letters',
      { deadLetters: { events: 2, bytes: 900 } },
      /^degraded: 2 events \(900 B\) of broker were refused by the broker for good and are kept: tidegate spool broker list --dead shows them\.$/,
    ],
    [
      'a disk that does not take what it should',
      { spool: { events: 0, bytes: 0, oldest: undefined, ready: true, reason: 'no space left on device' } },
      /^failing: The spool of broker does not take events since .* \(no space left on device\)/,
    ],
    [
      'events that are dropped',
      { ledger: { ...LEDGER, published: 1201, dropped: { spool_full: 1000, expired: 200, discarded: 1 } } },
      /^failing: 1,200 events of the sink broker were dropped since the start \(1,000 because the spool was full, 200 because they were too old\), the last at /,
    ],
    [
      'a spool that is nearly full',
      { spool: { events: 9, bytes: 1.9 * 2 ** 30, oldest: undefined, ready: true, reason: undefined } },
      /^degraded: The spool of broker is 95 % full/,
    ],
  ])('tell of %s', async (_name, broker, expected) => {
    const { texts } = await told(broker);
    expect(texts).toEqual([expect.stringMatching(expected)]);
  });

  it('have the worst first, and what an operator gave up is none', async () => {
    const { texts, condition } = await told({
      paused: true,
      ledger: { ...LEDGER, published: 5, dropped: { queue_full: 1, discarded: 4 } },
    });
    expect(texts.map((text) => text.split(':')[0])).toEqual(['failing', 'degraded']);
    expect(texts[0]).toContain('1 event of the sink broker was dropped');
    expect(condition).toBe('failing');
    expect((await told({ ledger: { ...LEDGER, published: 4, dropped: { discarded: 4 } } })).texts).toEqual([]);
  });

  it('tell of sensors that fail or are not there, where a file names them', async () => {
    const stats = {
      ...noStats(),
      samples: 9,
      failures: 5,
      failuresInARow: 5,
      lastError: 'timed out',
      lastSuccess: Date.now() - HOUR_MS,
    };
    const targets = {
      total: 20,
      failing: 2,
      overruns: 0,
      problems: [
        { name: 'a', problem: 'refused' },
        { name: 'b', problem: '404' },
      ],
    };
    const { texts } = await told({}, ({ agent }) => {
      agent.sensors = [
        sensorStatus('gpu', { state: 'unavailable', why: 'there is no GPU' }),
        sensorStatus('load', { stats }),
        sensorStatus('node', { targets }),
      ];
    });
    expect(texts.toSorted()).toEqual([
      expect.stringMatching(/^degraded: 2 of 20 targets of the sensor node fail since .*: a \(refused\), b \(404\)\.$/),
      expect.stringMatching(/^degraded: The sensor gpu is unavailable since .*: there is no GPU; it is tried again/),
      expect.stringMatching(/^degraded: The sensor load fails since .*, 5 times in a row: timed out\.$/),
    ]);
  });

  it('are silent about what a machine does not have when nobody named it', async () => {
    const { texts } = await told({}, ({ agent, config }) => {
      Object.assign(config, { files: [] });
      agent.sensors = [sensorStatus('gpu', { state: 'unavailable', why: 'there is no GPU' })];
    });
    expect(texts).toEqual([]);
  });
});

describe('what watches the service', () => {
  it('is told that it lives, and why it does not', async () => {
    const { ask, agent } = await serving();
    expect(await (await ask('/livez')).json()).toEqual({ live: true });
    agent.late = 45_000;
    const response = await ask('/livez');
    expect([response.status, await response.json()]).toEqual([503, { live: false, reason: 'the scheduler is late by 45 s' }]);
  });

  it.each([
    ['started', 200],
    ['any', 200],
    ['all', 503],
  ])('with ready: %s, a broker that is away makes it %i', async (ready, expected) => {
    const { ask, agent, state } = await serving(`ready: ${ready}`);
    agent.broker = brokerStatus({ health: { ...AWAY, failingSince: 1 }, failures: 9, reason: AWAY.reason });
    const response = await ask('/readyz');
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({
      sinks: [{ name: 'broker', condition: 'degraded', reason: AWAY.reason }, { name: 'file' }],
    });
    state.ready = false;
    expect((await ask('/readyz')).status).toBe(503);
  });
});
