/** Traces through real brokers: what a consumer finds in the headers is what the receiver of spans has, and a write ends with its confirmation. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { describeOwn, describeShared, KafkaCluster, Proxy, sharedRabbitmq } from '../brokers/index.ts';
import { serve, until } from '../cli/process-support.ts';
import { readTopic } from '../kafka/read.ts';
import { adminOf, freshName, takeAll } from '../rabbitmq/support.ts';
import { Receiver } from './receiver.ts';

/** How long confirmations are held back, in milliseconds. */
const HOLD_MS = 1000;
/** Clocks of two processes tell milliseconds; each rounds in its own way. */
const ROUNDING_MS = 5;
/** Less than the smallest event, more than the heartbeat of either broker, in bytes. */
const WRITE_BYTES = 150;

interface Behind {
  readonly proxy: Proxy;
  /** The sink `out` in YAML; it goes through the proxy. */
  readonly sink: string;
  /** The header `traceparent` of so many messages, which are all there are. */
  readonly read: (count: number) => Promise<(string | undefined)[]>;
}

/** Runs a traced service, holds back what the broker answers for a while, ends the service, and compares both ends. */
async function follow({ proxy, sink, read }: Behind): Promise<void> {
  const receiver = await new Receiver().open();
  const otlp = `otlp: { endpoint: "${receiver.url}", traces: { ratio: 1 } }`;
  const { service } = serve(() => `interval: 100ms\nsensors: { load: {}, memory: {} }\nsinks: { out: ${sink} }\n${otlp}\n`);
  const writes = async (): Promise<void> => {
    const before = proxy.passed('up');
    await until('wrote', () => proxy.passed('up') > before + WRITE_BYTES, service);
  };
  await until('connected', () => proxy.connections > 0, service);
  for (let i = 0; i < 5; i++) await writes();
  proxy.stall(true, 'down');
  // What went up before may be what waits for its answer now; nothing more goes up then.
  await until('waited for an answer', () => proxy.unanswered > WRITE_BYTES, service);
  const held = Date.now();
  await sleep(HOLD_MS);
  const released = Date.now();
  proxy.stall(false);
  for (let i = 0; i < 5; i++) await writes();
  service.child.kill('SIGTERM');
  expect((await service.ended).code).toBe(0);

  const { spans, metrics } = receiver;
  const delivered = metrics.byName.get('tidegate.sink.delivered')?.points[0]?.value as number;
  expect(delivered).toBeGreaterThan(10);
  const headers = await read(delivered);
  expect(headers).toHaveLength(delivered);
  const samples = new Set(spans.filter(({ name }) => name.startsWith('sample ')).map(({ trace, id }) => `00-${trace}-${id}-01`));
  const sent = spans.filter(({ name, status }) => name === 'send out' && status.code === 0);
  const linked = new Set(sent.flatMap(({ links }) => links.map(({ trace, id }) => `00-${trace}-${id}-01`)));
  expect(headers.filter((header) => header === undefined || !samples.has(header) || !linked.has(header))).toEqual([]);
  const messages = sent.reduce((sum, { attributes }) => sum + Number(attributes['messaging.batch.message_count']), 0);
  expect(messages).toBe(delivered);
  const through = sent.filter(({ start, end }) => start < held + ROUNDING_MS && end > released - ROUNDING_MS);
  expect(through.length, JSON.stringify({ held, released, sent: sent.map(({ start, end }) => [start, end]) })).toBeGreaterThan(0);
}

describeOwn('Kafka', 'a trace through Kafka', () => {
  test('is in the headers of every record, and the span of a batch lasts until it is confirmed', async () => {
    const proxy = await Proxy.start();
    onTestFinished(async () => await proxy.close());
    const kafka = await KafkaCluster.start({ advertise: [proxy.port] });
    onTestFinished(async () => await kafka.close());
    proxy.forwardTo(kafka.direct[0] as string);
    await kafka.admin.createTopic('traced');
    await follow({
      proxy,
      sink: `{ type: kafka, brokers: ["${proxy.address}"], topic: traced }`,
      read: async (count) => (await readTopic(kafka.brokers, 'traced', count)).map(({ headers }) => headers['traceparent']),
    });
  });
});

describeShared('RabbitMQ', 'a trace through RabbitMQ', () => {
  test('is in the headers of every message, and the span of a batch lasts until it is confirmed', async () => {
    const { url } = await sharedRabbitmq();
    const { host, username, password } = new URL(url);
    const proxy = await Proxy.start(host);
    onTestFinished(async () => await proxy.close());
    const queue = freshName('traced');
    const { channel } = await adminOf(url);
    await channel.assertQueue(queue, { durable: true });
    onTestFinished(async () => void (await channel.deleteQueue(queue)));
    const login = username === '' ? '' : `, user: "${username}", password: "${password}"`;
    await follow({
      proxy,
      sink: `{ type: rabbitmq, hosts: ["${proxy.address}"]${login}, queue_name: ${queue} }`,
      read: async () =>
        (await takeAll(channel, queue)).map(({ properties }) => properties.headers?.['traceparent'] as string | undefined),
    });
  });
});
