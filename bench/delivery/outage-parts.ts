/** What an outage is made of: the process that delivers, a broker that can be killed, and what arrives at its far end. */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import kafkajs from 'kafkajs';
import { StreamChecker } from '../../src/consumer/checker.ts';
import { arrivalOf, type Envelope, fromAmqp, fromKafka, type StreamReport } from '../../src/consumer.ts';
import { KafkaCluster } from '../../test/brokers/kafka.ts';
import { isListening } from '../../test/brokers/owned.ts';
import type { Proxy } from '../../test/brokers/proxy.ts';
import { Rabbitmq } from '../../test/brokers/rabbitmq.ts';
import { imageMalloc, sleep } from '../measure.ts';
import type { ChildReport, ChildSpec } from './outage-types.ts';

/** The process under load. */
export class Child {
  readonly #process: ChildProcess;

  constructor(spec: ChildSpec) {
    this.#process = fork(join(import.meta.dirname, 'outage-child.ts'), [JSON.stringify(spec)], {
      env: { ...process.env, NODE_ENV: 'production', ...imageMalloc },
    });
  }

  async report(): Promise<ChildReport> {
    const { promise, resolve, reject } = Promise.withResolvers<ChildReport>();
    const ended = (): void => reject(new Error('the process that delivers has ended'));
    this.#process.once('message', (report) => resolve(report as ChildReport)).once('exit', ended);
    this.#process.send('status');
    try {
      return await promise;
    } finally {
      this.#process.off('exit', ended);
    }
  }

  pause(): void {
    this.#process.send('pause');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    if (this.#process.connected) this.#process.send('stop');
    await Promise.race([ended, sleep(20_000).then(() => this.#process.kill('SIGKILL'))]);
  }
}

/** What arrived: judged by its numbers, and counted by the millisecond (Unix time) in which it did. */
export class Arrivals {
  readonly #checker = new StreamChecker();
  readonly #counts = new Map<number, number>();

  take(message: Envelope, at: number): void {
    const { repeat } = this.#checker.feed(arrivalOf(message));
    // What the broker hands out again has arrived before.
    if (!repeat) this.#counts.set(at, (this.#counts.get(at) ?? 0) + 1);
  }

  /** Of the only stream that there is. */
  report(): StreamReport {
    const [stream, ...more] = this.#checker.report({ over: true });
    if (!stream || more.length > 0) throw new Error(`${more.length + 1} streams arrived`);
    return stream;
  }

  /** When the first event came after that. */
  firstAfter(time: number): number {
    return Math.min(...[...this.#counts.keys()].filter((at) => at >= time));
  }

  between(from: number, to: number): number {
    let count = 0;
    for (const [at, events] of this.#counts) if (at >= from && at < to) count += events;
    return count;
  }

  /** The most that arrived within any `ms` from one moment to another. */
  most(from: number, ms: number, to: number): number {
    const times = [...this.#counts].filter(([at]) => at >= from && at < to).toSorted(([a], [b]) => a - b);
    let [most, sum, tail] = [0, 0, 0];
    for (const [at, events] of times) {
      sum += events;
      for (; (times[tail] as [number, number])[0] <= at - ms; tail++) sum -= (times[tail] as [number, number])[1];
      most = Math.max(most, sum);
    }
    return most;
  }
}

/** A real broker and its far end. */
export interface Victim {
  readonly options: Readonly<Record<string, unknown>>;
  kill(): Promise<void>;
  /** Resolves when it is asked for; the port opens later. */
  restart(): Promise<void>;
  /** Connections stay open, and nobody answers. */
  freeze(): void;
  thaw(): void;
  /** Unix time in milliseconds at which its port opened, which is waited for. */
  opened(): Promise<number>;
  /** Everything that has arrived, once nothing more comes. */
  arrivals(): Promise<Arrivals>;
  close(): Promise<void>;
}

const POLL_MS = 10;

async function opens(port: number): Promise<number> {
  while (!(await isListening(port))) await sleep(POLL_MS);
  return Date.now();
}

/** The time of arrival is the broker's own: that at which it appended a record. Clients come through the proxy, if there is one. */
export async function kafkaVictim(proxy?: Proxy): Promise<Victim> {
  const cluster = await KafkaCluster.start(proxy && { advertise: [proxy.port] });
  const direct = cluster.direct[0] as string;
  proxy?.forwardTo(direct);
  const topic = 'outage';
  await cluster.admin.createTopic(topic, { partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } });
  // Who judges comes past the proxy, which may still be about to reset a connection: within an answer, kafkajs reads no other one after it.
  const past = cluster.admin.bootstrap[1].split(',');
  return {
    options: { brokers: cluster.brokers, topic },
    kill: async () => await cluster.kill(),
    restart: async () => await cluster.restart(),
    freeze: () => cluster.freeze(),
    thaw: () => cluster.thaw(),
    opened: async () => await opens(Number(direct.split(':')[1])),
    arrivals: async () => await readTopic(past, topic, (await cluster.admin.offsets(topic))[0] as number),
    close: async () => await cluster.close(),
  };
}

/** Reading that gives nothing for so long, in milliseconds, has failed, whatever the client says of it. */
const SILENCE_MS = 60_000;

async function readTopic(brokers: readonly string[], topic: string, end: number): Promise<Arrivals> {
  const arrivals = new Arrivals();
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: 'judge', maxBytesPerPartition: 4 << 20 });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let next = 0;
  let at = performance.now();
  let crash = 'no error';
  consumer.on(consumer.events.CRASH, ({ payload }) => void (crash = payload.error.message));
  const watchdog = setInterval(() => {
    if (performance.now() - at > SILENCE_MS) reject(new Error(`reading ${topic} stands still at ${next} of ${end} (${crash})`));
  }, 1000);
  const eachBatch = async ({ batch }: kafkajs.EachBatchPayload): Promise<void> => {
    for (const message of batch.messages) {
      // What is read twice, because the client began anew, has arrived once.
      if (Number(message.offset) < next) continue;
      next = Number(message.offset) + 1;
      arrivals.take(fromKafka({ topic, partition: 0, message }), Number(message.timestamp));
    }
    at = performance.now();
    if (next >= end) resolve();
    await Promise.resolve();
  };
  const read = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
    if (end === 0) resolve();
  };
  try {
    void read().catch(reject);
    await promise;
  } finally {
    clearInterval(watchdog);
    // Its answer is not waited for: the broker is ended next.
    void consumer.disconnect().catch(() => {});
  }
  return arrivals;
}

const PREFETCH = 2000;
const ACK_EVERY = 250;
/** In which all that was published has arrived, in milliseconds. */
const ARRIVAL_MS = 300_000;

/** The time of arrival is that at a consumer, which is as far from the broker as it is quick. The proxy, if there is one, is not in its way. */
export async function rabbitmqVictim(proxy?: Proxy): Promise<Victim> {
  const server = await Rabbitmq.start();
  const { port, url } = server.first;
  proxy?.forwardTo(`127.0.0.1:${port}`);
  const queue = 'outage';
  const arrivals = new Arrivals();
  let closing = false;
  let lastAt = Date.now();
  const consume = async (): Promise<void> => {
    const model = await connect(url, { noDelay: true });
    // A killed broker is expected.
    model.on('error', () => {});
    model.on('close', () => !closing && void again());
    const channel = await model.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue(queue, { durable: true });
    await channel.prefetch(PREFETCH);
    let taken = 0;
    await channel.consume(queue, (message) => {
      if (!message) return;
      lastAt = Date.now();
      arrivals.take(fromAmqp(message, queue), lastAt);
      if (++taken % ACK_EVERY === 0) channel.ack(message, true);
    });
  };
  const again = async (): Promise<void> => {
    for (;;) {
      try {
        return await consume();
      } catch {
        await sleep(50);
      }
    }
  };
  await consume();
  return {
    options: { hosts: [proxy?.address ?? `127.0.0.1:${port}`], queue_name: queue },
    kill: async () => await server.first.kill(),
    restart: async () => await server.first.restart(),
    freeze: () => server.first.freeze(),
    thaw: () => server.first.thaw(),
    opened: async () => await opens(port),
    async arrivals() {
      for (const asked = performance.now(); Date.now() - lastAt < 3000; await sleep(100))
        if (performance.now() - asked > ARRIVAL_MS) throw new Error(`messages still arrive after ${ARRIVAL_MS / 1000} s`);
      return arrivals;
    },
    async close() {
      closing = true;
      await server.close();
    },
  };
}

/** Size of a folder, in bytes. */
export function sizeOf(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, entry) => {
    return sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
