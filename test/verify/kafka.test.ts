/** `tidegate verify` against a real Kafka: what a sink would have sent is in a topic, and the command judges it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Message } from '../../src/broker.ts';
import type { Envelope } from '../../src/consumer/message.ts';
import { TYPES } from '../../src/kafka/codecs.ts';
import { headersOf } from '../../src/kafka/headers.ts';
import { prepare } from '../../src/kafka/kafkajs.ts';
import { openKafka } from '../../src/verify/kafka.ts';
import { describeOwn, describeShared, KafkaCluster, sharedKafka } from '../brokers/index.ts';
import { tidegate } from '../cli/process-support.ts';
import { lostMessage, sent } from '../consumer/messages.ts';
import { temporaryFolder } from '../temporary.ts';
import { range, unique, verifyJson } from './support.ts';

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

  it('does not judge what retention has taken', async () => {
    const topic = unique('verify.cut');
    await create(topic, 1);
    await send(
      topic,
      0,
      range(1, 9).map((n) => sent(n)),
    );
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    // kafkajs knows the leader only of topics that it was asked for before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '5' }] });
    await admin.disconnect();
    expect(await verifyJson([url(topic)])).toMatchObject({
      code: 0,
      verdict: 'complete',
      events: 4,
      remarks: [expect.stringContaining('retention')],
      streams: [{ before: 5 }],
    });
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

describeOwn('Kafka', 'verify kafka:// of a cluster of its own', () => {
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
    const without = await tidegate(['verify', url]);
    expect(without).toMatchObject({
      code: 69,
      out: '',
      err: expect.stringMatching(/does its listener want --tls, or --username/),
    });
  });

  /** A topic of several answers. */
  async function filled(topic: string): Promise<void> {
    await cluster.admin.createTopic(topic, {});
    const client = new kafkajs.Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING });
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    for (let n = 1; n <= 100; n += 10) {
      const messages = range(n, n + 9).map((k) => ({
        partition: 0,
        value: Buffer.alloc(90_000),
        headers: Object.fromEntries(headersOf(sent(k))),
      }));
      await producer.send({ topic, messages });
    }
    await producer.disconnect();
  }

  it('reads on when the broker was killed in the middle and comes back', async () => {
    await filled('killed');
    const reading = await openKafka({ brokers: cluster.brokers, topics: ['killed'] }, {});
    const came: (string | undefined)[] = [];
    let restarted: Promise<void> | undefined;
    const take = ({ seq }: Envelope): void => {
      came.push(seq);
      restarted ??= cluster.kill().then(async () => await cluster.restart());
    };
    await reading.read(take, () => {}, new AbortController().signal);
    await restarted;
    await reading.close();
    expect(came).toEqual(range(1, 100).map((n) => `r1/0/${n}`));
  });

  it('gives up on a broker that does not answer any more, and can be stopped while it waits', async () => {
    await filled('frozen');
    const limits = { patience: 100, timeout: 1000 };
    const open = async () => await openKafka({ brokers: cluster.brokers, topics: ['frozen'] }, limits);
    const [reading, other] = [await open(), await open()];
    const stop = new AbortController();
    let frozen = false;
    const freeze = (): void => {
      if (!frozen) cluster.freeze();
      frozen = true;
    };
    const given = reading.read(freeze, () => {}, new AbortController().signal);
    await expect(given).rejects.toMatchObject({ name: 'UsageError', exitCode: 69 });
    const stopped = other.read(freeze, () => {}, stop.signal);
    stop.abort();
    await stopped;
    cluster.thaw();
    await Promise.all([reading.close(), other.close()]);
  });
});
