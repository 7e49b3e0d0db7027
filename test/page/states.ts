/** What a service may answer, in every state that the page has a face for. */
import type { SensorView, SinkView, StatusView } from '../../src/http/view.ts';

export const NOW = Date.now();
const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const GIGABYTE = 1e9;

const SENSORS = [
  'cgroup',
  'cpu',
  'disk',
  'filesystem',
  'load',
  'memory',
  'network',
  'paging',
  'pressure',
  'process',
  'processes',
];

const sensor = (name: string, changes: Partial<SensorView> = {}): SensorView => ({
  name,
  type: name,
  state: 'sampling',
  since: NOW - 74 * HOUR,
  interval: 10 * SECOND,
  samples: 4320,
  failures: 0,
  failuresInARow: 0,
  overruns: 0,
  timeouts: 0,
  missed: 0,
  duration: 1.8,
  lastSuccess: NOW - 3 * SECOND,
  ...changes,
});

const ledger = (changes: Partial<SinkView['ledger']> = {}): SinkView['ledger'] => {
  const parts = { queued: 0, spooled: 0, in_flight: 0, delivered: 1_204_331, dead_lettered: 0, dropped: {}, ...changes };
  const { queued, spooled, in_flight, delivered, dead_lettered, dropped } = parts;
  const lost = Object.values(dropped).reduce((sum, events) => sum + events, 0);
  return { ...parts, published: queued + spooled + in_flight + delivered + dead_lettered + lost };
};

const fileSink = (changes: Partial<SinkView> = {}): SinkView => ({
  name: 'archive',
  type: 'file',
  destination: '/var/lib/tidegate/events.ndjson',
  state: 'idle',
  condition: 'well',
  failures: 0,
  lateAnswers: 0,
  ledger: ledger(),
  queue: { events: 0, bytes: 0, maxBytes: 8_000_000 },
  rates: { in: 34.2, out: 34.2 },
  ...changes,
});

const brokerSink = (changes: Partial<SinkView> = {}): SinkView => ({
  name: 'broker',
  type: 'kafka',
  destination: '10.0.4.11:9092, topic telemetry',
  state: 'sending',
  condition: 'well',
  failures: 0,
  lateAnswers: 0,
  ledger: ledger({ in_flight: 12 }),
  queue: { events: 0, bytes: 0, maxBytes: 64_000_000 },
  rates: { in: 34.2, out: 34.1 },
  latency: { p50: 6.4, p99: 38 },
  breaker: { state: 'closed' },
  spool: { events: 0, bytes: 0, maxBytes: 2 * GIGABYTE, ready: true },
  deadLetters: { events: 0, bytes: 0 },
  drain: { active: false, rate: { events: 1000, bytes: 4_194_304 }, peak: { events: 120, bytes: 60_000 } },
  paused: false,
  ...changes,
});

const status = (changes: Partial<StatusView> = {}): StatusView => ({
  service: { version: '0.1.0', agent: 'edge-7', host: 'edge-7', run: 'mwtyynzse0deda', started: NOW - 74 * HOUR, now: NOW },
  condition: 'well',
  findings: [],
  sensors: SENSORS.map((name) => sensor(name)),
  sinks: [fileSink(), brokerSink()],
  process: { cpu: 0.012, rss: 92_400_000, loopDelay: 1.3, descriptors: 41 },
  actions: true,
  ...changes,
});

const waiting = { spooled: 84_120, queued: 40 };

const outage = brokerSink({
  state: 'waiting',
  condition: 'degraded',
  reason: 'cannot connect to 10.0.4.11:9092: connect ECONNREFUSED',
  failures: 37,
  failingSince: NOW - 41 * MINUTE - 4 * SECOND,
  ledger: ledger(waiting),
  queue: { events: 40, bytes: 21_000, maxBytes: 64_000_000 },
  rates: { in: 34.2, out: 0 },
  breaker: { state: 'open', since: NOW - 41 * MINUTE, nextProbe: 12 * SECOND },
  spool: { events: 84_120, bytes: 46_000_000, maxBytes: 2 * GIGABYTE, oldest: NOW - 41 * MINUTE, ready: true },
});

const draining = brokerSink({
  condition: 'degraded',
  ledger: ledger({ spooled: 61_000, in_flight: 500 }),
  rates: { in: 34.2, out: 240 },
  spool: { events: 61_000, bytes: 33_000_000, maxBytes: 2 * GIGABYTE, oldest: NOW - 30 * MINUTE, ready: true },
  drain: {
    active: true,
    since: NOW - 30 * MINUTE,
    rate: { events: 240, bytes: 130_000 },
    peak: { events: 120, bytes: 60_000 },
    left: 5 * MINUTE,
  },
});

const full = brokerSink({
  ...outage,
  condition: 'failing',
  ledger: ledger({ spooled: 3_600_000, dropped: { spool_full: 12_034 } }),
  breaker: { state: 'open', since: NOW - 26 * HOUR, nextProbe: 30 * SECOND },
  spool: { events: 3_600_000, bytes: 2 * GIGABYTE, maxBytes: 2 * GIGABYTE, oldest: NOW - 25 * HOUR, ready: true },
});

const outageFinding = {
  condition: 'degraded' as const,
  subject: 'sink broker',
  text: 'cannot connect to 10.0.4.11:9092 since 02:13:07 UTC (41 minutes). 84,160 events (46.0 MB of 2.0 GB) wait on disk, nothing is lost; the next try is in 12 s.',
  since: NOW - 41 * MINUTE,
};

export const STATES = {
  empty: status({ sensors: [], sinks: [], actions: false }),
  well: status(),
  outage: status({ condition: 'degraded', findings: [outageFinding], sinks: [fileSink(), outage] }),
  draining: status({
    condition: 'degraded',
    findings: [
      {
        condition: 'degraded',
        subject: 'sink broker',
        text: 'delivers what waited: 61,000 events are left, sent at 240 events/s at most; empty in 5 minutes.',
        since: NOW - 30 * MINUTE,
      },
    ],
    sinks: [fileSink(), draining],
  }),
  full: status({
    condition: 'failing',
    findings: [
      {
        condition: 'failing',
        subject: 'sink broker',
        text: 'the disk space of 2.0 GB is full since 01:10:00 UTC; 12,034 events were given up, the oldest first. The broker has not answered for 26 hours.',
        since: NOW - HOUR,
      },
    ],
    sinks: [fileSink(), full],
  }),
  paused: status({
    condition: 'degraded',
    findings: [
      {
        condition: 'degraded',
        subject: 'sink broker',
        text: 'was paused by an operator; 1,200 events wait in memory and on disk.',
      },
    ],
    sinks: [
      fileSink(),
      brokerSink({
        paused: true,
        pausedSince: NOW - 5 * MINUTE,
        state: 'waiting',
        condition: 'degraded',
        ledger: ledger({ queued: 1200 }),
        rates: { in: 34.2, out: 0 },
      }),
    ],
  }),
  dead: status({
    condition: 'degraded',
    findings: [
      {
        condition: 'degraded',
        subject: 'sink broker',
        text: '3 events were refused by the broker for good and are kept as dead letters; the last: MESSAGE_TOO_LARGE.',
        since: NOW - 2 * HOUR,
      },
    ],
    sinks: [
      fileSink(),
      brokerSink({ condition: 'degraded', ledger: ledger({ dead_lettered: 3 }), deadLetters: { events: 3, bytes: 3_400_000 } }),
    ],
  }),
  sensor: status({
    condition: 'degraded',
    findings: [
      {
        condition: 'degraded',
        subject: 'sensor node',
        text: '2 of 14 targets have not answered for 3 minutes; they are tried at each sample.',
        since: NOW - 3 * MINUTE,
      },
      {
        condition: 'degraded',
        subject: 'sensor gpu',
        text: 'nvidia-smi does not answer; it is tried again in 30 s.',
        since: NOW - 20 * MINUTE,
      },
    ],
    sensors: [
      ...SENSORS.map((name) => sensor(name)),
      sensor('gpu', { state: 'unavailable', since: NOW - 20 * MINUTE, why: 'nvidia-smi did not answer within 10 s' }),
      sensor('node', {
        type: 'prometheus',
        failures: 18,
        failingSince: NOW - 3 * MINUTE,
        failuresInARow: 18,
        timeouts: 4,
        lastError: 'connect ECONNREFUSED 10.0.7.3:9100',
        targets: {
          total: 14,
          failing: 2,
          failingSince: NOW - 3 * MINUTE,
          problems: [
            { name: '10.0.7.3:9100', problem: 'connection refused' },
            { name: '10.0.7.4:9100', problem: 'no answer within 5 s' },
          ],
        },
      }),
    ],
  }),
} satisfies Record<string, StatusView>;

export type StateName = keyof typeof STATES;
