/** That the tests' Kafka is a real one, and fails as a real one does. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Kafka, type KafkaConfig, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOwn, describeShared, KafkaCluster, Proxy, sharedKafka } from './index.ts';

function clientOf(brokers: readonly string[], options: Partial<KafkaConfig> = {}): Kafka {
  const patience = { connectionTimeout: 5000, requestTimeout: 2000, retry: { retries: 0 } };
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, ...patience, ...options });
}

/** Sends one record to partition 0, and resolves when the broker has it. */
async function send(client: Kafka, topic: string, value: string): Promise<void> {
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  try {
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ partition: 0, value: Buffer.from(value) }] });
  } finally {
    await producer.disconnect();
  }
}

/** Reads a topic from its beginning until it has this many records. */
async function read(client: Kafka, topic: string, count: number): Promise<string[]> {
  const values: string[] = [];
  const consumer = client.consumer({ groupId: randomUUID() });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    // One that starts again by itself has not failed: the coordinator of a new broker is loading at first.
    consumer.on('consumer.crash', ({ payload }) => (payload.restart ? undefined : reject(payload.error)));
    await consumer.run({
      eachMessage: async ({ message }) => {
        if (values.push(String(message.value)) >= count) resolve();
        await Promise.resolve();
      },
    });
    await promise;
  } finally {
    await consumer.disconnect();
  }
  return values;
}

describeShared('Kafka', 'the shared Kafka', () => {
  it('takes records, and gives them back in order', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = `records-${randomUUID()}`;
    await admin.createTopic(topic);
    const client = clientOf(brokers, { requestTimeout: 30_000, retry: { retries: 5 } });
    await send(client, topic, 'a');
    await send(client, topic, 'b');
    expect(await read(client, topic, 2)).toEqual(['a', 'b']);
    expect(await admin.offsets(topic)).toEqual([2]);
    await admin.deleteTopic(topic);
    await expect(send(client, topic, 'c')).rejects.toThrow(/does not host this topic-partition/);
  });
});

describeOwn('Kafka', 'a Kafka behind a proxy', () => {
  let kafka: KafkaCluster;
  let proxy: Proxy;
  let client: Kafka;

  beforeAll(async () => {
    proxy = await Proxy.start();
    kafka = await KafkaCluster.start({ advertise: [proxy.port], properties: { 'message.max.bytes': 2000 } });
    proxy.forwardTo(kafka.direct[0] as string);
    client = clientOf(kafka.brokers);
    await kafka.admin.createTopic('t');
  });
  afterAll(async () => {
    await kafka?.close();
    await proxy?.close();
  });

  it('is reached through the proxy alone, and has the properties that were asked for', async () => {
    const before = proxy.passed('up');
    await send(client, 't', 'a');
    expect(proxy.passed('up')).toBeGreaterThan(before);
    await expect(send(client, 't', 'x'.repeat(3000))).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' });
  });

  it('does not answer while it is frozen, and goes on when it is thawed', async () => {
    kafka.freeze();
    await expect(send(client, 't', 'frozen')).rejects.toThrow(/timed out|timeout/i);
    kafka.thaw();
    await expect.poll(async () => await send(client, 't', 'thawed').then(() => true, String), { timeout: 30_000 }).toBe(true);
  });

  it('has after a kill what it had confirmed before', async () => {
    const [before = 0] = await kafka.admin.offsets('t');
    await send(client, 't', 'kept');
    await kafka.kill();
    await expect(send(client, 't', 'lost')).rejects.toThrow(/connect|closed/i);
    await kafka.restart();
    expect((await kafka.admin.offsets('t'))[0]).toBeGreaterThan(before);
    await expect.poll(async () => await send(client, 't', 'after').then(() => true, String), { timeout: 30_000 }).toBe(true);
  });

  it('takes a batch whose answer is lost in the proxy', async () => {
    const [before = 0] = await kafka.admin.offsets('t');
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: 't', messages: [{ partition: 0, value: 'connected' }] });
    proxy.stall(true, 'down');
    await expect(producer.send({ topic: 't', messages: [{ partition: 0, value: 'taken' }] })).rejects.toThrow(/timed out/);
    expect(await kafka.admin.offsets('t')).toEqual([before + 2]);
    proxy.stall(false);
    await producer.disconnect();
  });
});

describeOwn('Kafka', 'a Kafka with users and TLS', () => {
  let kafka: KafkaCluster;

  beforeAll(async () => {
    kafka = await KafkaCluster.start({ users: { tide: 'gate' }, tls: 'required' });
    await kafka.admin.createTopic('t');
  });
  afterAll(async () => await kafka?.close());

  const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
  const sasl = (mechanism: (typeof mechanisms)[number], password: string): KafkaConfig['sasl'] =>
    ({ mechanism, username: 'tide', password }) as KafkaConfig['sasl'];

  it.each(mechanisms)('lets a user in by %s, with the right password only', async (mechanism) => {
    await send(clientOf(kafka.saslBrokers, { sasl: sasl(mechanism, 'gate') as never }), 't', mechanism);
    const wrong = clientOf(kafka.saslBrokers, { sasl: sasl(mechanism, 'wrong') as never });
    await expect(send(wrong, 't', mechanism)).rejects.toThrow(/authentication/i);
  });

  it('changes a password of SCRAM', async () => {
    await kafka.setPassword('tide', 'turned');
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const) {
      await send(clientOf(kafka.saslBrokers, { sasl: sasl(mechanism, 'turned') as never }), 't', mechanism);
    }
  });

  it('asks for a certificate of its authority, and is known by one', async () => {
    const { ca, issue } = { ca: readFileSync(kafka.authority?.ca as string), issue: await kafka.authority?.issue('tide') };
    const [cert, key] = [issue?.cert as string, issue?.key as string].map((file) => readFileSync(file)) as [Buffer, Buffer];
    await send(clientOf(kafka.tlsBrokers, { ssl: { ca: [ca], cert, key } }), 't', 'with');
    await send(
      clientOf(kafka.saslTlsBrokers, { ssl: { ca: [ca], cert, key }, sasl: sasl('plain', 'gate') as never }),
      't',
      'both',
    );
    await expect(send(clientOf(kafka.tlsBrokers, { ssl: { ca: [ca] } }), 't', 'without')).rejects.toThrow(
      /certificate|closed|ECONNRESET|EPIPE/i,
    );
    await expect(send(clientOf(kafka.tlsBrokers, { ssl: { cert, key } }), 't', 'unknown')).rejects.toThrow(/certificate/);
  });
});

describeOwn('Kafka', 'a Kafka of three nodes', () => {
  let kafka: KafkaCluster;

  beforeAll(async () => {
    kafka = await KafkaCluster.start({ nodes: 3 });
    await kafka.admin.createTopic('t', { partitions: 1, replication: 3, config: { 'min.insync.replicas': 2 } });
  });
  afterAll(async () => await kafka?.close());

  it('moves a leader where it is told, and away from a node that was killed, losing nothing', async () => {
    const { admin } = kafka;
    const client = clientOf(kafka.brokers, { requestTimeout: 30_000, retry: { retries: 20, maxRetryTime: 1000 } });
    const [leader = 0] = await admin.leaders('t');
    const next = (leader % 3) + 1;
    await send(client, 't', 'a');
    await admin.moveLeader('t', 0, next);
    expect(await admin.leaders('t')).toEqual([next]);
    await send(client, 't', 'b');
    await kafka.kill(next);
    await expect.poll(async () => (await admin.leaders('t').catch(() => [next]))[0], { timeout: 60_000 }).not.toBe(next);
    await send(client, 't', 'c');
    await kafka.restart(next);
    expect(await admin.nodes()).toHaveLength(3);
    expect(await admin.offsets('t')).toEqual([3]);
  });
});
