/** The way of a kafkajs that is not repaired, which another version of it would take: slower, and otherwise the same. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type KafkaClient, openClient } from '../../src/kafka/client.ts';
import { clientOptions } from '../../src/kafka/options.ts';
import { checkAnswer, PartitionProducer } from '../../src/kafka/produce.ts';
import { decodeBatch, FakeBroker } from './fake-broker.ts';
import { message, messages } from './messages.ts';

let fake: FakeBroker;
beforeEach(async () => {
  fake = await FakeBroker.start();
  fake.topics.set('telemetry', [1, 1, 1]);
});
afterEach(async () => await fake.close());

async function producerOf(plain: boolean): Promise<PartitionProducer> {
  const client: KafkaClient = await openClient(clientOptions.parse({ brokers: fake.addresses }), { warn: () => {} });
  onTestFinished(() => client.close(new Error('over')));
  const producer = new PartitionProducer(client.kafka, {
    agent: 'edge-7',
    key: ({ host }) => host,
    compression: 'gzip',
    requestTimeout: 5000,
    plain,
  });
  await producer.connect();
  return producer;
}

describe('without repairs', () => {
  it('the same records go to the same partition', async () => {
    const sent = [message(1, { lane: 2 }), message(2, { lane: 2, seq: undefined, backfill: true })];
    for (const plain of [false, true]) await (await producerOf(plain)).send('telemetry', sent, true);
    const [ours, theirs] = fake.produced;
    expect(theirs?.partition).toBe(ours?.partition);
    const plain = async (batch: Buffer | undefined) =>
      (await decodeBatch(batch as Buffer)).records.map(({ key, value, timestamp, headers }) => [
        String(key),
        String(value),
        timestamp,
        Object.entries(headers).map(([name, content]) => [name, String(content)]),
      ]);
    expect(await plain(theirs?.batch)).toEqual(await plain(ours?.batch));
  });

  it('a request holds no more than what can be grouped at once', async () => {
    const many = messages(1200);
    const { to } = (await producerOf(true)).fitting(many, 0, 1e9);
    expect(to).toBe(500);
    expect((await producerOf(false)).fitting(many, 0, 1e9).to).toBe(1200);
  });

  it('a body that is no Buffer is refused too', async () => {
    const wrong = [message(1, { body: new Uint8Array([1, 2, 3]) as Buffer })];
    for (const plain of [false, true]) {
      await expect((await producerOf(plain)).send('telemetry', wrong, true)).rejects.toMatchObject({ code: 'rejected' });
    }
    expect(fake.produced).toHaveLength(0);
  });
});

describe('an answer', () => {
  const part = { topicName: 't', partition: 1, errorCode: 0 };

  it('must be about the topic and the partition, without an error', () => {
    expect(() => checkAnswer([part], 't', 1)).not.toThrow();
    expect(() => checkAnswer([{ ...part, partition: 0 }, part], 't', 1)).not.toThrow();
    for (const answer of [[], [{ ...part, topicName: 'u' }], [{ ...part, partition: 2 }]]) {
      expect(() => checkAnswer(answer, 't', 1)).toThrow(/nothing about partition 1 of t/);
    }
    expect(() => checkAnswer([{ ...part, errorCode: 7 }], 't', 1)).toThrow(/error 7/);
  });
});

describe('a request', () => {
  it('holds at least one message, and then as many as fit', async () => {
    const producer = await producerOf(false);
    const sent = [message(1, {}, 5000), message(2, {}, 100), message(3, {}, 100), message(4, {}, 5000)];
    expect(producer.fitting(sent, 0, 2000).to).toBe(1);
    expect(producer.fitting(sent, 1, 2000)).toMatchObject({ to: 3, bytes: expect.any(Number) });
    expect(producer.fitting(sent, 1, 2000).bytes).toBeLessThanOrEqual(2000);
    expect(producer.fitting(sent, 0, 1e6).to).toBe(4);
  });
});
