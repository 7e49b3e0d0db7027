/** Reads a topic as others do: with a consumer of kafkajs, and with kcat, which is librdkafka. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { prepare } from '../../src/kafka/kafkajs.ts';

/** How long reading may take, in milliseconds. */
const READ_MS = 60_000;

export interface ReadRecord {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly timestamp: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Resolves when so many records have been read from the beginning; those of a partition are in its order. */
export async function readTopic(brokers: readonly string[], topic: string, count: number): Promise<ReadRecord[]> {
  prepare();
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING, connectionTimeout: 5000 });
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 200 });
  const records: ReadRecord[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`${records.length} of ${count} records of ${topic} were read`)), READ_MS);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    consumer.on('consumer.crash', ({ payload }) => (payload.restart ? undefined : reject(payload.error)));
    await consumer.run({
      eachBatch: async ({ batch: { partition, messages } }) => {
        for (const { key, value, timestamp, headers = {} } of messages) {
          const texts = Object.fromEntries(Object.entries(headers).map(([name, content]) => [name, String(content)]));
          records.push({ partition, key: key ? String(key) : undefined, value: String(value), timestamp, headers: texts });
        }
        if (records.length >= count) resolve();
        await Promise.resolve();
      },
    });
    await promise;
    return records;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}

/** Whether kcat is on this machine; Debian has it. */
export async function hasKcat(): Promise<boolean> {
  return await promisify(execFile)('kcat', ['-V']).then(
    () => true,
    () => false,
  );
}

/** What kcat reads of a topic, a line a record: partition, key, headers, value. */
export async function kcat(brokers: readonly string[], topic: string): Promise<string[]> {
  const args = [
    '-C',
    '-b',
    brokers.join(','),
    '-t',
    topic,
    '-o',
    'beginning',
    '-e',
    '-q',
    '-X',
    'check.crcs=true',
    '-f',
    '%p\t%k\t%h\t%s\n',
  ];
  const { stdout } = await promisify(execFile)('kcat', args, { timeout: READ_MS, maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').filter((line) => line !== '');
}
