/** What a service may answer, in every state that the page has a face for. */
import type { HistoryView, SensorView, SinkView, StatusView } from '../../src/http/view.ts';

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

export const fileSink = (changes: Partial<SinkView> = {}): SinkView => ({
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

export const brokerSink = (changes: Partial<SinkView> = {}): SinkView => ({
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
  drain: { active: false, rate: { events: 0, bytes: 0 }, peak: { events: 120, bytes: 60_000 } },
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
  drain: { active: true, rate: { events: 240, bytes: 130_000 }, peak: { events: 120, bytes: 60_000 }, left: 5 * MINUTE },
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
      sensor('gpu', { state: 'unavailable', why: 'nvidia-smi did not answer within 10 s' }),
      sensor('node', {
        type: 'prometheus',
        failures: 18,
        failuresInARow: 18,
        timeouts: 4,
        lastError: 'connect ECONNREFUSED 10.0.7.3:9100',
        targets: {
          total: 14,
          failing: 2,
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

/** Half an hour of a broker that went away after ten minutes. */
export function historyOf(state: StateName): HistoryView {
  const [step, length] = [10 * SECOND, 180];
  const at = <T>(make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
  const flow = at((i) => 34 + 3 * Math.sin(i / 9));
  const away = state === 'outage' || state === 'full';
  const waits = at((i) => (away && i > 60 ? (i - 60) * 340 : 0));
  return {
    step,
    end: NOW,
    sinks: {
      archive: { in: flow, out: flow, waiting: at(() => 0) },
      broker: { in: flow, out: away ? flow.map((value, i) => (i > 60 ? 0 : value)) : flow, waiting: waits },
    },
  };
}

const number = (unit: string, kind: string, values: (number | null)[]) => ({ unit, kind, values });
let counter = 0;
/** How many rounds of events lie before the start of a test, a second each. */
const EVENTS_BACK = 100;

/** Events as a service writes them: one of the processor, one of the disks. */
export function eventsOf(i: number): object[] {
  const base = { v: 1, time: NOW + 1000 * (i - EVENTS_BACK), host: 'edge-7', labels: { env: 'prod' } };
  const id = (name: string): string => `edge-7/mwtyynzse0deda/${name}/${++counter}`;
  return [
    {
      ...base,
      id: id('cpu'),
      type: 'system.cpu',
      sensor: 'cpu',
      rows: 2,
      attributes: { 'cpu.mode': ['user', 'system'] },
      fields: {
        utilization: number('1', 'gauge', [0.2 + 0.1 * Math.sin(i / 3), 0.05]),
        time: number('s', 'counter', [100 + i, 40 + i / 2]),
      },
    },
    {
      ...base,
      id: id('disk'),
      type: 'system.disk',
      sensor: 'disk',
      rows: 3,
      attributes: { 'system.device': ['sda', 'sda', 'nvme0n1'], 'disk.io.direction': ['read', 'write', 'read'] },
      fields: { io: number('By', 'counter', [81_920 * i, 40_960 * i * i, null]) },
    },
    {
      ...base,
      id: id('memory'),
      type: 'system.memory',
      sensor: 'memory',
      rows: 1,
      attributes: {},
      fields: { usage: number('By', 'updowncounter', [3.2e9 + 1e7 * i]), available: number('By', 'gauge', [5.1e9]) },
    },
  ];
}

export const DEAD_LETTERS = [1, 2, 3].map((n) => ({
  seq: `mwtyynzse0deda/1/${n}`,
  lane: 1,
  id: `edge-7/mwtyynzse0deda/node/${n}`,
  type: 'prometheus.page',
  time: NOW - 2 * HOUR,
  agent: 'edge-7',
  host: 'edge-7',
  sensor: 'node',
  bytes: 1_130_000,
  encoding: 'json',
  number: n,
  reason: 'MESSAGE_TOO_LARGE: 1,130,000 bytes, the broker takes 1,048,588',
  rejected: NOW - 2 * HOUR,
}));

export const YAML = 'interval: 10s\nsensors:\n  cpu: {}\nsinks:\n  broker:\n    type: kafka\n    password: "***"\n';
