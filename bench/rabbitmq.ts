/**
 * The sink `rabbitmq` beside bare amqplib: the same records of 1 KB, persistent, over one confirm channel each, to one queue of the same broker,
 * batch by batch in turn. Each batch waits for its confirms, as delivery does. CPU is this process's, in which nothing else runs.
 */
import { type ChannelModel, connect, type Options } from 'amqplib';
import type { BrokerConnection, Message } from '../src/broker.ts';
import { systemClock } from '../src/clock.ts';
import { RabbitBroker } from '../src/rabbitmq/broker.ts';
import { options } from '../src/rabbitmq/options.ts';
import { Rabbitmq } from '../test/brokers/rabbitmq.ts';
import { type Figure, median } from './measure.ts';

const BATCH = 1000;
const BATCHES_A_ROUND = 10;
const ROUNDS = 15;
const WARMUP = 3;
const QUEUE = 'bench';
const NEVER = new AbortController().signal;

function records(): Message[] {
  const time = Date.now();
  return Array.from({ length: BATCH }, (_, n) => ({
    id: `agent/run/disk/${n}`,
    type: 'system.disk',
    time,
    agent: 'agent',
    host: 'host',
    sensor: 'disk',
    contentType: 'application/json',
    body: Buffer.alloc(1024, 'x'),
    lane: 0,
    seq: `run/0/${n}`,
    backfill: false,
  }));
}

type Write = (batch: readonly Message[]) => Promise<void>;

/** What one writes with amqplib alone to send the same bytes. */
export async function bareRabbitmq(model: ChannelModel, queue: string): Promise<Write> {
  const channel = await model.createConfirmChannel();
  const publish = (
    { body, id, type, time, agent, sensor, contentType, seq }: Message,
    done: (error: Error | null) => void,
  ): void => {
    const properties: Options.Publish = {
      persistent: true,
      mandatory: true,
      contentType,
      messageId: id,
      type,
      appId: 'tidegate',
      timestamp: Math.floor(time / 1000),
      headers: {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: id,
        cloudEvents_type: type,
        cloudEvents_source: `/${agent}/${sensor}`,
        cloudEvents_time: new Date(time).toISOString(),
        'tidegate-seq': seq,
      },
    };
    channel.publish('', queue, body, properties, done);
  };
  return async (batch) =>
    await new Promise((resolve, reject) => {
      let left = batch.length;
      for (const message of batch) {
        publish(message, (error) => {
          if (error) reject(error);
          else if (--left === 0) resolve();
        });
      }
    });
}

interface Round {
  readonly perSecond: number;
  /** Microseconds. */
  readonly cpu: number;
}

async function round(write: Write, batch: readonly Message[]): Promise<Round> {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  for (let i = 0; i < BATCHES_A_ROUND; i++) await write(batch);
  const { user, system } = process.cpuUsage(cpu);
  const events = BATCH * BATCHES_A_ROUND;
  return { perSecond: (events / (performance.now() - began)) * 1000, cpu: (user + system) / events };
}

/** The median of what the rounds say, and of the ratios of rounds that followed each other. */
function figures(sink: readonly Round[], alone: readonly Round[]): Figure[] {
  const of = (rounds: readonly Round[], key: keyof Round): number => median(rounds.map((one) => one[key]));
  const ratio = (key: keyof Round): number => median(sink.map((one, i) => one[key] / (alone[i]?.[key] as number)));
  return [
    { what: 'RabbitMQ, 1 KB persistent: amqplib alone', value: of(alone, 'perSecond'), unit: 'events/s' },
    { what: 'the sink', value: of(sink, 'perSecond'), unit: 'events/s' },
    { what: 'the sink against amqplib, rate', value: ratio('perSecond'), unit: '×', atLeast: 0.9 },
    { what: 'amqplib alone, CPU an event', value: of(alone, 'cpu'), unit: 'µs' },
    { what: 'the sink, CPU an event', value: of(sink, 'cpu'), unit: 'µs' },
    { what: 'the sink against amqplib, CPU', value: ratio('cpu'), unit: '×', atMost: 1.3 },
  ];
}

export async function rabbitmq(): Promise<Figure[]> {
  const server = await Rabbitmq.start();
  const { port, url } = server.first;
  const context = { name: 'bench', agent: 'bench', clock: systemClock, warn: console.error, blocked: console.error };
  const broker = new RabbitBroker(context, options.parse({ hosts: [`127.0.0.1:${port}`], queue_name: QUEUE }));
  const model = await connect(url, { noDelay: true });
  try {
    const admin = await model.createChannel();
    await admin.assertQueue(QUEUE, { durable: true });
    const connection: BrokerConnection = await broker.connect(NEVER);
    const writes = {
      sink: (batch: readonly Message[]) => connection.write(batch, NEVER),
      alone: await bareRabbitmq(model, QUEUE),
    };
    const [sink, alone]: [Round[], Round[]] = [[], []];
    const batch = records();
    for (let i = 0; i < WARMUP + ROUNDS; i++) {
      // Who comes first in a pair takes turns.
      for (const which of i % 2 === 0 ? (['sink', 'alone'] as const) : (['alone', 'sink'] as const)) {
        const result = await round(writes[which], batch);
        if (i >= WARMUP) (which === 'sink' ? sink : alone).push(result);
        await admin.purgeQueue(QUEUE);
      }
    }
    return figures(sink, alone);
  } finally {
    await broker.close();
    await model.close();
    await server.close();
  }
}
