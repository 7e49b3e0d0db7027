/** The sink `rabbitmq` while its broker fails: killed, frozen, out of memory, full, stopped, changed by its operator. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeOwn, Rabbitmq, type RabbitmqNode } from '../brokers/index.ts';
import { temporaryFolder } from '../temporary.ts';
import {
  adminOf,
  deliver,
  failureOf,
  freshName,
  idsIn,
  idsOf,
  messageOf,
  messagesOf,
  type Opened,
  openSink,
  optionsFor,
  patience,
  socketsTo,
  withoutRepeats,
} from './support.ts';

/** A deadline for a call that cannot succeed, in milliseconds, and one for a call that should. */
const HOPELESS_MS = 500;
const ENOUGH_MS = 20_000;
const KIB = Buffer.alloc(1024, 'x');

describeOwn('RabbitMQ', 'rabbitmq, when the broker fails', () => {
  const folder = temporaryFolder();
  let server: Rabbitmq;
  let node: RabbitmqNode;
  beforeAll(async () => {
    server = await Rabbitmq.start();
    node = server.first;
  });
  afterAll(async () => await server?.close());

  const durableQueue = async (): Promise<string> => {
    const { channel } = await adminOf(node.url);
    const queue = freshName('queue');
    await channel.assertQueue(queue, { durable: true });
    return queue;
  };
  const idsThere = async (queue: string): Promise<string[]> => await idsIn((await adminOf(node.url)).channel, queue);
  const sinkTo = (queue: string, options: Record<string, unknown> = {}): Opened =>
    openSink({ ...optionsFor(node.url), queue_name: queue, ...options });

  it('killed in the middle of a batch and started again: nothing is lost, and order holds', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    const batch = messagesOf(8000, 0, { body: KIB });
    const { channel } = await adminOf(node.url);
    const delivering = deliver(opened, batch, ENOUGH_MS);
    const count = async (): Promise<number> => (await channel.checkQueue(queue)).messageCount;
    await expect.poll(count, { interval: 5, timeout: ENOUGH_MS }).toBeGreaterThan(0);
    await node.kill();
    await node.start();
    const failures = await delivering;
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['transient']));
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf(batch));
  });

  it('absent at the start: fails as transient with its address, and delivers when it is there', async () => {
    const queue = await durableQueue();
    await node.stop();
    const opened = sinkTo(queue);
    const absent = await failureOf(opened.connect());
    expect(absent).toMatchObject({ code: 'transient', message: expect.stringContaining(`127.0.0.1:${node.port}`) });
    expect(absent.message).toContain('ECONNREFUSED');
    await node.start();
    await deliver(opened, messagesOf(5), ENOUGH_MS);
    expect(await idsThere(queue)).toEqual(idsOf(messagesOf(5)));
  });

  it('frozen for longer than the deadline: the call fails, and what comes after it arrives in order', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    const [first, second] = [messagesOf(200, 0, { body: KIB }), messagesOf(200, 200, { body: KIB })];
    const connection = await opened.connect();
    await connection.write(first, patience());
    node.freeze();
    onTestFinished(() => node.thaw());
    const late = await failureOf(connection.write(second, AbortSignal.timeout(HOPELESS_MS)));
    expect(late).toMatchObject({ code: 'transient', message: expect.stringContaining('did not confirm in time') });
    await connection.close();
    // Not even a connection is had from it, and its socket is not waited for.
    const silent = await failureOf(opened.connect(AbortSignal.timeout(HOPELESS_MS)));
    expect(silent).toMatchObject({ code: 'transient', message: expect.stringContaining('did not answer in time') });
    node.thaw();
    await deliver(opened, second, ENOUGH_MS);
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf([...first, ...second]));
  });

  it('frozen between batches: the heartbeat notices, and no socket waits for it', async () => {
    const opened = sinkTo(await durableQueue(), { heartbeat: '1s' });
    // Others of this process have ended theirs by now.
    await expect.poll(() => socketsTo(node.port), { timeout: ENOUGH_MS }).toBe(1);
    const connection = await opened.connect();
    const sockets = socketsTo(node.port);
    node.freeze();
    onTestFinished(() => node.thaw());
    await expect.poll(() => socketsTo(node.port), { timeout: ENOUGH_MS }).toBe(sockets - 1);
    expect((await failureOf(connection.write([messageOf(1)], patience()))).message).toContain('Heartbeat timeout');
  });

  it('has what was agreed on: its heartbeat, and a name by which an operator knows the connection', async () => {
    await sinkTo(await durableQueue()).connect();
    const connections = await node.ctl('list_connections', 'timeout', 'client_properties');
    const line = connections.split('\n').find((one) => one.includes('tidegate test on agent-1'));
    expect(line).toMatch(/^10\s/);
  });

  describe.each(['memoryAlarm', 'diskAlarm'] as const)('with its %s', (alarm) => {
    it('is said to be blocked, holds a batch without failing it, and delivers it afterwards', async () => {
      const queue = await durableQueue();
      const opened = sinkTo(queue, { window: 50 });
      const connection = await opened.connect();
      await node[alarm](true);
      onTestFinished(async () => await node[alarm](false));
      let settled = false;
      const writing = connection.write(messagesOf(200), patience()).finally(() => {
        settled = true;
      });
      await expect.poll(() => opened.blocked, { timeout: ENOUGH_MS }).toEqual([expect.stringMatching(/low on (memory|disk)/)]);
      // Whoever connects meanwhile is told to wait, instead of waiting for an answer that does not come.
      expect(await failureOf(opened.connect())).toMatchObject({ code: 'blocked', message: expect.stringContaining('low on') });
      expect(settled).toBe(false);
      await node[alarm](false);
      await writing;
      expect(opened.blocked).toEqual([expect.anything(), undefined]);
      expect(await idsThere(queue)).toEqual(idsOf(messagesOf(200)));
    });
  });

  it('lost while it asked to wait: asks no more, and the batch is delivered elsewhere', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    const connection = await opened.connect();
    await node.memoryAlarm(true);
    onTestFinished(async () => await node.memoryAlarm(false));
    const writing = failureOf(connection.write(messagesOf(20), patience()));
    await expect.poll(() => opened.blocked, { timeout: ENOUGH_MS }).toHaveLength(1);
    await node.ctl('close_all_connections', 'for a test');
    expect((await writing).code).toBe('transient');
    expect(opened.blocked.at(-1)).toBeUndefined();
    await node.memoryAlarm(false);
    await deliver(opened, messagesOf(20), ENOUGH_MS);
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf(messagesOf(20)));
  });

  it('given up while it asks to wait: nothing of the call arrives later', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue, { window: 10 });
    const connection = await opened.connect();
    await node.memoryAlarm(true);
    onTestFinished(async () => await node.memoryAlarm(false));
    const controller = new AbortController();
    const writing = failureOf(connection.write(messagesOf(100), controller.signal));
    await expect.poll(() => opened.blocked, { timeout: ENOUGH_MS }).toHaveLength(1);
    controller.abort(new Error('the service stops'));
    expect(await writing).toMatchObject({ code: 'transient', message: expect.stringContaining('the service stops') });
    expect(opened.blocked.at(-1)).toBeUndefined();
    await node.memoryAlarm(false);
    await deliver(opened, [messageOf(1000)], ENOUGH_MS);
    // What was in the broker's hands when it raised the alarm may be there, and nothing of what was not.
    const there = await idsThere(queue);
    expect(there.at(-1)).toBe(messageOf(1000).id);
    expect(there.length).toBeLessThanOrEqual(11);
  });

  it('asked to wait by one lane: another lane sends nothing, and given up it disturbs nobody', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    const [a, b] = [await opened.connect(), await opened.connect()];
    await node.memoryAlarm(true);
    onTestFinished(async () => await node.memoryAlarm(false));
    const writing = a.write([messageOf(0)], patience());
    await expect.poll(() => opened.blocked, { timeout: ENOUGH_MS }).toHaveLength(1);
    await failureOf(b.write(messagesOf(20, 100, { lane: 1 }), AbortSignal.timeout(HOPELESS_MS)));
    await b.close();
    await node.memoryAlarm(false);
    await writing;
    expect(opened.blocked).toEqual([expect.anything(), undefined]);
    expect(await idsThere(queue)).toEqual([messageOf(0).id]);
  });

  it('closing all connections (320) is a loss like any other, in a batch and between batches', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    const connection = await opened.connect();
    await connection.write([messageOf(0)], patience());
    await node.ctl('close_all_connections', 'for a test');
    const lost = await failureOf(connection.write([messageOf(1)], patience()));
    expect(lost.code).toBe('transient');
    expect(lost.message).toContain('320');
    expect(lost.message).toContain('for a test');
    await connection.close();
    const delivering = deliver(opened, messagesOf(4000, 1, { body: KIB }), ENOUGH_MS);
    await node.ctl('close_all_connections', 'for a test');
    await delivering;
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf(messagesOf(4001)));
  });

  it('stopped within its node and started again: nothing is lost, and order holds', async () => {
    const queue = await durableQueue();
    const opened = sinkTo(queue);
    await deliver(opened, messagesOf(10), ENOUGH_MS);
    await node.stopApp();
    const delivering = deliver(opened, messagesOf(10, 10), ENOUGH_MS);
    await node.startApp();
    expect((await delivering).map(({ code }) => code)).not.toContain('rejected');
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf(messagesOf(20)));
  });

  it('refusing a message for its size rejects the batch, and the next attempt knows which one it was', async () => {
    const queue = await durableQueue();
    // RabbitMQ 3 asks for it anew at each channel; 4 keeps it as it was at the start.
    const limit = async (bytes: number): Promise<unknown> =>
      await node.ctl(
        'eval',
        `application:set_env(rabbit, max_message_size, ${bytes}), persistent_term:put(max_message_size, ${bytes}).`,
      );
    await limit(2048);
    onTestFinished(async () => void (await limit(16_777_216)));
    const opened = sinkTo(queue);
    const batch = [messageOf(0), messageOf(1, { body: Buffer.alloc(4000) }), messageOf(2)];
    const connection = await opened.connect();
    const killed = await failureOf(connection.write(batch, patience()));
    expect(killed).toMatchObject({ code: 'rejected', message: expect.stringContaining('larger than configured max size 2048') });
    const rest = batch.filter((_, i) => !killed.confirmed?.has(i));
    await connection.close();
    const again = await opened.connect();
    const told = await failureOf(again.write(rest, patience()));
    expect(told).toMatchObject({ code: 'rejected', message: expect.stringContaining('4000 bytes') });
    expect(rest.filter((_, i) => !told.confirmed?.has(i))).toEqual([batch[1]]);
    // The channel lives on.
    await again.write([messageOf(3)], patience());
    expect(withoutRepeats(await idsThere(queue))).toEqual(idsOf([messageOf(0), messageOf(2), messageOf(3)]));
  });

  it('refusing a password says so, and takes the right one from the file at the next attempt', async () => {
    const queue = await durableQueue();
    const file = join(folder, 'password');
    await node.ctl('add_user', 'tide', 'the right one');
    await node.ctl('set_permissions', 'tide', '.*', '.*', '.*');
    const opened = openSink({ hosts: [`127.0.0.1:${node.port}`], user: 'tide', password_file: file, queue_name: queue });
    expect(await failureOf(opened.connect())).toMatchObject({ code: 'misconfigured', message: expect.stringContaining(file) });
    writeFileSync(file, 'the wrong one\n');
    const refused = await failureOf(opened.connect());
    expect(refused).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('`password_file`') });
    expect(refused.message).not.toContain('wrong one');
    writeFileSync(file, 'the right one\n');
    await (await opened.connect()).write([messageOf(1)], patience());
    expect(await idsThere(queue)).toEqual([messageOf(1).id]);
  });

  it('refusing a virtual host, or to publish, says which and what to do', async () => {
    const queue = await durableQueue();
    const elsewhere = openSink({ ...optionsFor(node.url), vhost: 'no such', queue_name: queue });
    expect(await failureOf(elsewhere.connect())).toMatchObject({
      code: 'misconfigured',
      message: expect.stringContaining('"no such"'),
    });
    await node.ctl('add_vhost', 'a%2Fb/c d');
    await node.ctl('add_user', 'reader', 'reader');
    for (const vhost of ['/', 'a%2Fb/c d']) await node.ctl('set_permissions', '-p', vhost, 'reader', '.*', '', '.*');
    const login = { hosts: [`127.0.0.1:${node.port}`], user: 'reader', password: 'reader' };
    const connection = await openSink({ ...login, queue_name: queue }).connect();
    const refused = await failureOf(connection.write([messageOf(1)], patience()));
    expect(refused).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('write permission') });
    await openSink({ ...login, vhost: 'a%2Fb/c d', exchange: 'amq.topic' }).connect();
  });
});
