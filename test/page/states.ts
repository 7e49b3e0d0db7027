/** What a service answers in every state that the page has a face for; what it finds wrong then, it finds by itself. */
import type { Config } from '../../src/config/config.ts';
import { destinationOf } from '../../src/destination.ts';
import { findingsOf, worst } from '../../src/http/findings.ts';
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
  destination: destinationOf({ type: 'file', options: { path: '/var/lib/tidegate/events.ndjson' } }),
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
  destination: destinationOf({ type: 'kafka', options: { brokers: ['10.0.4.11:9092'], topic: 'telemetry' } }),
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

/** A configuration that was read from a file, with options that no finding of these states asks for. */
const CONFIG = { sinks: [], files: ['/etc/tidegate/tidegate.yaml'] } as unknown as Config;

function status(changes: Partial<Pick<StatusView, 'sensors' | 'sinks' | 'actions'>> = {}): StatusView {
  const { sensors = SENSORS.map((name) => sensor(name)), sinks = [fileSink(), brokerSink()], actions = true } = changes;
  const process = { cpu: 0.012, rss: 92_400_000, loopDelay: 1.3, descriptors: 41 };
  const findings = findingsOf({ sensors, sinks, process, config: CONFIG, command: 'tidegate', now: NOW });
  const conditionOf = (name: string) => worst(findings.filter(({ subject }) => subject === `sink ${name}`));
  return {
    service: { version: '0.1.0', agent: 'edge-7', host: 'edge-7', run: 'mwtyynzse0deda', started: NOW - 74 * HOUR, now: NOW },
    condition: worst(findings),
    findings,
    sensors,
    sinks: sinks.map((sink) => ({ ...sink, condition: conditionOf(sink.name) })),
    process,
    actions,
  };
}

const waiting = { spooled: 84_120, queued: 40 };

const outage = brokerSink({
  state: 'waiting',
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
  ledger: ledger({ spooled: 3_600_000, dropped: { spool_full: 12_034 } }),
  lostAt: NOW - 4 * SECOND,
  failingSince: NOW - 26 * HOUR,
  breaker: { state: 'open', since: NOW - 26 * HOUR, nextProbe: 30 * SECOND },
  spool: { events: 3_600_000, bytes: 2 * GIGABYTE, maxBytes: 2 * GIGABYTE, oldest: NOW - 25 * HOUR, ready: true },
});

export const STATES = {
  empty: status({ sensors: [], sinks: [], actions: false }),
  well: status(),
  outage: status({ sinks: [fileSink(), outage] }),
  draining: status({ sinks: [fileSink(), draining] }),
  full: status({ sinks: [fileSink(), full] }),
  paused: status({
    sinks: [
      fileSink(),
      brokerSink({
        paused: true,
        pausedSince: NOW - 5 * MINUTE,
        state: 'waiting',
        ledger: ledger({ queued: 1200 }),
        queue: { events: 1200, bytes: 650_000, maxBytes: 64_000_000 },
        rates: { in: 34.2, out: 0 },
      }),
    ],
  }),
  dead: status({
    sinks: [fileSink(), brokerSink({ ledger: ledger({ dead_lettered: 3 }), deadLetters: { events: 3, bytes: 3_400_000 } })],
  }),
  sensor: status({
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
