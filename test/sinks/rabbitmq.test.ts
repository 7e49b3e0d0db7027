/** The sink `rabbitmq` against a real broker that works: what arrives, what is refused, and what the sink says about it. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { describeShared, sharedRabbitmq } from '../brokers/index.ts';
import {
  adminOf,
  failureOf,
  freshName,
  idsIn,
  idsOf,
  messageOf,
  messagesOf,
  openSink,
  optionsFor,
  outcomeOf,
  patience,
  takeAll,
  withoutRepeats,
} from '../rabbitmq/support.ts';

describeShared('RabbitMQ', 'rabbitmq', () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await sharedRabbitmq());
  });

  /** A queue that goes with the test, and a sink that publishes to it. */
  async function queueAndSink(queueArguments: Record<string, unknown> = {}, options: Record<string, unknown> = {}) {
    const { channel, model } = await adminOf(url);
    const queue = freshName('queue');
    await channel.assertQueue(queue, { durable: true, arguments: queueArguments });
    onTestFinished(async () => void (await channel.deleteQueue(queue)));
    return { channel, model, queue, opened: openSink({ ...optionsFor(url), queue_name: queue, ...options }) };
  }

  it('delivers a message with its CloudEvents attributes as headers and properties, persistent', async () => {
    const { channel, queue, opened } = await queueAndSink();
    const connection = await opened.connect();
    await connection.write(
      [messageOf(1), messageOf(2, { seq: undefined, backfill: true, contentType: 'application/msgpack' })],
      patience(),
    );
    const [first, second] = await takeAll(channel, queue);
    expect(first?.content.toString()).toBe('{"n":1}');
    expect(first?.properties).toMatchObject({
      contentType: 'application/json',
      messageId: 'agent-1/run-1/disk/1',
      type: 'system.disk',
      appId: 'tidegate',
      deliveryMode: 2,
      timestamp: 1_763_856_000,
    });
    expect(first?.properties.headers).toEqual({
      cloudEvents_specversion: '1.0',
      cloudEvents_id: 'agent-1/run-1/disk/1',
      cloudEvents_type: 'system.disk',
      cloudEvents_source: '/agent-1/disk',
      cloudEvents_time: '2025-11-23T00:00:00.000Z',
      'tidegate-seq': 'run-1/0/1',
    });
    expect(second?.properties.contentType).toBe('application/msgpack');
    expect(second?.properties.headers).toMatchObject({ 'tidegate-backfill': 'true' });
    expect(second?.properties.headers).not.toHaveProperty('tidegate-seq');
  });

  it('delivers in order what is many times the window, and more bytes than it may have unconfirmed', async () => {
    const { channel, queue, opened } = await queueAndSink({}, { window: 7, window_bytes: '64KiB' });
    const batch = messagesOf(300, 0, { body: Buffer.alloc(20_000, 1) });
    const connection = await opened.connect();
    await connection.write(batch, patience());
    await connection.write([], patience());
    await connection.write(
      [messageOf(300, { body: Buffer.alloc(200_000, 2) }), messageOf(301, { body: Buffer.alloc(0) })],
      patience(),
    );
    expect(await idsIn(channel, queue)).toEqual(idsOf([...batch, messageOf(300), messageOf(301)]));
  });

  it('sends each message once when amqplib has its buffer full', async () => {
    // amqplib then returns false, and has the message all the same; its limit is 1024 frames, of which each of these takes two.
    const { channel, queue, opened } = await queueAndSink({}, { window: 2000, window_bytes: '64MiB' });
    const batch = messagesOf(1500, 0, { body: Buffer.alloc(3000, 1) });
    await (await opened.connect()).write(batch, patience());
    expect(await idsIn(channel, queue)).toEqual(idsOf(batch));
  });

  it('makes the routing key of the message', async () => {
    const { channel } = await adminOf(url);
    const exchange = freshName('exchange');
    await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, '#');
    const { connect } = openSink({ ...optionsFor(url), exchange, routing_key: 'at.{host}.{sensor}.{type}.{agent}' });
    await (await connect()).write([messageOf(1)], patience());
    const [taken] = await takeAll(channel, queue);
    expect(taken?.fields).toMatchObject({ exchange, routingKey: 'at.host-1.disk.system.disk.agent-1' });
  });

  it('takes a message that no queue takes for not delivered, though the broker confirms it', async () => {
    const { channel } = await adminOf(url);
    const exchange = freshName('exchange');
    await channel.assertExchange(exchange, 'topic', { durable: false });
    onTestFinished(async () => void (await channel.deleteExchange(exchange)));
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, 'system.#');
    const batch = [messageOf(1), messageOf(2, { type: 'node.cpu' }), messageOf(3), messageOf(4, { type: 'node.net' })];

    const keeping = openSink({ ...optionsFor(url), exchange });
    const kept = await failureOf((await keeping.connect()).write(batch, patience()));
    expect(kept.code).toBe('misconfigured');
    expect(kept.message).toContain(`the exchange "${exchange}"`);
    expect(kept.message).toContain('routing key "node.cpu"');
    expect(kept.message).toContain('bind a queue');
    expect(kept.confirmed?.has(0)).toBe(true);
    expect(kept.confirmed?.has(1)).toBe(false);
    expect(kept.confirmed?.has(3)).toBe(false);

    const lettingGo = openSink({ ...optionsFor(url), exchange, unroutable: 'dead_letter' });
    const rejected = await failureOf((await lettingGo.connect()).write(batch, patience()));
    expect(rejected.code).toBe('rejected');
    expect(rejected.confirmed).toEqual(new Set([0, 2]));

    await channel.bindQueue(queue, exchange, 'node.#');
    await (await keeping.connect()).write([batch[1] as Message], patience());
    expect(withoutRepeats(await idsIn(channel, queue)).toSorted()).toEqual(idsOf([messageOf(1), messageOf(2), messageOf(3)]));
  });

  it('keeps order as far as it can when a full queue refuses: after the first refusal one message at a time', async () => {
    const { model, queue, opened } = await queueAndSink({ 'x-max-length': 10, 'x-overflow': 'reject-publish' });
    // Fewer than make the window grow again, and so large that the consumer makes room between one and the next.
    const batch = messagesOf(60, 0, { body: Buffer.alloc(50_000) });
    const refused = await failureOf((await opened.connect()).write(batch, patience()));
    expect(refused).toMatchObject({ code: 'transient', message: expect.stringContaining('nack') });
    const first = refused.confirmed ?? new Set();
    expect(first.size).toBeGreaterThanOrEqual(10);

    const received: string[] = [];
    const consumer = await model.createChannel();
    await consumer.prefetch(1);
    await consumer.consume(queue, (message) => {
      if (!message) return;
      received.push(String(message.properties.messageId));
      consumer.ack(message);
    });
    const expected = batch.filter((_, i) => !first.has(i));
    for (let rest = expected; rest.length > 0; ) {
      const connection = await opened.connect();
      const failure = await outcomeOf(connection.write(rest, patience()));
      // Nothing was taken after what was refused.
      expect([...(failure?.confirmed ?? [])]).toEqual(rest.slice(0, failure?.confirmed?.size ?? 0).map((_, i) => i));
      rest = failure ? rest.filter((_, i) => !failure.confirmed?.has(i)) : [];
      await connection.close();
    }
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(batch.length);
    expect(received.slice(first.size)).toEqual(idsOf(expected));
  });

  it('keeps order strictly with a window of 1, whatever is refused', async () => {
    const { channel, queue, opened } = await queueAndSink({ 'x-max-length': 5, 'x-overflow': 'reject-publish' }, { window: 1 });
    const received: string[] = [];
    const all = messagesOf(23);
    for (let rest = all; rest.length > 0; ) {
      const connection = await opened.connect();
      const failure = await outcomeOf(connection.write(rest, patience()));
      rest = failure ? rest.slice(failure.confirmed?.size ?? 0) : [];
      await connection.close();
      received.push(...(await idsIn(channel, queue)));
    }
    expect(received).toEqual(idsOf(all));
  });

  it('says which exchange is missing, at the connection and while publishing', async () => {
    const exchange = freshName('exchange');
    const opened = openSink({ ...optionsFor(url), exchange });
    const absent = await failureOf(opened.connect());
    expect(absent).toMatchObject({ code: 'misconfigured', message: expect.stringContaining(`no exchange '${exchange}'`) });
    expect(absent.message).toContain('`declare: create`');

    const { channel } = await adminOf(url);
    await channel.assertExchange(exchange, 'fanout', { durable: false });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, '');
    const connection = await opened.connect();
    await connection.write([messageOf(1)], patience());
    await channel.deleteExchange(exchange);
    const gone = await failureOf(connection.write([messageOf(2)], patience()));
    expect(gone).toMatchObject({ code: 'misconfigured', message: expect.stringContaining(exchange) });
    // The channel is over, and says so again instead of hanging; the next one is checked anew.
    expect((await failureOf(connection.write([messageOf(2)], patience()))).code).toBe('misconfigured');
    expect((await failureOf(opened.connect())).code).toBe('misconfigured');
  });

  it('checks by default, declares when told to, and says what is declared otherwise', async () => {
    const { channel } = await adminOf(url);
    const [exchange, queue] = [freshName('exchange'), freshName('queue')];
    const base = { ...optionsFor(url), exchange, queue_name: queue };
    onTestFinished(async () => {
      await channel.deleteQueue(queue);
      await channel.deleteExchange(exchange);
    });
    expect((await failureOf(openSink(base).connect())).code).toBe('misconfigured');
    await (await openSink({ ...base, declare: 'create' }).connect()).write(messagesOf(3), patience());
    expect(await idsIn(channel, queue)).toEqual(idsOf(messagesOf(3)));
    await openSink(base).connect();
    // A quorum queue it is, which says that it is another than this.
    const otherwise = await failureOf(openSink({ ...base, declare: 'create', queue_type: 'classic' }).connect());
    expect(otherwise.code).toBe('misconfigured');
    expect(otherwise.message).toContain('declared otherwise');
    const missing = await failureOf(openSink({ ...optionsFor(url), queue_name: freshName('none') }).connect());
    expect(missing).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('cannot check the queue') });
    await openSink({ ...optionsFor(url), queue_name: freshName('none'), declare: 'none' }).connect();
  });

  it('rejects what is too large for itself, and delivers what is beside it', async () => {
    const { channel, queue, opened } = await queueAndSink({}, { max_message_bytes: '2KiB' });
    const batch = [messageOf(1), messageOf(2, { body: Buffer.alloc(2049) }), messageOf(3)];
    const failure = await failureOf((await opened.connect()).write(batch, patience()));
    expect(failure).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('max_message_bytes'),
      confirmed: new Set([0, 2]),
    });
    expect(await idsIn(channel, queue)).toEqual(idsOf([messageOf(1), messageOf(3)]));
  });

  it('rejects what AMQP cannot carry, and delivers what is beside it', async () => {
    const { channel } = await adminOf(url);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'amq.topic', 'long.#');
    const { connect } = openSink({ ...optionsFor(url), exchange: 'amq.topic', routing_key: 'long.{sensor}' });
    const connection = await connect();
    const long = await failureOf(
      connection.write([messageOf(1), messageOf(2, { sensor: 's'.repeat(251) }), messageOf(3)], patience()),
    );
    expect(long).toMatchObject({ code: 'rejected', message: expect.stringContaining('routing key'), confirmed: new Set([0, 2]) });
    // Headers go in one frame, of 128 KiB here.
    const wide = await failureOf(
      connection.write([messageOf(4), messageOf(5, { type: 't'.repeat(140_000) }), messageOf(6)], patience()),
    );
    expect(wide).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('do not fit in a frame'),
      confirmed: new Set([0, 2]),
    });
    // An id that is too long for messageId is in the header all the same.
    await connection.write([messageOf(7, { id: 'i'.repeat(300) })], patience());
    const taken = await takeAll(channel, queue);
    expect(taken.map(({ properties }) => properties.headers?.['cloudEvents_id'])).toEqual([
      ...[1, 3, 4, 6].map((n) => messageOf(n).id),
      'i'.repeat(300),
    ]);
  });

  describe('pool', () => {
    it('spreads channels over as many connections as it may have, and opens none before it needs it', async () => {
      const { opened, model, queue } = await queueAndSink({}, { connections: 2 });
      const connections = [await opened.connect()];
      connections.push(...(await Promise.all([opened.connect(), opened.connect(), opened.connect()])));
      await Promise.all(connections.map(async (one, lane) => await one.write(messagesOf(50, lane * 50, { lane }), patience())));
      const counter = await model.createChannel();
      expect((await counter.checkQueue(queue)).messageCount).toBe(200);
    });

    it('keeps the order of each lane when lanes share a connection', async () => {
      const { opened, channel, queue } = await queueAndSink();
      const lanes = await Promise.all([0, 1, 2].map(async () => await opened.connect()));
      await Promise.all(lanes.map(async (one, lane) => await one.write(messagesOf(400, lane * 1000, { lane }), patience())));
      const ids = await idsIn(channel, queue);
      for (const lane of [0, 1, 2]) {
        const own = idsOf(messagesOf(400, lane * 1000));
        expect(ids.filter((id) => own.includes(id))).toEqual(own);
      }
    });

    it('connects again after it was closed, and not after the sink was', async () => {
      const { opened } = await queueAndSink();
      const connection = await opened.connect();
      await connection.close();
      await connection.close();
      expect((await failureOf(connection.write([messageOf(1)], patience()))).code).toBe('transient');
      await (await opened.connect()).write([messageOf(1)], patience());
      await opened.broker.close();
      await opened.broker.close();
      expect((await failureOf(opened.connect())).code).toBe('transient');
    });
  });
});
