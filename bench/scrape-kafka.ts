/**
 * One large page, from the target to the confirmation of a real Kafka: the published service scrapes, parses, encodes and delivers it. CPU and
 * memory are the service's own, from the kernel; what arrived is read from the topic afterwards.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { StreamChecker } from '../src/consumer/checker.ts';
import { arrivalOf, eventOf, fromKafka } from '../src/consumer.ts';
import { registerCodecs } from '../src/kafka/codecs.ts';
import { KafkaCluster } from '../test/brokers/kafka.ts';
import { cpuMs, type Figure, imageMalloc, memoryMiB, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

const SAMPLES = 100_000;
/** Scrapes until the page is known and V8 has compiled what reads it, and those that are measured. */
const WARM_UP = Number(process.env['BENCH_WARMUP'] ?? 8);
const SCRAPES = Number(process.env['BENCH_ROUNDS'] ?? 8);

/** How often its memory is looked at, in milliseconds. */
const LOOK_MS = 50;

interface Way {
  readonly topic: string;
  readonly intervalS: number;
  readonly compression: 'none' | 'zstd';
}

interface Arrived {
  readonly samples: number;
  readonly scrapes: number;
  readonly failed: number;
  readonly missing: number;
}

interface Run extends Arrived {
  readonly cpuMs: number;
  readonly rss: number;
  readonly rssEver: number;
  readonly bytes: number;
}

async function run(cluster: KafkaCluster, target: string, { topic, intervalS, compression }: Way): Promise<Run> {
  const { folder, remove } = scratch();
  await cluster.admin.createTopic(topic, { partitions: 1 });
  writeFileSync(
    join(folder, 'tidegate.yaml'),
    JSON.stringify({
      sensors: { prometheus: { targets: [target], interval: `${intervalS}s` } },
      sinks: {
        broker: { type: 'kafka', brokers: cluster.brokers, topic, compression, format: 'msgpack', queue: { max_bytes: '64MiB' } },
      },
    }),
  );
  const main = join(REPOSITORY, 'dist/src/main.js');
  const command = [process.execPath, main, 'run', '-c', join(folder, 'tidegate.yaml'), '--state', folder];
  try {
    const spent = await withProcess(
      command,
      async ({ pid }) => {
        await sleep(WARM_UP * intervalS * 1000);
        const [before, began] = [cpuMs(pid), performance.now()];
        let rss = 0;
        for (const end = began + SCRAPES * intervalS * 1000; performance.now() < end; await sleep(LOOK_MS))
          rss = Math.max(rss, memoryMiB(pid, 'VmRSS'));
        const scrapes = (performance.now() - began) / (intervalS * 1000);
        return { cpuMs: (cpuMs(pid) - before) / scrapes, rss, rssEver: memoryMiB(pid, 'VmHWM') };
      },
      imageMalloc,
    );
    return { ...spent, bytes: cluster.diskBytes(topic), ...(await readTopic(cluster, topic)) };
  } finally {
    remove();
  }
}

async function readTopic(cluster: KafkaCluster, topic: string): Promise<Arrived> {
  const kafka = new kafkajs.Kafka({ brokers: [...cluster.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `judge-${topic}`, maxBytesPerPartition: 16 << 20 });
  const end = (await cluster.admin.offsets(topic))[0] as number;
  const checker = new StreamChecker();
  let [samples, scrapes, failed] = [0, 0, 0];
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      const envelope = fromKafka({ topic, partition: 0, message });
      checker.feed(arrivalOf(envelope));
      const { type, fields } = eventOf(envelope);
      for (const [name, { values }] of Object.entries(fields)) {
        if (!type.endsWith('.scrape')) samples += values.filter((value) => value !== null).length;
        else if (name === 'up') {
          scrapes++;
          if (values[0] !== 1) failed++;
        }
      }
      if (Number(message.offset) === end - 1) resolve();
      await Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  const missing = checker.report({ over: true }).reduce((sum, { unexplained, awaited }) => sum + unexplained + awaited, 0);
  return { samples, scrapes, failed, missing };
}

function figuresOf(about: string, run: Run): Figure[] {
  return [
    { what: `${about}: CPU a scrape`, value: run.cpuMs / 1000, unit: 's' },
    { what: '— RSS, the most', value: run.rss, unit: 'MiB', atMost: 190.7 },
    { what: '— RSS, the most since the start', value: run.rssEver, unit: 'MiB' },
    { what: '— on the broker, a sample', value: run.bytes / run.samples, unit: 'B' },
    { what: '— scrapes that arrived', value: run.scrapes, unit: '', atLeast: WARM_UP + SCRAPES - 1 },
    { what: '— scrapes that failed', value: run.failed, unit: '', atMost: 0 },
    { what: '— events missing by their numbers', value: run.missing, unit: '', atMost: 0 },
    {
      what: '— samples that arrived, of those that were scraped',
      value: run.samples / (run.scrapes * SAMPLES),
      unit: '',
      atLeast: 1,
    },
  ];
}

export async function scrapeKafka(): Promise<Figure[]> {
  registerCodecs();
  const cluster = await KafkaCluster.start();
  const server = spawn(process.execPath, [join(import.meta.dirname, 'page-server.ts'), `${SAMPLES}`, '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const target = `http://127.0.0.1:${Number(line.toString())}/metrics?0`;
    const plain = await run(cluster, target, { topic: 'plain', intervalS: 5, compression: 'none' });
    const zstd = await run(cluster, target, { topic: 'zstd', intervalS: 5, compression: 'zstd' });
    const often = await run(cluster, target, { topic: 'often', intervalS: 1, compression: 'none' });
    const name = `${SAMPLES} samples to Kafka`;
    return [
      ...figuresOf(`${name}, every 5 s`, plain),
      { what: '— CPU a scrape, against the limit', value: plain.cpuMs / 1000, unit: 's', atMost: 0.15 },
      ...figuresOf(`${name}, every 5 s, zstd`, zstd),
      { what: '— CPU a scrape above that without', value: (zstd.cpuMs - plain.cpuMs) / 1000, unit: 's', atMost: 0.1 },
      { what: '— on the broker, a sample, against the limit', value: zstd.bytes / zstd.samples, unit: 'B', atMost: 15 },
      ...figuresOf(`${name}, every second`, often),
    ];
  } finally {
    server.kill();
    await cluster.close();
  }
}
