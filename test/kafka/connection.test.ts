/** What a connection does with what a broker answers; the broker is a fake one, because real ones do not answer like this when asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeBatch, FakeBroker, type Produced } from './fake-broker.ts';
import { message, messages } from './messages.ts';
import { failureOf, openSink, write } from './sink-support.ts';

let fake: FakeBroker;
beforeEach(async () => {
  fake = await FakeBroker.start(2);
  fake.topics.set('telemetry', [1, 2, 1, 2]);
});
afterEach(async () => await fake.close());

const open = (options: object = {}) => openSink({ brokers: fake.addresses.slice(0, 1), ...options });
const bodies = async (produced: readonly Produced[]): Promise<string[]> =>
  (
    await Promise.all(produced.map(async ({ batch }) => (await decodeBatch(batch)).records.map(({ value }) => String(value))))
  ).flat();

describe('an answer', () => {
  it('counts when it names the partition', async () => {
    const connection = await open().connect();
    await write(connection, messages(10));
    expect(fake.produced).toHaveLength(1);
    expect(await bodies(fake.produced)).toEqual(messages(10).map(({ body }) => String(body)));
  });

  it.each([
    ['about another partition', { partition: 99 }],
    ['about nothing', 'empty'],
  ] as const)('%s is a failure: kafkajs resolves, and nothing may be there (tulios/kafkajs#1303)', async (_, answer) => {
    const connection = await open().connect();
    fake.produce = () => answer;
    const failure = await failureOf(write(connection, messages(3)));
    expect(failure).toMatchObject({ code: 'transient', confirmed: new Set() });
    expect(failure.message).toMatch(/answered with nothing about partition \d of telemetry/);
  });

  it('that does not come is a failure at the deadline, and then nothing reaches the broker any more', async () => {
    const connection = await open({ request_timeout: '20s' }).connect();
    fake.produce = () => 'silence';
    const failure = await failureOf(write(connection, messages(3), 200));
    expect(failure.code).toBe('transient');
    await expect.poll(() => fake.sockets.size).toBe(0);
    const before = { ...fake.requests };
    fake.produce = () => ({});
    await sleep(700);
    expect(fake.requests).toEqual(before);
    expect(await failureOf(write(connection, messages(1)))).toMatchObject({
      code: 'transient',
      message: expect.stringMatching(/closed/),
    });
  });
});

it('waits for all replicas in sync, and longer than the broker does: its answer, and not silence, says what became of a batch', async () => {
  const connection = await open({ request_timeout: '20s' }).connect();
  await write(connection, messages(1));
  expect(fake.produced[0]).toMatchObject({ acks: -1, timeout: 18_000 });
});

describe('a leader that has moved', () => {
  it('is found, without a new connection and without a loss', async () => {
    fake.topics.set('telemetry', [1]);
    const connection = await open().connect();
    await write(connection, messages(2));
    fake.topics.set('telemetry', [2]);
    fake.produce = ({ node }) => (node === 1 ? { error: 6 } : {});
    await write(connection, messages(5));
    expect(fake.produced.map(({ node }) => node)).toEqual([1, 2]);
    expect(await bodies(fake.produced)).toHaveLength(7);
  });

  it('is given up on after a few attempts, and before the deadline', async () => {
    const connection = await open().connect();
    fake.produce = () => ({ error: 6 });
    expect(await failureOf(write(connection, messages(2)))).toMatchObject({ code: 'transient' });
    expect(fake.requests.produce).toBe(4);
  });
});

describe('a partition without a leader', () => {
  /** The partition of lane 0, of four. */
  const own = async (): Promise<number> => {
    await write(await open().connect(), messages(1));
    return fake.produced[0]?.partition as number;
  };

  it('is no matter for those of others', async () => {
    const partition = await own();
    fake.topics.set('telemetry', [-1, -1, -1, -1].with(partition, 1));
    await write(await open().connect(), messages(1));
    expect(fake.produced).toHaveLength(2);
  });

  it('fails its own lane for now, and is waited for a little', async () => {
    const partition = await own();
    fake.topics.set('telemetry', [1, 1, 1, 1].with(partition, -1));
    const connection = await open().connect();
    expect(await failureOf(write(connection, messages(1)))).toMatchObject({ code: 'transient', confirmed: new Set() });
    const writing = write(await open().connect(), messages(2));
    setTimeout(() => fake.topics.set('telemetry', [1, 1, 1, 1]), 200);
    await writing;
    expect(fake.produced).toHaveLength(2);
  });

  it('where there is no other, is said when the connection is made', async () => {
    fake.topics.set('telemetry', [-1]);
    expect(await failureOf(open().connect())).toMatchObject({ code: 'transient', message: expect.stringContaining('leader') });
  });
});

describe('what a broker refuses', () => {
  it('as too large is cut in half until it fits, and the connection remembers', async () => {
    const connection = await open().connect();
    fake.produce = ({ batch }) => (batch.length > 20_000 ? { error: 10 } : {});
    await write(connection, messages(100, {}, 1000));
    expect(await bodies(fake.produced)).toEqual(messages(100, {}, 1000).map(({ body }) => String(body)));
    const refused = fake.requests.produce - fake.produced.length;
    expect(refused).toBeLessThan(6);
    await write(connection, messages(100, {}, 1000));
    expect(fake.requests.produce - fake.produced.length).toBe(refused);
  });

  it('as too large alone is left out and named, and the rest is confirmed', async () => {
    const connection = await open().connect();
    fake.produce = ({ batch }) => (batch.length > 20_000 ? { error: 18 } : {});
    const batch = [message(1), message(2), message(3, {}, 30_000), message(4)];
    const failure = await failureOf(write(connection, batch));
    expect(failure).toMatchObject({ code: 'rejected', confirmed: new Set([0, 1, 3]) });
    expect(failure.message).toContain('edge-7/01890a5d/disk/3');
    expect(await bodies(fake.produced)).toEqual([batch[0], batch[1], batch[3]].map((each) => String(each?.body)));
  });

  it('for its time is sent without a timestamp, said once', async () => {
    const sink = open();
    const connection = await sink.connect();
    const stamps: string[] = [];
    fake.produce = ({ batch }) => {
      stamps.push(batch.readBigInt64BE(35).toString());
      return stamps.at(-1) === '-1' ? {} : { error: 32 };
    };
    await write(connection, messages(2));
    await write(connection, messages(2));
    const { records } = await decodeBatch(fake.produced[0]?.batch as Buffer);
    expect(records.map(({ headers, timestamp }) => [String(headers['ce_time']), timestamp])).toEqual([
      ['2025-11-23T00:02:03.457Z', '-1'],
      ['2025-11-23T00:02:03.458Z', '-1'],
    ]);
    expect(stamps.filter((stamp) => stamp !== '-1')).toHaveLength(1);
    expect(sink.warnings).toHaveLength(1);
    expect(sink.warnings[0]).toMatch(/clock/);
  });

  it('as broken is sent again, but not for ever', async () => {
    const sink = open();
    fake.produce = () => ({ error: 2 });
    const codes: string[] = [];
    for (let i = 0; i < 3; i++) codes.push((await failureOf(write(await sink.connect(), messages(1)))).code);
    expect(codes).toEqual(['transient', 'transient', 'rejected']);
  });

  it('because the topic is gone is kept for the operator, who is told what to do', async () => {
    const connection = await open().connect();
    fake.topics.delete('telemetry');
    fake.produce = () => ({ error: 3 });
    const failure = await failureOf(write(connection, messages(1)));
    expect(failure).toMatchObject({
      code: 'misconfigured',
      message: expect.stringMatching(/create it, or set create_topics: true/),
    });
  });
});

describe('several topics', () => {
  const mixed = [
    message(1, { type: 'a' }),
    message(2, { type: 'b' }),
    message(3, { type: 'a' }),
    message(4, { type: 'c' }),
    message(5, { type: 'b' }),
  ];

  it('get what is theirs, in order', async () => {
    for (const name of ['t.a', 't.b', 't.c']) fake.topics.set(name, [1]);
    await write(await open({ topic: 't.{type}' }).connect(), mixed);
    const got = await Promise.all(fake.produced.map(async (each) => [each.topic, await bodies([each])]));
    const of = (...ns: number[]): string[] => ns.map((n) => String(message(n).body));
    expect(got).toEqual([
      ['t.a', of(1, 3)],
      ['t.b', of(2, 5)],
      ['t.c', of(4)],
    ]);
  });

  it('are told apart where one is not there: the others are confirmed', async () => {
    for (const name of ['t.a', 't.c']) fake.topics.set(name, [1]);
    const failure = await failureOf(write(await open({ topic: 't.{type}' }).connect(), mixed));
    expect(failure).toMatchObject({ code: 'misconfigured', confirmed: new Set([0, 2, 3]) });
    expect(failure.message).toContain('there is no topic t.b');
  });

  it('stop at the one where the connection is lost', async () => {
    for (const name of ['t.a', 't.b', 't.c']) fake.topics.set(name, [1]);
    fake.produce = ({ topic }) => (topic === 't.b' ? 'reset' : {});
    const failure = await failureOf(write(await open({ topic: 't.{type}' }).connect(), mixed));
    expect(failure).toMatchObject({ code: 'transient', confirmed: new Set([0, 2]) });
    expect(fake.produced.map(({ topic }) => topic)).toEqual(['t.a']);
  });

  it('of which one is deleted are not blamed for it (kafkajs asks about all of them together)', async () => {
    for (const name of ['t.a', 't.b']) fake.topics.set(name, [1]);
    const [a, b] = [[message(1, { type: 'a' })], [message(2, { type: 'b' })]];
    const sink = open({ topic: 't.{type}' });
    const connection = await sink.connect();
    await write(connection, [...a, ...b]);
    fake.topics.delete('t.a');
    // It asks anew, and the answer is that there is no t.a.
    fake.produce = () => ({ error: 6 });
    expect(await failureOf(write(connection, b))).toMatchObject({ code: 'transient', confirmed: new Set() });
    fake.produce = () => ({});
    const next = await sink.connect();
    await write(next, b);
    const failure = await failureOf(write(next, [...a, ...b]));
    expect(failure).toMatchObject({ code: 'misconfigured', confirmed: new Set([1]) });
    expect(failure.message).toContain('there is no topic t.a');
  });

  it('that cannot be topics are rejected, and the others are confirmed', async () => {
    fake.topics.set('t.a', [1]);
    const batch = [message(1, { type: 'a' }), message(2, { type: 'not a topic' })];
    const failure = await failureOf(write(await open({ topic: 't.{type}' }).connect(), batch));
    expect(failure).toMatchObject({ code: 'rejected', confirmed: new Set([0]) });
  });
});

describe('brokers', () => {
  it('are asked in turn: the first may be the one that is dead', async () => {
    const [alive] = fake.addresses as [string];
    const sink = openSink({ brokers: ['127.0.0.1:1', alive] });
    await write(await sink.connect(), messages(1));
    await write(await sink.connect(), messages(1));
    expect(fake.produced).toHaveLength(2);
  });

  it('that close idle connections cost nothing', async () => {
    const connection = await open().connect();
    await write(connection, messages(1));
    for (const socket of fake.sockets) socket.end();
    await expect.poll(() => fake.sockets.size).toBe(0);
    await write(connection, messages(1));
    expect(fake.produced).toHaveLength(2);
  });
});

describe('a lane', () => {
  it('that gets no answer holds up no other: each has sockets of its own', async () => {
    fake.topics.set('telemetry', [1, 1, 1, 1]);
    const sink = open();
    const [hung, other] = [await sink.connect(), await sink.connect()];
    const lane = async (n: number): Promise<number> => {
      await write(other, messages(1, { lane: n }));
      return fake.produced.at(-1)?.partition as number;
    };
    const partition = await lane(0);
    fake.produce = (request) => (request.partition === partition ? 'silence' : {});
    const hanging = failureOf(write(hung, messages(1, { lane: 0 }), 1500));
    for (let i = 0; i < 20; i++) await lane(1);
    expect(fake.produced).toHaveLength(21);
    expect(await hanging).toMatchObject({ code: 'transient' });
    await lane(1);
  });
});

describe('connections that are over', () => {
  it('leave no socket and no timer behind, however they ended', async () => {
    const left = (): string[] => process.getActiveResourcesInfo().filter((kind) => /TCPSocketWrap|Timeout/.test(kind));
    await sleep(1200);
    const before = left();
    const [sink, dead] = [open(), openSink({ brokers: ['127.0.0.1:1', '127.0.0.1:2'] })];
    for (let i = 0; i < 30; i++) {
      fake.produce = () => (i % 3 === 0 ? 'silence' : i % 3 === 1 ? 'reset' : {});
      const connection = await sink.connect();
      await write(connection, messages(2), 20).catch(() => {});
      await connection.close();
      await dead.connect(AbortSignal.timeout(i % 2 ? 5 : 5000)).catch(() => {});
    }
    // Not by poll, which has timers of its own.
    for (let i = 0; i < 100 && left().length > before.length; i++) await sleep(50);
    expect(left()).toEqual(before);
  });
});
