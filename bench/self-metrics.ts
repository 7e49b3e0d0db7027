/**
 * `self-metrics` and `self-metrics-kafka`: what it costs a delivery to be measured. Events go to a broker in memory that takes everything at once,
 * or to Kafka, as fast as it takes them; in every other window the sensor `tidegate` samples and the page of metrics is written, each once a
 * second. And how long a large page takes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import kafkaSink from '../sinks/kafka.ts';
import type { Broker, BrokerDefinition } from '../src/broker.ts';
import { systemClock } from '../src/clock.ts';
import type { TideEvent } from '../src/event.ts';
import { noStats } from '../src/job-stats.ts';
import { Publisher } from '../src/publisher.ts';
import { ProcessFigures } from '../src/telemetry/process-figures.ts';
import { selfTables } from '../src/telemetry/self-tables.ts';
import { selfMetricsText } from '../src/telemetry/text.ts';
import { KafkaCluster } from '../test/brokers/kafka.ts';
import { Driven } from './delivery/driven.ts';
import { EventMaker } from './delivery/events.ts';
import { type Figure, median, scratch } from './measure.ts';

const PAIRS = Number(process.env['BENCH_SELF_PAIRS'] ?? 15);
const WINDOW_MS = Number(process.env['BENCH_SELF_WINDOW_MS'] ?? 2000);
const SECOND_MS = 1000;
/** How far delivery is ahead of its confirms, in events: enough that a batch is always ready, too little to be spooled. */
const CHUNK = 2000;
const SERIES = 5000;
const PAGES = 50;

class NullBroker implements Broker {
  async connect() {
    return await Promise.resolve({ write: async () => await Promise.resolve(), close: async () => {} });
  }

  async close(): Promise<void> {}
}

interface Window {
  /** Microseconds of CPU an event. */
  readonly cpu: number;
  /** Events a millisecond. */
  readonly rate: number;
}

/** One window of deliveries; `each` is called at its beginning and once a second. */
async function window(driven: Driven, events: readonly TideEvent[], each: (() => void) | undefined): Promise<Window> {
  const before = process.cpuUsage();
  const [began, written] = [performance.now(), driven.written];
  const timer = each && setInterval(each, SECOND_MS);
  each?.();
  while (performance.now() - began < WINDOW_MS) await driven.pump(events, CHUNK);
  clearInterval(timer);
  const { user, system } = process.cpuUsage(before);
  const count = driven.written - written;
  return { cpu: (user + system) / count, rate: count / (performance.now() - began) };
}

/** What one destination is, and what it is given. */
interface Destination {
  readonly about: string;
  readonly sink: BrokerDefinition | (() => Broker);
  readonly options?: Readonly<Record<string, unknown>>;
  readonly events: readonly TideEvent[];
}

/** The figures, and how many events were delivered. */
async function cost({ about, sink, options, events }: Destination): Promise<{ figures: Figure[]; delivered: number }> {
  const { folder, remove } = scratch();
  const driven = new Driven(sink, { folder, common: { batch: { wait: '0s' } }, options });
  const figures = new ProcessFigures();
  const status = () => ({
    run: 'bench',
    sensors: [{ name: 'disk', state: 'sampling' as const, since: 0, why: undefined, stats: noStats(), events: driven.written }],
    sinks: [{ name: 'bench', ...driven.status() }],
  });
  const self = () => selfTables(status(), figures.read(), systemClock.wall());
  const source = { agent: 'edge-7', run: 'bench', sensor: 'tidegate', host: 'edge-7.example', labels: {} };
  const publisher = new Publisher(source, 512 * 1024, (event) => driven.publish(event));
  const measured = (): void => {
    publisher.publish(self(), systemClock.wall());
    selfMetricsText(self());
  };
  const [cpu, rate]: [number[], number[]] = [[], []];
  const alone: Window[] = [];
  for (let pair = -1; pair < PAIRS; pair++) {
    const order = pair % 2 === 0 ? [undefined, measured] : [measured, undefined];
    const took = new Map<unknown, Window>();
    for (const each of order) {
      took.set(each, await window(driven, events, each));
      figures.stop();
    }
    // The first pair warms up.
    const [on, off] = [took.get(measured) as Window, took.get(undefined) as Window];
    if (pair < 0) continue;
    alone.push(off);
    cpu.push(on.cpu / off.cpu);
    rate.push(on.rate / off.rate);
  }
  driven.check();
  const { delivered } = driven.status().ledger;
  await driven.stop();
  remove();
  const how = `with self-metrics against without, median of ${PAIRS} pairs of windows, ${about}`;
  return {
    delivered,
    figures: [
      { what: `events a second without, ${about}`, value: 1000 * median(alone.map((one) => one.rate)), unit: 'events/s' },
      { what: `events a second ${how}`, value: median(rate), unit: '×', atLeast: 0.97 },
      { what: `CPU an event ${how}`, value: median(cpu), unit: '×', atMost: 1.03 },
    ],
  };
}

/** As many sinks to brokers and sensors as make a page of SERIES lines. */
async function page(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  const driven = new Driven(() => new NullBroker(), { folder });
  await driven.pump(new EventMaker(1).many(CHUNK), CHUNK);
  const reading = new ProcessFigures().read();
  const of = (count: number) => ({
    run: 'bench',
    sensors: Array.from({ length: 2 * count }, (_, i) => ({
      name: `sensor_${i}`,
      state: 'sampling' as const,
      since: 0,
      why: undefined,
      stats: noStats(),
      events: i,
    })),
    sinks: Array.from({ length: count }, (_, i) => ({ name: `sink_${i}`, ...driven.status() })),
  });
  const write = (count: number): string => selfMetricsText(selfTables(of(count), reading, systemClock.wall()));
  const lines = (text: string): number => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  let count = 1;
  while (lines(write(count)) < SERIES) count++;
  const times: number[] = [];
  for (let i = 0; i < PAGES; i++) {
    const status = of(count);
    const began = performance.now();
    selfMetricsText(selfTables(status, reading, systemClock.wall()));
    times.push(performance.now() - began);
    await pause(1);
  }
  await driven.stop();
  remove();
  return [
    { what: 'series of the large page', value: lines(write(count)), unit: '', atLeast: SERIES },
    { what: `writing it, median of ${PAGES}`, value: median(times), unit: 'ms', atMost: 5 },
  ];
}

export async function selfMetrics(): Promise<Figure[]> {
  const memory = { about: 'a broker in memory', sink: () => new NullBroker(), events: new EventMaker(1).many(CHUNK) };
  return [...(await page()), ...(await cost(memory)).figures];
}

/** Over Kafka, with records of a kilobyte as in `delivery-kafka`. What it has kept for a while it throws away. */
export async function selfMetricsKafka(): Promise<Figure[]> {
  const cluster = await KafkaCluster.start({
    properties: {
      'log.segment.bytes': 32 * 2 ** 20,
      'log.retention.bytes': 128 * 2 ** 20,
      'log.retention.check.interval.ms': 5000,
      'log.segment.delete.delay.ms': 1000,
    },
  });
  try {
    const { brokers, admin } = cluster;
    await admin.createTopic('self', { partitions: 1 });
    const options = { brokers, topic: 'self' };
    const events = new EventMaker(18).many(5 * CHUNK);
    const { figures, delivered } = await cost({ about: 'Kafka', sink: kafkaSink, options, events });
    const [there] = await admin.offsets('self');
    if (there !== delivered) throw new Error(`${delivered} events were delivered, and ${there} are in the topic`);
    return figures;
  } finally {
    await cluster.close();
  }
}
