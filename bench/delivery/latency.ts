/** `latency`: from publish to the broker's confirmation, with real brokers, at a low and a medium rate, by where an event is before it is sent. */

import { connect } from 'amqplib';
import kafkaSink from '../../sinks/kafka.ts';
import rabbitmqSink from '../../sinks/rabbitmq.ts';
import type { BrokerDefinition } from '../../src/broker.ts';
import { KafkaCluster } from '../../test/brokers/kafka.ts';
import { Rabbitmq } from '../../test/brokers/rabbitmq.ts';
import { type Figure, scratch, sleep } from '../measure.ts';
import { Driven } from './driven.ts';
import { EventMaker } from './events.ts';

const SECONDS = Number(process.env['BENCH_LATENCY_SECONDS'] ?? 8);
const WARMUP_EVENTS = 20;
const RATES = [10, 1000];
const MODES = [
  { name: 'on_failure', spool: { mode: 'on_failure' }, wait: '0s' },
  { name: 'on_failure, batch.wait as by default', spool: { mode: 'on_failure' }, wait: '1s' },
  { name: 'always, fsync interval', spool: { mode: 'always', fsync: 'interval' }, wait: '0s' },
  { name: 'always, fsync always', spool: { mode: 'always', fsync: 'always' }, wait: '0s' },
] as const;

/** Milliseconds of each event. */
async function latencies(driven: Driven, confirmed: Map<string, number>, rate: number): Promise<number[]> {
  const maker = new EventMaker(1);
  const published = new Map<string, number>();
  const offer = async (count: number): Promise<void> => {
    const [began, before] = [performance.now(), maker.made];
    while (maker.made - before < count) {
      const due = ((performance.now() - began) * rate) / 1000;
      while (maker.made - before < Math.min(due, count)) {
        const event = maker.next();
        published.set(event.id, performance.now());
        driven.publish(event);
      }
      await sleep(1);
    }
    await driven.until(({ ledger }) => ledger.delivered === ledger.published, 20);
  };
  await offer(WARMUP_EVENTS);
  published.clear();
  await offer(rate * SECONDS);
  return [...published].map(([id, at]) => (confirmed.get(id) as number) - at).toSorted((a, b) => a - b);
}

async function measure(sink: BrokerDefinition, own: object): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rate of RATES) {
    for (const { name, spool, wait } of MODES) {
      const { folder, remove } = scratch();
      const confirmed = new Map<string, number>();
      const onWrite = (batch: readonly { id: string }[]): void => {
        for (const { id } of batch) confirmed.set(id, performance.now());
      };
      const driven = new Driven(sink, { folder, options: { ...own, spool }, common: { batch: { wait } }, onWrite });
      const all = await latencies(driven, confirmed, rate);
      await driven.stop();
      remove();
      const at = (share: number): number => all[Math.floor(all.length * share)] as number;
      const about = `${sink.name}, ${rate} events/s, ${name}:`;
      figures.push({ what: `${about} p50`, value: at(0.5), unit: 'ms' }, { what: `${about} p99`, value: at(0.99), unit: 'ms' });
    }
  }
  return figures;
}

export async function latency(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const cluster = await KafkaCluster.start();
  try {
    await cluster.admin.createTopic('latency', { partitions: 1 });
    figures.push(...(await measure(kafkaSink, { brokers: cluster.brokers, topic: 'latency' })));
  } finally {
    await cluster.close();
  }
  const server = await Rabbitmq.start();
  const { port, url } = server.first;
  try {
    const model = await connect(url);
    await (await model.createChannel()).assertQueue('latency', { durable: true });
    figures.push(...(await measure(rabbitmqSink, { hosts: [`127.0.0.1:${port}`], queue_name: 'latency' })));
    await model.close();
  } finally {
    await server.close();
  }
  return figures;
}
