/** The sink `rabbitmq` while the network fails between it and a broker that works; and how its lanes share connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { describeShared, Proxy, sharedRabbitmq } from '../brokers/index.ts';
import {
  adminOf,
  deliver,
  failureOf,
  freshName,
  idsIn,
  idsOf,
  messageOf,
  messagesOf,
  openSink,
  optionsFor,
  patience,
  socketsTo,
  withoutRepeats,
} from './support.ts';

const HOPELESS_MS = 500;
const ENOUGH_MS = 20_000;
/** Less than the 10 s after which a broker ends a connection that does not log in. */
const SOON_MS = 5000;
const KIB = Buffer.alloc(1024, 'x');
/** More than the kernel's buffers and the proxy's hold between the sink and the broker. */
const MUCH = messagesOf(400, 0, { body: Buffer.alloc(100_000, 'y') });

describeShared('RabbitMQ', 'rabbitmq, when the network fails', () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await sharedRabbitmq());
  });

  async function behindProxy(options: Record<string, unknown> = {}, clock = systemClock, queueArguments = {}) {
    const { channel } = await adminOf(url);
    const queue = freshName('queue');
    await channel.assertQueue(queue, { durable: true, arguments: queueArguments });
    const [target] = optionsFor(url)['hosts'] as string[];
    const proxy = await Proxy.start(target);
    onTestFinished(async () => {
      await proxy.close();
      await channel.deleteQueue(queue);
    });
    const opened = openSink({ ...optionsFor(url), hosts: [proxy.address], queue_name: queue, ...options }, clock);
    return { channel, queue, proxy, opened };
  }

  it('reset in the middle of a batch: nothing is lost, and order holds', async () => {
    const { channel, queue, proxy, opened } = await behindProxy();
    const batch = messagesOf(3000, 0, { body: KIB });
    proxy.cutAfter(300_000, 'up');
    const failures = await deliver(opened, batch, ENOUGH_MS);
    expect(proxy.cuts).toBe(1);
    expect(failures.map(({ code }) => code)).toEqual(['transient']);
    expect(withoutRepeats(await idsIn(channel, queue))).toEqual(idsOf(batch));
  });

  it('reset while confirms come back: what was confirmed is not sent again', async () => {
    const { channel, queue, proxy, opened } = await behindProxy({ window: 10 });
    const batch = messagesOf(500);
    const connection = await opened.connect();
    proxy.cutAfter(1000, 'down');
    const failure = await failureOf(connection.write(batch, patience()));
    const confirmed = failure.confirmed ?? new Set();
    expect(confirmed.size).toBeGreaterThan(0);
    await connection.close();
    await deliver(
      opened,
      batch.filter((_, i) => !confirmed.has(i)),
      ENOUGH_MS,
    );
    const ids = await idsIn(channel, queue);
    expect(withoutRepeats(ids)).toEqual(idsOf(batch));
    for (const index of confirmed) expect(ids.filter((id) => id === batch[index]?.id)).toHaveLength(1);
  });

  it('half-open, nothing is read: a call that is given up takes its bytes with it', async () => {
    const { channel, queue, proxy, opened } = await behindProxy({ window_bytes: '64MiB' });
    const connection = await opened.connect();
    await connection.write([messageOf(5000)], patience());
    proxy.stall(true);
    const late = await failureOf(connection.write(MUCH, AbortSignal.timeout(HOPELESS_MS)));
    expect(late).toMatchObject({ code: 'transient', message: expect.stringContaining('did not confirm in time') });
    await connection.close();
    proxy.stall(false);
    await deliver(opened, [messageOf(6000)], ENOUGH_MS);
    await expect.poll(() => proxy.connections, { timeout: ENOUGH_MS }).toBe(1);
    const ids = await idsIn(channel, queue);
    // What the network held may have arrived, before what comes after; what this process and the kernel held has not.
    expect(ids.at(0)).toBe(messageOf(5000).id);
    expect(ids.at(-1)).toBe(messageOf(6000).id);
    expect(ids.length).toBeLessThan(MUCH.length / 2);
  });

  it('half-open, lanes on the same connection fail at once when one of them gives up, and all go on over a new one', async () => {
    const { channel, queue, proxy, opened } = await behindProxy();
    const [a, b] = [await opened.connect(), await opened.connect()];
    proxy.stall(true);
    const other = failureOf(b.write(MUCH.slice(200), patience()));
    await failureOf(a.write(MUCH.slice(0, 200), AbortSignal.timeout(HOPELESS_MS)));
    expect((await other).code).toBe('transient');
    await Promise.all([a.close(), b.close()]);
    expect((await failureOf(opened.connect(AbortSignal.timeout(HOPELESS_MS)))).code).toBe('transient');
    proxy.stall(false);
    await deliver(opened, messagesOf(20), ENOUGH_MS);
    expect((await idsIn(channel, queue)).slice(-20)).toEqual(idsOf(messagesOf(20)));
  });

  it('answers held back: a lane that gives up leaves the connection to the others', async () => {
    // Here time stands still: the sink waits for the broker's word as long as it takes.
    const { channel, queue, proxy, opened } = await behindProxy({ heartbeat: '600s' }, { ...systemClock, after: () => () => {} });
    const [a, b] = [await opened.connect(), await opened.connect()];
    proxy.stall(true, 'down');
    const [ours, theirs] = [messagesOf(30), messagesOf(30, 100, { lane: 1 })];
    const other = b.write(theirs, patience());
    const deadline = new AbortController();
    const given = failureOf(a.write(ours, deadline.signal));
    const there = async (): Promise<number> => (await channel.checkQueue(queue)).messageCount;
    await expect.poll(there, { timeout: ENOUGH_MS }).toBe(60);
    const sent = proxy.passed('up');
    deadline.abort(new Error('late'));
    expect((await given).confirmed).toEqual(new Set());
    await a.close();
    await expect.poll(() => proxy.passed('up'), { timeout: ENOUGH_MS }).toBeGreaterThan(sent);
    // The next channel waits until the broker is done with the one that was given up, so that order holds: nothing is sent for it yet.
    const closing = proxy.passed('up');
    const next = opened.connect();
    await sleep(100);
    expect(proxy.passed('up')).toBe(closing);
    proxy.stall(false, 'down');
    await other;
    await (await next).write(ours, patience());
    expect(proxy.accepted).toBe(1);
    const ids = withoutRepeats(await idsIn(channel, queue));
    expect(ids.filter((id) => idsOf(theirs).includes(id))).toEqual(idsOf(theirs));
    expect(ids.filter((id) => idsOf(ours).includes(id))).toEqual(idsOf(ours));
  });

  it('a full queue that refused: the next attempt sends one message and waits, on another channel too', async () => {
    const limits = { 'x-max-length': 10, 'x-overflow': 'reject-publish' };
    const { proxy, opened } = await behindProxy({}, systemClock, limits);
    const batch = messagesOf(100, 0, { body: Buffer.alloc(50_000) });
    for (const attempt of [1, 2]) {
      const connection = await opened.connect();
      const before = proxy.passed('up');
      expect((await failureOf(connection.write(batch, patience()))).code).toBe('transient');
      const messages = (proxy.passed('up') - before) / 50_000;
      if (attempt === 1) expect(messages).toBeGreaterThan(10);
      else expect(messages).toBeLessThan(2);
      await connection.close();
    }
  });

  it('silent for good: the heartbeat ends it, between batches too', async () => {
    const { proxy, opened } = await behindProxy({ heartbeat: '1s' });
    const connection = await opened.connect();
    await connection.write([messageOf(1)], patience());
    expect(socketsTo(proxy.port)).toBe(1);
    proxy.stall(true);
    await expect.poll(() => socketsTo(proxy.port), { timeout: ENOUGH_MS }).toBe(0);
    expect(await failureOf(connection.write([messageOf(2)], patience()))).toMatchObject({
      code: 'transient',
      message: expect.stringContaining('Heartbeat timeout'),
    });
  });

  it('silent from the start: each host has its time, and no socket is left', async () => {
    const { proxy, opened } = await behindProxy({ connect_timeout: '200ms' });
    proxy.stall(true);
    const failure = await failureOf(opened.connect());
    expect(failure).toMatchObject({ code: 'transient', message: expect.stringContaining('no answer within 200 ms') });
    expect(failure.message).toContain(proxy.address);
    await expect.poll(() => socketsTo(proxy.port), { timeout: SOON_MS }).toBe(0);
  });

  it('given up while connecting: nobody waits, and no socket is left', async () => {
    const { proxy, opened } = await behindProxy();
    proxy.stall(true);
    const controllers = [new AbortController(), new AbortController()] as const;
    const calls = controllers.map(async ({ signal }) => await failureOf(opened.connect(signal)));
    await expect.poll(() => proxy.accepted, { timeout: ENOUGH_MS }).toBe(1);
    controllers[0].abort();
    await calls[0];
    // The other one still waits for the same connection.
    expect([proxy.accepted, socketsTo(proxy.port)]).toEqual([1, 1]);
    controllers[1].abort();
    await calls[1];
    await expect.poll(() => socketsTo(proxy.port), { timeout: SOON_MS }).toBe(0);
    proxy.stall(false);
    await (await opened.connect()).write([messageOf(1)], patience());
  });

  it('several hosts: goes on to the next when one is gone, and says of each why', async () => {
    const { proxy, opened } = await behindProxy();
    const gone = await Proxy.start('127.0.0.1:1');
    await gone.close();
    const two = { ...optionsFor(url), hosts: [gone.address, proxy.address], declare: 'none', queue_name: 'any' };
    for (let i = 0; i < 4; i++) await openSink(two).connect();
    const none = openSink({ ...two, hosts: [gone.address, gone.address] });
    expect((await failureOf(none.connect())).message.split(gone.address)).toHaveLength(5);
    await opened.connect();
  });

  it('spreads lanes over `connections`, and opens none before it needs it', async () => {
    const { proxy, opened } = await behindProxy({ connections: 2 });
    expect(proxy.accepted).toBe(0);
    const first = await opened.connect();
    expect(proxy.accepted).toBe(1);
    const [second, third] = await Promise.all([opened.connect(), opened.connect()]);
    expect(proxy.accepted).toBe(2);
    await Promise.all(
      [first, second, third].map(async (one, lane) => await one.write(messagesOf(5, lane * 10, { lane }), patience())),
    );
    // A lane that goes and comes back needs no other connection, and a lost one is opened anew.
    await second.close();
    await (await opened.connect()).write([messageOf(50)], patience());
    expect(proxy.accepted).toBe(2);
    proxy.cut();
    await expect.poll(() => proxy.connections, { timeout: ENOUGH_MS }).toBe(0);
    await deliver(opened, [messageOf(60)], ENOUGH_MS);
    expect(proxy.accepted).toBe(3);
  });

  it('closing the sink ends its connections, whatever the peer does', async () => {
    const { proxy, opened } = await behindProxy();
    const connection = await opened.connect();
    const writing = failureOf(connection.write(MUCH.slice(0, 50), patience()));
    proxy.stall(true);
    await opened.broker.close();
    expect((await writing).code).toBe('transient');
    await expect.poll(() => socketsTo(proxy.port), { timeout: SOON_MS }).toBe(0);
  });
});
