/** The sink against a real Kafka. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import sink from '../../sinks/kafka.ts';
import { describeShared, sharedKafka } from '../brokers/index.ts';
import type { KafkaAdmin } from '../brokers/kafka-admin.ts';
import { message, messages, TIME } from '../kafka/messages.ts';
import { hasKcat, kcat, readTopic } from '../kafka/read.ts';
import { failureOf, openSink, write } from '../kafka/sink-support.ts';

const kcatIsHere = await hasKcat();

const parse = (options: object) => sink.options.safeParse({ brokers: ['127.0.0.1:9092'], ...options });

describe('options', () => {
  it('are few where nothing is special', () => {
    expect(parse({}).data).toMatchObject({
      topic: 'telemetry',
      key: '{host}/{sensor}',
      compression: 'none',
      create_topics: false,
      connect_timeout: 5000,
      request_timeout: 20_000,
      max_request_bytes: 1_000_000,
      lanes: 1,
      spool: { mode: 'on_failure' },
    });
  });

  it.each([
    [{ brokers: [] }, /brokers/],
    [{ brokers: ['localhost'] }, /host:port/],
    [{ brokers: ['kafka://a:1'] }, /host:port/],
    [{ brokers: ['a:0'] }, /host:port/],
    [{ brokers: ['a:70000'] }, /host:port/],
    [{ brokers: ['[::1]:9092'] }, /IPv6/],
    [{ brokers: ['::1:9092'] }, /IPv6/],
    [{ topic: 'a b' }, /letters, digits/],
    [{ topic: '{typ}' }, /no variable \{typ\}/],
    [{ sasl: { username: 'a' } }, /either password or password_file/],
    [{ sasl: { username: 'a', password: 'b', password_file: 'c' } }, /either password or password_file/],
    [{ sasl: { username: 'a', password: 'b', mechanism: 'gssapi' } }, /mechanism/],
    [{ tls: { insecure: true } }, /insecure/],
    [{ compression: 'brotli' }, /compression/],
    [{ acks: 1 }, /acks/],
  ])('%j are refused: %s', (options, why) => {
    const { error } = parse(options);
    expect(JSON.stringify(error?.issues)).toMatch(why);
  });
});

describeShared('Kafka', 'a real Kafka', () => {
  let brokers: string[];
  let admin: KafkaAdmin;
  beforeAll(async () => {
    ({ brokers, admin } = await sharedKafka());
  });

  /** A topic of a test's own. */
  async function newTopic(partitions = 1, config: Record<string, string | number> = {}): Promise<string> {
    const topic = `sink-${randomUUID()}`;
    await admin.createTopic(topic, { partitions, config });
    return topic;
  }

  it('gets events in order, with their headers, keys and times', async () => {
    const topic = await newTopic(3);
    const connection = await openSink({ brokers, topic }).connect();
    const sent = [message(1), message(2, { seq: undefined, backfill: true, host: 'größe' }), ...messages(500).slice(2)];
    await write(connection, sent);
    const records = await readTopic(brokers, topic, 500);
    expect(records.map(({ value }) => value)).toEqual(sent.map(({ body }) => String(body)));
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
    expect(records[0]).toMatchObject({
      key: 'edge-7.example/disk',
      timestamp: String(TIME + 1),
      headers: {
        ce_specversion: '1.0',
        ce_id: 'edge-7/01890a5d/disk/1',
        ce_type: 'system.disk',
        ce_source: '/edge-7/disk',
        ce_time: '2025-11-23T00:02:03.457Z',
        'content-type': 'application/json',
        'tidegate-seq': '01890a5d/0/1',
      },
    });
    expect(records[1]).toMatchObject({ key: 'größe/disk', headers: { 'tidegate-backfill': 'true' } });
    expect(records[1]?.headers).not.toHaveProperty('tidegate-seq');
  });

  it('gets each lane in a partition of its own, and the same one always', async () => {
    const topic = await newTopic(4);
    const opened = openSink({ brokers, topic });
    for (let round = 0; round < 2; round++) {
      for (let lane = 0; lane < 4; lane++) await write(await opened.connect(), messages(3, { lane, seq: `r/${lane}/${round}` }));
    }
    const records = await readTopic(brokers, topic, 24);
    const of = (lane: number): number[] =>
      records.filter(({ headers }) => headers['tidegate-seq']?.startsWith(`r/${lane}/`)).map(({ partition }) => partition);
    expect(new Set([0, 1, 2, 3].flatMap((lane) => [...new Set(of(lane))]))).toEqual(new Set([0, 1, 2, 3]));
    for (let lane = 0; lane < 4; lane++) expect(new Set(of(lane)).size).toBe(1);
  });

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('gets %s, which kafkajs can read', async (compression) => {
    const topic = await newTopic();
    const sent = messages(200, {}, 300);
    await write(await openSink({ brokers, topic, compression }).connect(), sent);
    const records = await readTopic(brokers, topic, 200);
    expect(records.map(({ value }) => value)).toEqual(sent.map(({ body }) => String(body)));
  });

  it.skipIf(!kcatIsHere).each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    `gets %s, which librdkafka can read${kcatIsHere ? '' : ' (skipped: kcat is not installed)'}`,
    async (compression) => {
      const topic = await newTopic();
      const sent = messages(200, {}, 300);
      await write(await openSink({ brokers, topic, compression }).connect(), sent);
      const lines = (await kcat(brokers, topic)).map((line) => line.split('\t'));
      expect(lines.map(([, , , value]) => value)).toEqual(sent.map(({ body }) => String(body)));
      expect(lines[0]?.[2]).toContain('ce_id=edge-7/01890a5d/disk/1');
    },
  );

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'unpacks %s itself where a topic is kept otherwise',
    async (compression) => {
      // A broker that recompresses must read every byte of what it got.
      const topic = await newTopic(1, { 'compression.type': 'uncompressed' });
      await write(await openSink({ brokers, topic, compression }).connect(), messages(50, {}, 300));
      expect(await readTopic(brokers, topic, 50)).toHaveLength(50);
    },
  );

  it('gets each type in a topic of its own', async () => {
    const prefix = randomUUID();
    for (const type of ['a', 'b']) await admin.createTopic(`${prefix}.${type}`);
    const batch = [message(1, { type: 'a' }), message(2, { type: 'b' }), message(3, { type: 'a' })];
    await write(await openSink({ brokers, topic: `${prefix}.{type}` }).connect(), batch);
    expect((await readTopic(brokers, `${prefix}.a`, 2)).map(({ headers }) => headers['ce_id']?.slice(-1))).toEqual(['1', '3']);
    expect((await readTopic(brokers, `${prefix}.b`, 1)).map(({ headers }) => headers['ce_id']?.slice(-1))).toEqual(['2']);
  });

  it('has no such topic: said when it connects, with what to do', async () => {
    const failure = await failureOf(openSink({ brokers, topic: 'nowhere' }).connect());
    expect(failure).toMatchObject({ code: 'misconfigured' });
    expect(failure.message).toContain('there is no topic nowhere: create it, or set create_topics: true');
    expect(failure.message).toMatch(/^cannot connect to Kafka/);
    // And it was not made by asking.
    expect(await failureOf(openSink({ brokers, topic: 'nowhere' }).connect())).toMatchObject({ code: 'misconfigured' });
  });

  it('gets the topics that it lacks, when that is asked for', async () => {
    const topic = `made-${randomUUID()}`;
    const fixed = openSink({ brokers, topic, create_topics: true, partitions: 5, replication_factor: 1 });
    await Promise.all([fixed.connect(), fixed.connect()]);
    expect(await admin.leaders(topic)).toHaveLength(5);
    const byType = openSink({ brokers, topic: `${topic}.{type}`, create_topics: true });
    await write(await byType.connect(), [message(1, { type: 'x' }), message(2, { type: 'y' })]);
    // As many partitions as the broker gives by itself.
    expect(await admin.leaders(`${topic}.x`)).toHaveLength(1);
    expect(await admin.offsets(`${topic}.y`)).toEqual([1]);
  });

  it('cannot make a topic with more copies than it has nodes', async () => {
    const opened = openSink({ brokers, topic: `made-${randomUUID()}`, create_topics: true, replication_factor: 99 });
    const failure = await failureOf(opened.connect());
    expect(failure).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('replication_factor') });
  });

  it('refuses what is too large: cut in half, and the one that is too large alone is named', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': 50_000 });
    const connection = await openSink({ brokers, topic }).connect();
    await write(connection, messages(200, {}, 1000));
    expect(await admin.offsets(topic)).toEqual([200]);
    const failure = await failureOf(write(connection, [message(1), message(2, {}, 60_000), message(3)]));
    expect(failure).toMatchObject({ code: 'rejected', confirmed: new Set([0, 2]) });
    expect(failure.message).toContain('max.message.bytes');
    expect(await admin.offsets(topic)).toEqual([202]);
    await write(connection, messages(1));
  });

  it('refuses a request larger than its limit of requests by none of ours: max_request_bytes is below it', async () => {
    const topic = await newTopic();
    const connection = await openSink({ brokers, topic }).connect();
    await write(connection, messages(3000, {}, 1000));
    expect(await admin.offsets(topic)).toEqual([3000]);
  });

  it('refuses a clock that is wrong by hours, and gets the events without a timestamp', async () => {
    const topic = await newTopic();
    const opened = openSink({ brokers, topic });
    const future = Date.now() + 7 * 86_400_000;
    const connection = await opened.connect();
    await write(connection, messages(2, { time: future }));
    await write(connection, messages(2, { time: future }));
    const records = await readTopic(brokers, topic, 4);
    expect(records.map(({ timestamp }) => timestamp)).toEqual(['-1', '-1', '-1', '-1']);
    expect(records[0]?.headers['ce_time']).toBe(new Date(future).toISOString());
    expect(opened.warnings).toHaveLength(1);
  });

  it('refuses records without a key in a compacted topic: the events are set aside, not repeated for ever', async () => {
    const topic = await newTopic(1, { 'cleanup.policy': 'compact' });
    const failure = await failureOf(write(await openSink({ brokers, topic, key: '' }).connect(), messages(1)));
    expect(failure).toMatchObject({ code: 'rejected', message: expect.stringContaining('wants a key') });
    await write(await openSink({ brokers, topic }).connect(), messages(1));
  });
});
