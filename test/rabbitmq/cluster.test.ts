/** The sink `rabbitmq` and a cluster of two nodes with TLS: nodes that go and come back, certificates, lanes that are in trouble alone. */
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeOwn, Proxy, Rabbitmq, type RabbitmqNode } from '../brokers/index.ts';
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
  openSink,
  optionsFor,
  patience,
  withoutRepeats,
} from './support.ts';

const HOPELESS_MS = 1000;
const ENOUGH_MS = 20_000;
const KIB = Buffer.alloc(1024, 'x');

describeOwn('RabbitMQ', 'rabbitmq and a cluster', () => {
  const folder = temporaryFolder();
  let server: Rabbitmq;
  let [first, second]: RabbitmqNode[] = [];
  beforeAll(async () => {
    server = await Rabbitmq.start({ nodes: 2, tls: 'required' });
    [first, second] = server.nodes;
  });
  afterAll(async () => await server?.close());

  const node = (which: RabbitmqNode | undefined): RabbitmqNode => which as RabbitmqNode;
  const hostOf = (which: RabbitmqNode | undefined): string => `127.0.0.1:${node(which).port}`;

  async function queueOn(which: RabbitmqNode | undefined, queueArguments: Record<string, unknown> = {}): Promise<string> {
    const { channel } = await adminOf(node(which).url);
    const queue = freshName('queue');
    await channel.assertQueue(queue, { durable: true, arguments: queueArguments });
    return queue;
  }

  it('one node restarted: goes on over the other, and nothing is lost', async () => {
    const nodes = [node(first), node(second)] as const;
    const proxies = await Promise.all(nodes.map(async (one) => await Proxy.start(hostOf(one))));
    onTestFinished(async () => void (await Promise.all(proxies.map(async (proxy) => await proxy.close()))));
    const queue = freshName('queue');
    const opened = openSink({ hosts: proxies.map(({ address }) => address), queue_name: queue, declare: 'none' });
    await opened.connect();
    const used = proxies.findIndex(({ connections }) => connections === 1);
    const [restarted, other] = used === 0 ? nodes : [nodes[1], nodes[0]];
    const { channel } = await adminOf(other.url);
    await channel.assertQueue(queue, { durable: true });
    const batch = messagesOf(8000, 0, { body: KIB });
    const delivering = deliver(opened, batch, ENOUGH_MS);
    const count = async (): Promise<number> => (await channel.checkQueue(queue)).messageCount;
    await expect.poll(count, { interval: 5, timeout: ENOUGH_MS }).toBeGreaterThan(0);
    await restarted.restart();
    expect(new Set((await delivering).map(({ code }) => code))).toEqual(new Set(['transient']));
    expect(proxies[1 - used]?.accepted).toBeGreaterThan(0);
    expect(withoutRepeats(await idsIn(channel, queue))).toEqual(idsOf(batch));
  });

  it('the node of a queue gone: that is trouble that passes, and it is delivered when the node is back', async () => {
    const queue = await queueOn(second);
    await node(second).stop();
    const opened = openSink({ hosts: [hostOf(first)], queue_name: queue });
    const away = await failureOf(opened.connect());
    expect(away).toMatchObject({
      code: 'transient',
      message: expect.stringMatching(/down or inaccessible|stopped by supervisor/),
    });
    await node(second).start();
    await deliver(opened, messagesOf(10), ENOUGH_MS);
    const { channel } = await adminOf(node(second).url);
    expect(await idsIn(channel, queue)).toEqual(idsOf(messagesOf(10)));
  });

  it('a queue without a majority holds up its own lane only', async () => {
    const stuck = await queueOn(first, { 'x-queue-type': 'quorum' });
    const { channel } = await adminOf(node(first).url);
    const { queue: free } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(stuck, 'amq.topic', 'stuck');
    await channel.bindQueue(free, 'amq.topic', 'free');
    const proxy = await Proxy.start(hostOf(first));
    onTestFinished(async () => await proxy.close());
    const opened = openSink({ hosts: [proxy.address], exchange: 'amq.topic', routing_key: '{sensor}' });
    const [a, b] = [await opened.connect(), await opened.connect()];
    const ours = messagesOf(10, 0, { sensor: 'stuck' });
    await a.write(ours, patience());
    await node(second).stop();
    // Two lanes of one connection: the broker never confirms the one, and the other does not suffer for it.
    const late = await failureOf(a.write(messagesOf(10, 10, { sensor: 'stuck' }), AbortSignal.timeout(HOPELESS_MS)));
    expect(late.code).toBe('transient');
    await a.close();
    const theirs = messagesOf(50, 100, { sensor: 'free', lane: 1 });
    await b.write(theirs, patience());
    expect(proxy.accepted).toBe(1);
    expect(await idsIn(channel, free)).toEqual(idsOf(theirs));
    await node(second).start();
    await deliver(opened, messagesOf(10, 10, { sensor: 'stuck' }), ENOUGH_MS);
    expect(withoutRepeats(await idsIn(channel, stuck))).toEqual(idsOf(messagesOf(20)));
  });

  it('logs in by certificate, reads the files anew at each connection, and checks who the broker is', async () => {
    await node(first).ctl('add_user', 'tide', 'unused');
    await node(first).ctl('set_permissions', 'tide', '.*', '.*', '.*');
    const queue = await queueOn(first);
    const authority = server.authority as NonNullable<Rabbitmq['authority']>;
    const [own, stranger] = [await authority.issue('tide'), await authority.issue('nobody')];
    const at = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const tls = { ca: authority.ca, ...at };
    const options = { hosts: [node(first).tlsAddress], auth: 'external', queue_name: queue, tls };
    const opened = openSink(options);

    expect(await failureOf(opened.connect())).toMatchObject({ code: 'misconfigured', message: expect.stringContaining(at.cert) });
    const show = (files: { cert: string; key: string }): void => {
      copyFileSync(files.cert, at.cert);
      copyFileSync(files.key, at.key);
    };
    show(stranger);
    expect(await failureOf(opened.connect())).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('403') });
    show(own);
    const connection = await opened.connect();
    await connection.write([messageOf(1)], patience());
    // A call that is given up ends a TLS connection, too.
    await failureOf(connection.write(messagesOf(50, 10, { body: Buffer.alloc(500_000) }), AbortSignal.timeout(1)));
    await deliver(opened, [messageOf(2)], ENOUGH_MS);

    const locked = join(folder, 'locked.pem');
    const pem = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open it' } as const;
    writeFileSync(locked, createPrivateKey(readFileSync(own.key)).export(pem));
    const withKey = (key_password: string) => openSink({ ...options, tls: { ...tls, key: locked, key_password } }).connect();
    await withKey('open it');
    expect(await failureOf(withKey('break it'))).toMatchObject({
      code: 'misconfigured',
      message: expect.stringContaining('`tls`'),
    });

    const wrongName = openSink({ ...options, tls: { ...tls, server_name: 'another.example' } });
    const refused = await failureOf(wrongName.connect());
    expect(refused).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID') });
    expect((await failureOf(openSink({ ...options, tls: at }).connect())).message).toMatch(/SELF_SIGNED|UNABLE_TO/);
    writeFileSync(at.cert, 'not a certificate');
    await opened.broker.close();
    expect(await failureOf(openSink(options).connect())).toMatchObject({
      code: 'misconfigured',
      message: expect.stringContaining('`tls`'),
    });
  });

  it('TLS where there is none, and none where there is, is a mistake that is named', async () => {
    const queue = await queueOn(first);
    const toPlain = await failureOf(openSink({ hosts: [hostOf(first)], queue_name: queue, tls: {} }).connect());
    expect(toPlain).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('`tls`') });
    const toTls = await failureOf(
      openSink({ ...optionsFor(node(first).url), hosts: [node(first).tlsAddress], queue_name: queue }).connect(),
    );
    expect(toTls.message).toMatch(/tls/i);
  });
});
