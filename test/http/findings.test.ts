/** What an operator is told at three in the morning, and what not. */
import { describe, expect, it } from 'vitest';
import type { DeliveryStatus } from '../../src/delivery/status.ts';
import type { StatusView } from '../../src/http/view.ts';
import { noStats } from '../../src/job-stats.ts';
import { brokerStatus, SPOOL, sensorStatus, serving, WELL } from './service.ts';

const AWAY = {
  ...WELL,
  breaker: 'open',
  failures: 9,
  wellSince: undefined,
  reason: 'connect ECONNREFUSED',
  nextProbe: 12_000,
} as const;
/** When what is told began, and how that is said. */
const BEGAN = Date.UTC(2026, 0, 2, 12, 3, 5);
const SINCE = '2026-01-02 12:03:05 UTC';
const LEDGER = { published: 0, queued: 0, spooled: 0, in_flight: 0, delivered: 0, dead_lettered: 0, dropped: {} };
const HOUR_MS = 3_600_000;

async function told(broker: Partial<DeliveryStatus>, prepare: (service: Awaited<ReturnType<typeof serving>>) => void = () => {}) {
  const service = await serving();
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
    const { texts, sinks, condition } = await told({
      health: { ...AWAY, failingSince: BEGAN, since: BEGAN + 2000 },
      failures: 9,
      failingSince: BEGAN,
      reason: AWAY.reason,
      ledger: { ...LEDGER, published: 41_203, spooled: 41_200, queued: 3 },
      queuedBytes: 2048,
      spool: { ...SPOOL, events: 41_200, bytes: 3_200_000 },
    });
    expect(texts).toEqual([
      'degraded: The broker at 127.0.0.1:9092 is away since 2026-01-02 12:03:05 UTC (connect ECONNREFUSED); next attempt in 12 s; 41,200 events (3.2 MB) are kept on disk, 3 events (2.0 kB) wait in memory.',
    ]);
    expect(condition).toBe('degraded');
    expect(sinks[0]).toMatchObject({ condition: 'degraded', failingSince: BEGAN });
    expect(sinks[0]?.breaker).toEqual({ state: 'open', since: BEGAN + 2000, nextProbe: 12_000 });
  });

  it('do not make a failure of one attempt', async () => {
    const failingSince = Date.now();
    const health = { ...AWAY, breaker: 'closed', failures: 1, failingSince } as const;
    expect((await told({ health, failures: 1, failingSince })).texts).toEqual([]);
  });

  it.each<[string, Partial<DeliveryStatus>, RegExp | string]>([
    [
      'a broker that asks to wait',
      { health: { ...WELL, wellSince: undefined, blocked: 'low on memory', blockedSince: BEGAN } },
      `degraded: The broker at 127.0.0.1:9092 asks to wait since ${SINCE} (low on memory); nothing waits.`,
    ],
    [
      'a sink that is paused',
      { paused: true, pausedSince: BEGAN },
      `degraded: The sink broker is paused by an operator since ${SINCE}; nothing waits. To go on: tidegate spool broker resume, or Resume broker on the page.`,
    ],
    [
      'dead letters',
      { deadLetters: { events: 2, bytes: 900 } },
      /^degraded: 2 events \(900 B\) of broker were refused by the broker for good and are kept: tidegate spool broker list --dead shows them\.$/,
    ],
    [
      'a disk that does not take what it should',
      { spool: { ...SPOOL, reason: 'no space left on device', since: BEGAN } },
      `failing: The spool of broker does not take events since ${SINCE} (no space left on device); 0 events (0 B) are in memory alone.`,
    ],
    [
      'a spool that is being read',
      { spool: { ...SPOOL, ready: false, since: BEGAN } },
      `degraded: The spool of broker is being read since ${SINCE}; nothing is sent until it is.`,
    ],
    [
      'a backlog that is being sent, by the slower of its rates',
      {
        spool: { ...SPOOL, events: 60_000, bytes: 60e6 },
        drain: {
          active: true,
          since: BEGAN,
          rate: { events: 500, bytes: 200_000 },
          peak: { events: 9, bytes: 9 },
          secondsLeft: 300,
        },
      },
      'degraded: 60,000 events (60.0 MB) of before are being sent to broker, until empty in 5 minutes at 200/s.',
    ],
    [
      'events that are dropped',
      { lostAt: Date.now(), ledger: { ...LEDGER, published: 1201, dropped: { spool_full: 1000, expired: 200, discarded: 1 } } },
      /^failing: 1,200 events of the sink broker were dropped since the start \(1,000 because the spool was full, 200 because they were too old\), the last at /,
    ],
    [
      'a spool that is nearly full',
      { spool: { ...SPOOL, events: 9, bytes: 1.9 * 2 ** 30 } },
      /^degraded: The spool of broker is 95 % full/,
    ],
  ])('tell of %s', async (_name, broker, expected) => {
    const { texts } = await told(broker);
    expect(texts).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });

  it('have the worst first, and what an operator gave up is none', async () => {
    const { texts, condition } = await told({
      paused: true,
      pausedSince: BEGAN,
      lostAt: Date.now(),
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
      failingSince: BEGAN,
      lastError: 'timed out',
      lastSuccess: Date.now() - HOUR_MS,
    };
    const targets = {
      total: 20,
      failing: 2,
      failingSince: BEGAN,
      overruns: 0,
      problems: [
        { name: 'a', problem: 'refused' },
        { name: 'b', problem: '404' },
      ],
    };
    const { texts } = await told({}, ({ agent }) => {
      agent.sensors = [
        sensorStatus('gpu', { state: 'unavailable', since: BEGAN, why: 'there is no GPU' }),
        sensorStatus('load', { stats }),
        sensorStatus('node', { targets }),
      ];
    });
    expect(texts.toSorted()).toEqual([
      `degraded: 2 of 20 targets of the sensor node fail since ${SINCE}: a (refused), b (404).`,
      `degraded: The sensor gpu is unavailable since ${SINCE}: there is no GPU; it is tried again every few minutes.`,
      `degraded: The sensor load fails since ${SINCE}, 5 times in a row: timed out.`,
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
    agent.broker = brokerStatus({ health: { ...AWAY, failingSince: 1 }, failures: 9, failingSince: 1, reason: AWAY.reason });
    const response = await ask('/readyz');
    expect(response.status).toBe(expected);
    expect(await response.json()).toMatchObject({
      sinks: [{ name: 'broker', condition: 'degraded', reason: AWAY.reason }, { name: 'file' }],
    });
    state.ready = false;
    expect((await ask('/readyz')).status).toBe(503);
  });
});

it('the status of a sensor says how far from the first of its group its samples begin, where it is in one', async () => {
  const { sensors } = await told({}, ({ agent }) => {
    const stats = { ...noStats(), skew: 0.25, maxSkew: 7 };
    agent.sensors = [sensorStatus('load', { stats }), sensorStatus('disk', { stats: noStats() })];
  });
  expect(sensors[0]).toMatchObject({ skew: 0.25, maxSkew: 7 });
  expect(sensors[1]).not.toHaveProperty('skew');
});
