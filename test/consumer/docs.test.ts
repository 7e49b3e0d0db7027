/** The examples of docs/consuming.md compile against the real clients' types, and do what the page says with messages as clients hand them over. */
import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ChannelModel } from 'amqplib';
import type { Kafka } from 'kafkajs';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Message } from '../../src/broker.ts';
import type { DecodedEvent } from '../../src/consumer.ts';
import { headersOf } from '../../src/kafka/headers.ts';
import { propertiesOf } from '../rabbitmq/properties.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { lostMessage, sent } from './messages.ts';

const PAGE = readFileSync(join(REPOSITORY, 'docs/consuming.md'), 'utf8');
const BLOCKS = [...PAGE.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block = '']) => block);

interface Examples {
  readonly kafka: { consume(kafka: Kafka, store: (events: DecodedEvent[]) => Promise<void>): Promise<unknown> };
  readonly amqp: { consume(model: ChannelModel, queue: string, store: (event: DecodedEvent) => Promise<void>): Promise<unknown> };
}
let folder = '';
let examples: Examples;

beforeAll(async () => {
  folder = temporaryFolder();
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  const [kafka, amqp] = BLOCKS.map((block) =>
    block.replace("'tidegate/consumer'", `'${join(REPOSITORY, 'src/consumer.ts')}'`),
  ) as [string, string];
  writeFiles(folder, {
    'package.json': '{ "type": "module" }',
    'kafka.ts': kafka,
    'amqp.ts': amqp,
    'tsconfig.json': JSON.stringify({
      extends: join(REPOSITORY, 'tsconfig.json'),
      compilerOptions: { rootDir: '/', rewriteRelativeImportExtensions: false },
      include: ['*.ts'],
    }),
  });
  const load = async (name: string): Promise<unknown> => await import(pathToFileURL(join(folder, name)).href);
  examples = { kafka: await load('kafka.ts'), amqp: await load('amqp.ts') } as Examples;
});

const said: string[] = [];
afterEach(() => void vi.restoreAllMocks());
function listen(): void {
  said.length = 0;
  for (const level of ['warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void said.push(words.map(String).join(' ')));
  }
}

const foreign: Message = { ...sent(1), body: Buffer.from('hello'), id: '', type: '', seq: undefined };
const MESSAGES = [sent(1), sent(2), sent(1), foreign, lostMessage([{ first: 3, last: 4, reason: 'expired' }]), sent(5)];
const IDS = [1, 2, 5].map((n) => `edge-7/r1/disk/${n}`);

test('there are two, and they compile', () => {
  expect(BLOCKS).toHaveLength(2);
  const compiler = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
});

describe('they take events once, and tell of losses and of what is no event', () => {
  test('kafkajs', async () => {
    listen();
    const batches: unknown[] = [];
    let eachBatch: (payload: object) => Promise<void> = async () => {};
    const consumer = Object.assign(new EventEmitter(), {
      events: { GROUP_JOIN: 'consumer.group_join' },
      connect: async () => {},
      subscribe: async ({ topics }: { topics: string[] }) => expect(topics).toEqual(['telemetry']),
      run: async (config: { eachBatch: typeof eachBatch }) => void (eachBatch = config.eachBatch),
    });
    const kafka = { consumer: () => consumer } as unknown as Kafka;
    await examples.kafka.consume(kafka, async (events) => void batches.push(events.map(({ id }) => id)));
    const records = MESSAGES.map((message) => ({
      value: message.body,
      // kafkajs hands headers over as bytes.
      headers: Object.fromEntries(headersOf(message).map(([name, value]) => [name, Buffer.from(value)])),
    }));
    await eachBatch({ batch: { topic: 'telemetry', partition: 0, messages: records.slice(0, 3) } });
    consumer.emit('consumer.group_join');
    await eachBatch({ batch: { topic: 'telemetry', partition: 0, messages: records } });
    expect(batches).toEqual([IDS.slice(0, 2), IDS.slice(2)]);
    expect(said).toEqual([expect.stringContaining('telemetry/0: '), 'edge-7 lost 2 events: expired']);
  });

  test('amqplib', async () => {
    listen();
    const stored: string[] = [];
    const answers: string[] = [];
    let deliver: (message: object | null) => void = () => {};
    const channel = {
      prefetch: async () => {},
      consume: async (_queue: string, take: typeof deliver) => void (deliver = take),
      ack: ({ tag }: { tag: number }) => answers.push(`ack ${tag}`),
    };
    const model = { createChannel: async () => channel } as unknown as ChannelModel;
    let away = true;
    await examples.amqp.consume(model, 'telemetry', async ({ id }) => {
      if (away && id === IDS[1]) {
        away = false;
        throw new Error('the store is away');
      }
      stored.push(id);
    });
    MESSAGES.forEach((message, tag) => deliver({ content: message.body, properties: propertiesOf(message), tag }));
    deliver(null);
    // What could not be stored is tried again, and is never given back.
    await expect.poll(() => answers.length, { timeout: 20_000 }).toBe(MESSAGES.length);
    expect(answers).toEqual(['ack 0', 'ack 2', 'ack 3', 'ack 4', 'ack 5', 'ack 1']);
    expect(stored).toEqual([IDS[0], IDS[2], IDS[1]]);
    expect(said).toEqual(['Error: the store is away', expect.stringContaining('telemetry: '), 'edge-7 lost 2 events: expired']);
  });
});

test('importing the consumer loads no client of a broker, and no store', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve(specifier, context, next) { loaded.push(specifier); return next(specifier, context); } });
    await import(${JSON.stringify(pathToFileURL(join(REPOSITORY, 'src/consumer.ts')).href)});
    console.log(JSON.stringify(loaded.filter((specifier) => !/^[./]|^node:|^file:/.test(specifier))));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(new Set(JSON.parse(stdout) as string[])).toEqual(new Set(['@msgpack/msgpack', 'zod']));
});
