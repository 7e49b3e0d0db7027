/** That the tests' RabbitMQ is a real one, and fails as a real one does. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ChannelModel, type ConfirmChannel, connect, credentials } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOwn, describeShared, Rabbitmq, type RabbitmqNode, sharedRabbitmq } from './index.ts';

interface Client {
  connection: ChannelModel;
  channel: ConfirmChannel;
}

/** Connects, with a confirm channel; errors of a broker that is being killed are not the test's. */
async function clientOf(url: string): Promise<Client> {
  const connection = await connect(url, { noDelay: true, timeout: 10_000 });
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  return { connection, channel };
}

/** Resolves when the connection is closed, with why, where the broker said it. */
async function endOf({ connection }: Client): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  connection.once('close', resolve);
  return await promise;
}

/** Sends one persistent message to a queue, and resolves when the broker has confirmed it. */
async function publish({ channel }: Client, queue: string, value: string): Promise<void> {
  channel.sendToQueue(queue, Buffer.from(value), { persistent: true });
  await channel.waitForConfirms();
}

async function take({ channel }: Client, queue: string): Promise<string | undefined> {
  const message = await channel.get(queue, { noAck: true });
  return message === false ? undefined : message.content.toString();
}

describeShared('RabbitMQ', 'the shared RabbitMQ', () => {
  it('confirms messages, and gives them back in order', async () => {
    const client = await clientOf((await sharedRabbitmq()).url);
    const queue = `messages-${randomUUID()}`;
    await client.channel.assertQueue(queue, { durable: true });
    await publish(client, queue, 'a');
    await publish(client, queue, 'b');
    expect([await take(client, queue), await take(client, queue), await take(client, queue)]).toEqual(['a', 'b', undefined]);
    await client.channel.deleteQueue(queue);
    await client.connection.close();
  });
});

describeOwn('RabbitMQ', 'a RabbitMQ of its own', () => {
  let broker: Rabbitmq;
  let node: RabbitmqNode;

  beforeAll(async () => {
    broker = await Rabbitmq.start();
    node = broker.first;
    const { connection, channel } = await clientOf(node.url);
    await channel.assertQueue('q', { durable: true });
    await connection.close();
  });
  afterAll(async () => await broker?.close());

  it.each(['memoryAlarm', 'diskAlarm'] as const)('blocks who publishes by its %s, and lets go again', async (alarm) => {
    const client = await clientOf(node.url);
    const blocked = once(client.connection, 'blocked');
    await node[alarm](true);
    client.channel.sendToQueue('q', Buffer.from('held'));
    expect(await blocked).toEqual([expect.stringMatching(/low on (memory|disk)/)]);
    const unblocked = once(client.connection, 'unblocked');
    await node[alarm](false);
    await unblocked;
    await client.channel.waitForConfirms();
    expect(await take(client, 'q')).toBe('held');
    await client.connection.close();
  });

  it('does not confirm while it is frozen, and does so when it is thawed', async () => {
    const client = await clientOf(node.url);
    node.freeze();
    const confirmed = publish(client, 'q', 'late').then(() => 'confirmed');
    const silence = new Promise((resolve) => setTimeout(resolve, 300, 'silence'));
    expect(await Promise.race([confirmed, silence])).toBe('silence');
    node.thaw();
    expect(await confirmed).toBe('confirmed');
    expect(await take(client, 'q')).toBe('late');
    await client.connection.close();
  });

  it('has after a kill what it had confirmed before', async () => {
    const client = await clientOf(node.url);
    await publish(client, 'q', 'kept');
    const closed = endOf(client);
    await node.kill();
    await closed;
    await expect(clientOf(node.url)).rejects.toThrow(/ECONNREFUSED/);
    await node.restart();
    const again = await clientOf(node.url);
    expect(await take(again, 'q')).toBe('kept');
    await again.connection.close();
  });

  it('closes connections and refuses new ones while the broker within it is stopped', async () => {
    const client = await clientOf(node.url);
    const closed = endOf(client);
    await node.stopApp();
    expect(await closed).toMatchObject({ code: 320 });
    await expect(clientOf(node.url)).rejects.toThrow(/ECONNREFUSED/);
    await node.startApp();
    await (await clientOf(node.url)).connection.close();
  });
});

describeOwn('RabbitMQ', 'a RabbitMQ of two nodes, with TLS', () => {
  let broker: Rabbitmq;

  beforeAll(async () => {
    broker = await Rabbitmq.start({ nodes: 2, tls: 'required' });
  });
  afterAll(async () => await broker?.close());

  it('is one cluster: what one node has been told, the other knows', async () => {
    const [first, second] = broker.nodes as [RabbitmqNode, RabbitmqNode];
    const at = [await clientOf(first.url), await clientOf(second.url)] as const;
    await at[0].channel.assertQueue('q', { durable: true });
    await publish(at[0], 'q', 'a');
    expect(await take(at[1], 'q')).toBe('a');
    await first.kill();
    await expect(at[1].channel.checkQueue('q')).rejects.toThrow(/NOT_FOUND|home node/);
    await first.restart();
    const again = await clientOf(second.url);
    await expect.poll(async () => await (await clientOf(second.url)).channel.checkQueue('q').then(() => true, String)).toBe(true);
    await again.connection.close();
  });

  it('knows a user by a certificate', async () => {
    const { first, authority } = broker;
    await first.ctl('add_user', 'tide', 'unused');
    await first.ctl('set_permissions', 'tide', '.*', '.*', '.*');
    const issued = await authority?.issue('tide');
    const [ca, cert, key] = [authority?.ca, issued?.cert, issued?.key].map((file) => readFileSync(file as string));
    const url = `amqps://${first.tlsAddress}`;
    const connection = await connect(url, { ca: [ca as Buffer], cert, key, credentials: credentials.external() });
    await connection.close();
    await expect(connect(url, { ca: [ca as Buffer], credentials: credentials.external() })).rejects.toThrow(
      /certificate|closed|ECONNRESET|handshake/i,
    );
  });
});
