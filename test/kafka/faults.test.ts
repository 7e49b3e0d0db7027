/**
 * A real Kafka that fails: what was confirmed is there, in order; what was not is told to be so within the deadline, and a call that is over
 * sends nothing more.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeOwn, KafkaCluster, Proxy } from '../brokers/index.ts';
import { Lane, numbersIn } from './lane.ts';
import { messages } from './messages.ts';
import { readTopic } from './read.ts';
import { eventually, failureOf, openSink, write } from './sink-support.ts';

/** Events of one batch, told apart by their run. */
const batchOf = (run: string, count = 50) => messages(count, { seq: undefined, type: run });

describeOwn('Kafka', 'a Kafka of its own', () => {
  let kafka: KafkaCluster;
  let proxy: Proxy;
  beforeAll(async () => {
    proxy = await Proxy.start();
    // As most clusters are set: who asks about a topic and does not say otherwise makes it.
    kafka = await KafkaCluster.start({ advertise: [proxy.port], properties: { 'auto.create.topics.enable': true } });
    proxy.forwardTo(kafka.direct[0] as string);
  });
  afterAll(async () => {
    await kafka?.close();
    await proxy?.close();
  });

  async function opened(options: object = {}): Promise<ReturnType<typeof openSink> & { topic: string }> {
    const topic = `faults-${randomUUID()}`;
    await kafka.admin.createTopic(topic);
    return { topic, ...openSink({ brokers: kafka.brokers, topic, ...options }) };
  }

  /** Runs of the batches that a topic holds, one after the other, repeats in a row left out. */
  async function runsIn(topic: string): Promise<string[]> {
    const [count = 0] = await kafka.admin.offsets(topic);
    const runs = (await readTopic(kafka.direct, topic, count)).map(({ headers }) => headers['ce_type'] as string);
    return runs.filter((run, i) => run !== runs[i - 1]);
  }

  it('killed and started again has what it had confirmed, and takes more', async () => {
    const { topic, connect } = await opened();
    const connection = await connect();
    await write(connection, batchOf('a'));
    await kafka.kill();
    expect(await failureOf(write(connection, batchOf('b'), 5000))).toMatchObject({ code: 'transient', confirmed: new Set() });
    // Absent: refused at once, not at a deadline.
    const start = performance.now();
    expect(await failureOf(connect())).toMatchObject({ code: 'transient' });
    expect(performance.now() - start).toBeLessThan(20_000);
    await kafka.restart();
    const failures = await eventually(async () => await write(await connect(), batchOf('b')));
    for (const { code } of failures) expect(code).toBe('transient');
    expect(await runsIn(topic)).toEqual(['a', 'b']);
    expect(await kafka.admin.offsets(topic)).toEqual([100]);
  });

  it('frozen for longer than the deadline fails by then, and repeats at most what was under way', async () => {
    const { topic, connect } = await opened({ request_timeout: '60s' });
    const connection = await connect();
    await write(connection, batchOf('a'));
    kafka.freeze();
    onTestFinished(() => kafka.thaw());
    const start = performance.now();
    expect(await failureOf(write(connection, batchOf('b'), 1500))).toMatchObject({ code: 'transient' });
    expect(performance.now() - start).toBeLessThan(30_000);
    // A broker that is frozen takes connections and answers nothing.
    expect(await failureOf(connect(AbortSignal.timeout(1000)))).toMatchObject({ code: 'transient' });
    kafka.thaw();
    // One that was away for so long may have to be let in again first.
    await eventually(async () => await write(await connect(), batchOf('b')));
    await write(await connect(), batchOf('c'));
    await sleep(500);
    const runs = await runsIn(topic);
    expect(runs).toEqual(['a', 'b', 'c']);
    expect((await kafka.admin.offsets(topic))[0]).toBeLessThanOrEqual(200);
  });

  it('frozen fails by itself where the request has a deadline of its own', async () => {
    const { connect } = await opened({ request_timeout: '1s' });
    const connection = await connect();
    kafka.freeze();
    onTestFinished(() => kafka.thaw());
    const failure = await failureOf(write(connection, batchOf('a'), 30_000));
    expect(failure).toMatchObject({ code: 'transient', message: expect.stringContaining('timed out') });
    kafka.thaw();
  });

  it('behind a route that is lost (half-open) fails by the deadline; then nothing of the call reaches it', async () => {
    const { topic, connect } = await opened({ request_timeout: '60s' });
    const connection = await connect();
    await write(connection, batchOf('a'));
    proxy.stall(true);
    onTestFinished(() => proxy.stall(false));
    const open = proxy.connections;
    // More than the buffers of the kernel hold, so that some of it is still here when the call is over.
    const large = messages(200, { type: 'b' }, 40_000);
    expect(await failureOf(write(connection, large, 1500))).toMatchObject({ code: 'transient' });
    expect(open).toBeGreaterThan(0);
    proxy.stall(false);
    await expect.poll(() => proxy.connections, { timeout: 10_000 }).toBe(0);
    await sleep(500);
    const before = proxy.passed('up');
    await sleep(500);
    expect(proxy.passed('up')).toBe(before);
    await write(await connect(), batchOf('c'));
    const runs = await runsIn(topic);
    expect([runs[0], runs.at(-1)]).toEqual(['a', 'c']);
  });

  it('whose connection is reset in the middle of a request has all of the batch or none', async () => {
    const { topic, connect } = await opened();
    const connection = await connect();
    await write(connection, batchOf('a'));
    proxy.cutAfter(5000, 'up');
    expect(await failureOf(write(connection, batchOf('b', 100)))).toMatchObject({ code: 'transient', confirmed: new Set() });
    expect(await kafka.admin.offsets(topic)).toEqual([50]);
    await write(await connect(), batchOf('b', 100));
    expect(await runsIn(topic)).toEqual(['a', 'b']);
    expect(await kafka.admin.offsets(topic)).toEqual([150]);
  });

  it('whose answer is lost has the batch twice, and nothing else out of order', async () => {
    const { topic, connect } = await opened();
    const connection = await connect();
    await write(connection, batchOf('a'));
    proxy.cutAfter(0, 'down');
    expect(await failureOf(write(connection, batchOf('b')))).toMatchObject({ code: 'transient' });
    await expect.poll(async () => await kafka.admin.offsets(topic)).toEqual([100]);
    await write(await connect(), batchOf('b'));
    expect(await runsIn(topic)).toEqual(['a', 'b']);
    expect(await kafka.admin.offsets(topic)).toEqual([150]);
  });

  it('slow, but not too slow, is waited for', async () => {
    const { topic, connect } = await opened();
    proxy.delay(150);
    onTestFinished(() => proxy.delay(0));
    await write(await connect(), batchOf('a'));
    expect(await kafka.admin.offsets(topic)).toEqual([50]);
  });

  it('that closes idle connections costs nothing', async () => {
    const { topic, connect } = await opened();
    const connection = await connect();
    await write(connection, batchOf('a'));
    proxy.cut();
    await sleep(200);
    await write(connection, batchOf('b'));
    expect(await kafka.admin.offsets(topic)).toEqual([100]);
  });

  it('that makes topics by itself is not made to', async () => {
    const topic = `unasked-${randomUUID()}`;
    for (const named of [topic, `${topic}.{type}`]) {
      const { connect } = openSink({ brokers: kafka.brokers, topic: named });
      const failure = await failureOf(connect().then(async (connection) => await write(connection, batchOf('a'))));
      expect(failure).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('there is no topic') });
    }
    expect((await kafka.admin.topics()).filter((name) => name.startsWith(topic))).toEqual([]);
  });

  it('whose topic is deleted says so and keeps the events to us; made anew, it takes them', async () => {
    const { topic, connect } = await opened();
    const connection = await connect();
    await write(connection, batchOf('a'));
    await kafka.admin.deleteTopic(topic);
    const failure = await failureOf(write(connection, batchOf('b')));
    expect(failure).toMatchObject({ code: 'misconfigured', confirmed: new Set() });
    expect(failure.message).toContain(`there is no topic ${topic}`);
    await kafka.admin.createTopic(topic);
    await eventually(async () => await write(await connect(), batchOf('b')));
    expect(await runsIn(topic)).toEqual(['b']);
  });

  it('closes what it has at once, without waiting for answers', async () => {
    const { connect } = await opened({ request_timeout: '60s' });
    const connection = await connect();
    kafka.freeze();
    onTestFinished(() => kafka.thaw());
    const writing = failureOf(write(connection, batchOf('a'), 60_000));
    await sleep(100);
    const start = performance.now();
    await connection.close();
    await connection.close();
    expect(await writing).toMatchObject({ code: 'transient' });
    expect(performance.now() - start).toBeLessThan(20_000);
    kafka.thaw();
    await expect.poll(() => proxy.connections).toBe(0);
  });

  it('behind a network that fails at random has all that was confirmed, in order', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const random = mulberry(seed);
    const { topic, connect, ...sink } = await opened({ request_timeout: '2s' });
    const lane = new Lane({ ...sink, connect }, 0, { batch: 30, deadline: 1500 });
    lane.start();
    for (let i = 0; i < 25; i++) {
      const faults = [
        () => proxy.cut(),
        () => proxy.cutAfter(Math.floor(random() * 20_000), random() < 0.5 ? 'up' : 'down'),
        () => proxy.stall(true, random() < 0.5 ? 'up' : 'down'),
        () => proxy.delay(Math.floor(random() * 300)),
        () => void proxy.refuse(true),
      ];
      faults[Math.floor(random() * faults.length)]?.();
      await sleep(100 + random() * 600);
      proxy.stall(false);
      proxy.delay(0);
      await proxy.refuse(false);
      await sleep(random() * 200);
    }
    // What is left of a budget would cut who reads.
    proxy.cutAfter(Number.POSITIVE_INFINITY, 'up');
    await lane.stop();
    const [records = 0] = await kafka.admin.offsets(topic);
    const [there] = await numbersIn(kafka.direct, topic, 1, records);
    expect(there, `SEED=${seed}`).toEqual(lane.confirmed);
    expect(lane.failures.length, `SEED=${seed}`).toBeGreaterThan(0);
  });

  // The last of this file, because the quota stays.
  it('that throttles is waited for, without a failure', async () => {
    const { topic, connect } = await opened({ client_id: 'throttled' });
    const quota = [
      '--alter',
      '--entity-type',
      'clients',
      '--entity-name',
      'throttled',
      '--add-config',
      'producer_byte_rate=30000',
    ];
    await kafka.tool('kafka.admin.ConfigCommand', ...kafka.admin.bootstrap, ...quota);
    const connection = await connect();
    for (let i = 0; i < 5; i++) await write(connection, messages(100, {}, 1000));
    expect(await kafka.admin.offsets(topic)).toEqual([500]);
  });
});

/** Numbers from 0 to 1, the same for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
