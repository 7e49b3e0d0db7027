/** `tidegate verify` against real brokers: what a sink would have sent is in a topic or a queue, and the command judges it. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { TYPES } from '../../src/kafka/codecs.ts';
import { headersOf } from '../../src/kafka/headers.ts';
import { prepare } from '../../src/kafka/kafkajs.ts';
import { propertiesOf } from '../../src/rabbitmq/properties.ts';
import { openRabbitmq } from '../../src/verify/rabbitmq.ts';
import { describeOwn, describeShared, KafkaCluster, sharedKafka, sharedRabbitmq } from '../brokers/index.ts';
import { tidegate } from '../cli/process-support.ts';
import { lostMessage, sent } from '../consumer/messages.ts';
import { temporaryFolder } from '../support.ts';

const unique = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

interface Judged {
  readonly verdict: string;
  readonly sentences: string[];
  readonly remarks: string[];
  readonly events: number;
  readonly repeats: number;
  readonly totals: { arrived: number; lost: number; unexplained: number; disorder: number };
  readonly foreign: { count: number };
  readonly streams: { run: string; lane: number; holes: { first: number; last: number }[] }[];
}

async function verifyJson(args: readonly string[]): Promise<Judged & { code: number | null }> {
  const { code, out, err } = await tidegate(['verify', '--format', 'json', ...args]);
  expect(err).toBe('');
  return { code, ...(JSON.parse(out) as Judged) };
}

describeShared('Kafka', 'verify kafka://', () => {
  let brokers: string[] = [];
  let producer: kafkajs.Producer;
  let create: (topic: string, partitions: number) => Promise<void>;

  beforeAll(async () => {
    prepare();
    const shared = await sharedKafka();
    brokers = shared.brokers;
    create = async (topic, partitions) => await shared.admin.createTopic(topic, { partitions });
    const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
    producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
    await producer.connect();
  });
  afterAll(async () => await producer.disconnect());

  const send = async (topic: string, partition: number, messages: readonly Message[], compression = 0): Promise<void> => {
    await producer.send({
      topic,
      compression,
      messages: messages.map((message) => ({ partition, value: message.body, headers: Object.fromEntries(headersOf(message)) })),
    });
  };
  const url = (...topics: string[]): string => `kafka://${brokers.join(',')}/${topics.join(',')}`;

  it('reads every codec, all partitions, and what lies in several topics together', async () => {
    const [one, two] = [unique('verify.one'), unique('verify.two')];
    await Promise.all([create(one, 3), create(two, 1)]);
    let n = 1;
    // One lane over two topics, as a template makes it; a codec after the other.
    for (const compression of Object.values(TYPES)) {
      await send(
        one,
        0,
        range(n, n + 9).map((k) => sent(k)),
        compression,
      );
      await send(
        two,
        0,
        range(n + 10, n + 19).map((k) => sent(k)),
        compression,
      );
      n += 20;
    }
    await send(
      one,
      2,
      range(1, 5).map((k) => sent(k, { lane: 1, sensor: 'cpu' })),
    );
    const both = await verifyJson([url(one, two)]);
    expect(both).toMatchObject({ code: 0, verdict: 'complete', events: 105, repeats: 0 });
    const alone = await verifyJson([url(two)]);
    expect(alone).toMatchObject({ code: 1, verdict: 'faulty', totals: { unexplained: 50 } });
    const glob = await verifyJson([url(`${one.slice(0, -2)}*`)]);
    expect(glob).toMatchObject({ code: 1, events: 55 });
  });

  it('tells repeats, explained and unexplained holes, disorder, and messages of others apart', async () => {
    const topic = unique('verify.mixed');
    await create(topic, 1);
    await send(
      topic,
      0,
      [...range(1, 10), ...range(8, 12)].map((n) => sent(n)),
    );
    await producer.send({ topic, messages: [{ partition: 0, value: 'not of ours' }] });
    await send(topic, 0, [sent(16), sent(20), lostMessage([{ first: 13, last: 15 }]), sent(19)]);
    const found = await verifyJson([url(topic)]);
    expect(found).toMatchObject({
      code: 1,
      verdict: 'faulty',
      events: 18,
      repeats: 3,
      totals: { arrived: 15, lost: 3, unexplained: 2, disorder: 1 },
      foreign: { count: 1 },
    });
    expect(found.streams[0]?.holes).toEqual([{ first: 17, last: 18 }]);
  });

  it('reads from a time on, and does not miss what was before', async () => {
    const topic = unique('verify.since');
    await create(topic, 1);
    const old = Date.now() - 3_600_000;
    const record = (n: number, at: number) => ({
      partition: 0,
      timestamp: String(at),
      value: sent(n).body,
      headers: Object.fromEntries(headersOf(sent(n))),
    });
    await producer.send({ topic, messages: range(1, 5).map((n) => record(n, old)) });
    await producer.send({ topic, messages: range(6, 9).map((n) => record(n, Date.now())) });
    expect(await verifyJson([url(topic), '--since', '10m'])).toMatchObject({
      code: 0,
      verdict: 'complete',
      events: 4,
      streams: [{ before: 5 }],
    });
    expect(await verifyJson([url(topic), '--since', '1m', '--over'])).toMatchObject({ code: 0, events: 4 });
  });

  it('says that a topic is empty, or not there, and which one was meant', async () => {
    const topic = unique('verify.empty');
    await create(topic, 2);
    expect(await verifyJson([url(topic)])).toMatchObject({ code: 66, verdict: 'empty' });
    const missing = await tidegate(['verify', url(`${topic}x`)]);
    expect(missing).toMatchObject({ code: 66, out: '' });
    expect(missing.err).toContain(`did you mean ${topic}?`);
  });

  it('reads a topic larger than an answer, over many fetches', async () => {
    const topic = unique('verify.large');
    await create(topic, 2);
    const pad = 'x'.repeat(40_000);
    const large = (n: number): Message => {
      const message = sent(n);
      return { ...message, body: Buffer.from(message.body.toString().replace('"host":"host"', `"host":"${pad}"`)) };
    };
    for (let n = 1; n <= 200; n += 20) await send(topic, 1, range(n, n + 19).map(large));
    expect(await verifyJson([url(topic)])).toMatchObject({ code: 0, verdict: 'complete', events: 200 });
  });
});

describeOwn('Kafka', 'verify kafka:// with a log-in', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start({ users: { reader: 'right' } });
  });
  afterAll(async () => await cluster.close());

  it('takes the right password, and says what to do about a wrong one', async () => {
    const folder = temporaryFolder();
    const files = { right: join(folder, 'right'), wrong: join(folder, 'wrong') };
    for (const [password, file] of Object.entries(files)) writeFileSync(file, `${password}\n`);
    await cluster.admin.createTopic('t', {});
    const url = `kafka://${cluster.saslBrokers.join(',')}/t`;
    const login = ['--username', 'reader', '--mechanism', 'scram-sha-256', '--password-file'];
    expect(await verifyJson([url, ...login, files.right])).toMatchObject({ code: 66, verdict: 'empty' });
    const refused = await tidegate(['verify', url, ...login, files.wrong]);
    expect(refused).toMatchObject({ code: 69, out: '' });
    expect(refused.err).toContain('--password-file');
  });
});

describeShared('RabbitMQ', 'verify amqp://', () => {
  let base = '';
  let model: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    base = (await sharedRabbitmq()).url;
    model = await connect(base);
  });
  afterAll(async () => await model.close());

  const url = (queue: string): string => {
    const at = new URL(base);
    at.searchParams.set('queue', queue);
    return at.href;
  };
  async function filled(messages: readonly Message[], type = 'classic'): Promise<string> {
    const queue = unique('verify');
    const channel = await model.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
    for (const message of messages) channel.sendToQueue(queue, message.body, propertiesOf(message));
    await channel.waitForConfirms();
    await channel.close();
    return queue;
  }
  async function count(queue: string): Promise<number> {
    const channel = await model.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    await channel.close();
    return messageCount;
  }

  it.each(['classic', 'quorum'])('reads a %s queue and leaves it as it was', async (type) => {
    const queue = await filled(
      [...range(1, 2500).map((n) => sent(n)), lostMessage([{ first: 2501, last: 2510 }]), sent(2511)],
      type,
    );
    for (let again = 0; again < 2; again++) {
      expect(await verifyJson([url(queue)])).toMatchObject({
        code: 0,
        verdict: 'explained',
        events: 2501,
        repeats: 0,
        totals: { arrived: 2501, lost: 10, disorder: 0 },
      });
    }
    await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(2502);
  });

  it('takes what it read out of the queue when it is told to', async () => {
    const queue = await filled(range(1, 1200).map((n) => sent(n)));
    expect(await verifyJson([url(queue), '--drain'])).toMatchObject({ code: 0, verdict: 'complete', events: 1200 });
    expect(await count(queue)).toBe(0);
    expect(await verifyJson([url(queue)])).toMatchObject({ code: 66, verdict: 'empty' });
  });

  it.each(['classic', 'quorum'])('reads more of a %s queue than one consumer may hold', async (type) => {
    const queue = await filled(
      range(1, 1050).map((n) => sent(n)),
      type,
    );
    const reading = await openRabbitmq({ url: base, queue }, { drain: false, window: 100 });
    const came: (string | undefined)[] = [];
    try {
      await reading.read(
        ({ seq }) => came.push(seq),
        () => {},
        new AbortController().signal,
      );
    } finally {
      await reading.close();
    }
    expect(reading.whole()).toBe(true);
    expect(came).toEqual(range(1, 1050).map((n) => `r1/0/${n}`));
    await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(1050);
  });

  it('finds what is missing and out of order', async () => {
    const queue = await filled([1, 2, 5, 4, 7].map((n) => sent(n)));
    expect(await verifyJson([url(queue)])).toMatchObject({
      code: 1,
      totals: { unexplained: 2, disorder: 1 },
      streams: [
        {
          holes: [
            { first: 3, last: 3 },
            { first: 6, last: 6 },
          ],
        },
      ],
    });
  });

  it('says that another consumer has some of it', async () => {
    const queue = await filled(range(1, 10).map((n) => sent(n)));
    const channel = await model.createChannel();
    await channel.prefetch(4);
    await channel.consume(queue, () => {});
    await expect.poll(async () => await count(queue)).toBe(6);
    const found = await verifyJson([url(queue)]);
    // It holds the first four, which are missing here.
    expect(found).toMatchObject({ code: 1, verdict: 'faulty', totals: { arrived: 6, unexplained: 4 } });
    expect(found.remarks.join(' ')).toContain('1 other consumers');
    await channel.close();
  });

  it('says that there is no such queue, or virtual host, or user', async () => {
    const missing = await tidegate(['verify', url('nothing-here')]);
    expect(missing).toMatchObject({ code: 66, out: '' });
    expect(missing.err).toContain('there is no queue nothing-here');
    const at = new URL(url('nothing-here'));
    at.pathname = '/no-such-vhost';
    expect(await tidegate(['verify', at.href])).toMatchObject({
      code: 69,
      err: expect.stringContaining('no-such-vhost') as string,
    });
    at.pathname = '';
    at.password = 'wrong';
    const refused = await tidegate(['verify', at.href]);
    expect(refused).toMatchObject({ code: 69, err: expect.stringContaining('403') as string });
    expect(refused.err).not.toContain('wrong@');
  });
});

describe('verify where nobody listens', () => {
  it.each(['kafka://127.0.0.1:1/t', 'amqp://guest:guest@127.0.0.1:1/?queue=q'])(
    '%s is said to be unreachable',
    async (source) => {
      const { code, out, err } = await tidegate(['verify', source]);
      expect({ code, out }).toEqual({ code: 69, out: '' });
      expect(err).toContain('is a broker running there');
    },
  );
});
