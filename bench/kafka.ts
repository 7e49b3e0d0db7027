/**
 * The sink against the bare client that it is made of: the same records with the same headers, one (topic, partition) a request, all replicas,
 * one connection, against the same broker in the same run. Rounds take turns, so that a machine that slows down slows both.
 */
import kafkajs from 'kafkajs';
import sink from '../sinks/kafka.ts';
import type { BrokerConnection, Message } from '../src/broker.ts';
import { systemClock } from '../src/clock.ts';
import { type KafkajsMessage, kafkajsMessage } from '../src/kafka/produce.ts';
import type { Figure } from './measure.ts';

const BATCH = 500;
const BYTES = 1024;
const BATCHES = 20;
const ROUNDS = 7;

/** One way of sending the same batches. */
export interface Sender {
  send(batch: readonly Message[]): Promise<void>;
  close(): Promise<void>;
}

/** kafkajs as its documentation has it, but for a partition that is given, so that both do the same. @public */
export async function bareKafka(brokers: readonly string[], topic: string): Promise<Sender> {
  const kafka = new kafkajs.Kafka({ clientId: 'bare', brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: () => () => 0, allowAutoTopicCreation: false });
  await producer.connect();
  // Making the objects that kafkajs takes is no part of what it costs.
  const made = new WeakMap<readonly Message[], KafkajsMessage[]>();
  return {
    async send(batch) {
      let messages = made.get(batch);
      if (!messages) {
        messages = batch.map((message) => kafkajsMessage(message, keyOf(message)));
        made.set(batch, messages);
      }
      await producer.send({ topic, acks: -1, messages });
    },
    close: async () => await producer.disconnect(),
  };
}

/** The sink, without delivery around it. @public */
export async function sinkKafka(brokers: readonly string[], topic: string): Promise<Sender> {
  const context = { name: 'bench', agent: 'bench', clock: systemClock, warn: () => {}, blocked: () => {} };
  const { signal } = new AbortController();
  const broker = sink.openBroker(context, sink.options.parse({ brokers: [...brokers], topic }));
  const connection: BrokerConnection = await broker.connect(signal);
  return {
    send: async (batch) => await connection.write(batch, signal),
    async close() {
      await connection.close();
      await broker.close();
    },
  };
}

const keyOf = ({ host, sensor }: Message): string => `${host}/${sensor}`;

/** Events of a kilobyte, as delivery hands them over. @public */
export function batches(count: number, size = BATCH, bytes = BYTES): Message[][] {
  return Array.from({ length: count }, (_, b) =>
    Array.from({ length: size }, (_, i) => {
      const n = b * size + i + 1;
      return {
        id: `edge-7/01890a5d/disk/${n}`,
        type: `system.${['disk', 'cpu', 'memory'][n % 3]}`,
        time: 1_763_856_000_000 + n,
        agent: 'edge-7',
        host: 'edge-7.example',
        sensor: 'disk',
        contentType: 'application/json',
        body: Buffer.from(`{"v":1,"id":"${n}","values":[`.padEnd(bytes - 2, `${n},`).concat(']}')),
        lane: 0,
        seq: `01890a5d/0/${n}`,
        backfill: false,
      };
    }),
  );
}

/** What a sender needs for a round, wall clock and CPU of this process, both in microseconds an event. */
async function round({ send }: Sender, work: readonly Message[][]): Promise<{ wall: number; cpu: number }> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  for (const batch of work) await send(batch);
  const wall = 1000 * (performance.now() - start);
  const { user, system } = process.cpuUsage(before);
  const events = work.reduce((sum, batch) => sum + batch.length, 0);
  return { wall: wall / events, cpu: (user + system) / events };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** Both, in turns. @public */
export async function compare(bare: Sender, ours: Sender, work: readonly Message[][], rounds: number): Promise<Figure[]> {
  const measured = { bare: [] as { wall: number; cpu: number }[], ours: [] as { wall: number; cpu: number }[] };
  for (let i = 0; i < rounds + 1; i++) {
    const [a, b] = [await round(bare, work), await round(ours, work)];
    // The first round warms up.
    if (i === 0) continue;
    measured.bare.push(a);
    measured.ours.push(b);
  }
  const of = (which: 'bare' | 'ours', what: 'wall' | 'cpu'): number => median(measured[which].map((each) => each[what]));
  return [
    { what: 'bare kafkajs: events a second', value: 1e6 / of('bare', 'wall'), unit: '/s' },
    { what: 'bare kafkajs: CPU an event', value: of('bare', 'cpu'), unit: 'µs' },
    { what: 'the sink: events a second', value: 1e6 / of('ours', 'wall'), unit: '/s' },
    { what: 'the sink: CPU an event', value: of('ours', 'cpu'), unit: 'µs' },
    { what: 'rate against bare', value: of('bare', 'wall') / of('ours', 'wall'), unit: '×', atLeast: 0.9 },
    { what: 'CPU against bare', value: of('ours', 'cpu') / of('bare', 'cpu'), unit: '×', atMost: 1.3 },
  ];
}

/** Against the broker that `TIDEGATE_TEST_KAFKA` gives, or one that is started for it. */
export async function kafka(): Promise<Figure[]> {
  const given = process.env['TIDEGATE_TEST_KAFKA'];
  const cluster = given ? undefined : await (await import('../test/brokers/kafka.ts')).KafkaCluster.start();
  const brokers = given ? given.split(',') : (cluster?.brokers as string[]);
  const topic = `bench-${process.pid}`;
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    const senders = [await bareKafka(brokers, topic), await sinkKafka(brokers, topic)] as const;
    const work = batches(BATCHES);
    const figures = await compare(...senders, work, ROUNDS);
    await Promise.all(senders.map(async (sender) => await sender.close()));
    const sent = 2 * (ROUNDS + 1) * BATCHES * BATCH;
    const [partition] = await admin.fetchTopicOffsets(topic);
    if (Number(partition?.high) !== sent) throw new Error(`${partition?.high} of ${sent} events are in the topic`);
    await admin.deleteTopics({ topics: [topic] });
    return figures;
  } finally {
    await admin.disconnect();
    await cluster?.close();
  }
}
