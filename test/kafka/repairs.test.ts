/** What is wrong in kafkajs 2.2.4 and is put right: each of these fails without the repair. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { openClient } from '../../src/kafka/client.ts';
import { Encoded, repaired, repairRequestQueue } from '../../src/kafka/kafkajs.ts';
import { clientOptions } from '../../src/kafka/options.ts';
import { FakeBroker } from './fake-broker.ts';
import { message, messages } from './messages.ts';
import { failureOf, openSink, write } from './sink-support.ts';

let fake: FakeBroker;
beforeEach(async () => {
  fake = await FakeBroker.start();
  fake.topics.set('telemetry', [1]);
});
afterEach(async () => await fake.close());

/** How many timers are set while a while passes. */
async function timersIn(ms: number): Promise<number> {
  const set = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
  try {
    await sleep(ms);
    return set.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  } finally {
    for (const spy of set) spy.mockRestore();
  }
}

describe('kafkajs', () => {
  it('is the version that the repairs are for', () => {
    expect(repaired).toBe(true);
  });

  it('sets no timer for a connection that is idle (tulios/kafkajs#1556)', async () => {
    const connection = await openSink({ brokers: fake.addresses }).connect();
    await write(connection, messages(3));
    // What looks after the requests before this sees that there is none any more.
    await sleep(1100);
    expect(await timersIn(500)).toBe(0);
    await write(connection, messages(3));
    expect(fake.produced).toHaveLength(2);
  });

  it('finds that a request was not answered, also after it was idle', async () => {
    const connection = await openSink({ brokers: fake.addresses, request_timeout: '1s' }).connect();
    await write(connection, messages(1));
    await sleep(1200);
    fake.produce = () => 'silence';
    const failure = await failureOf(write(connection, messages(1), 20_000));
    expect(failure).toMatchObject({ code: 'transient', message: expect.stringContaining('timed out') });
    // kafkajs alone keeps the connection, and asks there again.
    await expect.poll(() => fake.sockets.size).toBe(0);
  });

  it('takes time by the number of messages, not by its square (tulios/kafkajs#1576)', { timeout: 120_000 }, async () => {
    const patient = { max_request_bytes: '100MB', request_timeout: '100s' };
    const connection = await openSink({ brokers: fake.addresses, ...patient }).connect();
    await write(connection, messages(1000), 100_000);
    const cpu = async (count: number): Promise<number> => {
      const sent = messages(count);
      const before = process.cpuUsage();
      await write(connection, sent, 100_000);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    await cpu(2000);
    // By the number, this is 10; by its square, 100: unrepaired, 20,000 messages block the event loop for 1.9 s.
    expect((await cpu(20_000)) / (await cpu(2000))).toBeLessThan(40);
  });

  it('does not take half an answer for the beginning of the next one', async () => {
    const client = await openClient(clientOptions.parse({ brokers: fake.addresses, request_timeout: '2s' }), { warn: () => {} });
    onTestFinished(() => client.close(new Error('over')));
    const producer = client.kafka.producer({ createPartitioner: () => () => 0, retry: { retries: 0 } });
    await producer.connect();
    const send = async () => await producer.send({ topic: 'telemetry', messages: [{ value: 'x' }] });
    await send();
    fake.produce = () => 'half';
    await expect(send()).rejects.toThrow(/ECONNRESET/);
    fake.produce = () => ({});
    // kafkajs uses the same connection again; unrepaired, it ends the process here, or waits for an answer that it has misread.
    for (let i = 0; i < 3; i++) expect(await send()).toMatchObject([{ errorCode: 0 }]);
  });

  it.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['an answer without a number', '\0\0\0\u0001x'],
    ['an answer to nothing', '\0\0\0\u0006\0\0\0\0\0\0'],
  ])('fails, and not the process, when what is there is no Kafka: %s', async (_, answer) => {
    const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => socket.write(answer)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(openSink({ brokers: [`127.0.0.1:${port}`], request_timeout: '1s' }).connect());
    expect(failure.code).toBe('transient');
    if (!answer.endsWith('\0')) expect(failure.message).toMatch(/does not speak Kafka.*does its listener want tls or sasl\?$/);
  });

  it('sends what others send as before', async () => {
    const kafka = new kafkajs.Kafka({ brokers: fake.addresses, logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: () => () => 0 });
    await producer.connect();
    await producer.send({ topic: 'telemetry', messages: [{ value: 'theirs' }] });
    expect(fake.produced[0]?.batch.includes('theirs')).toBe(true);
    await producer.disconnect();
  });

  it('does not send records without headers to a broker that is too old for them', async () => {
    fake.produceVersionMax = 2;
    const connection = await openSink({ brokers: fake.addresses }).connect();
    const failure = await failureOf(write(connection, messages(1)));
    expect(failure).toMatchObject({ code: 'misconfigured', message: expect.stringContaining('too old') });
    expect(fake.produced).toHaveLength(0);
  });

  it('does not take a batch for a message of its own', () => {
    expect(new Encoded(Buffer.from('x'))).toMatchObject({ value: null });
  });
});

describe('a request queue', () => {
  type Queue = Parameters<typeof repairRequestQueue>[0];
  const queueOf = (changes: Partial<Queue>): Queue => {
    const prototype = { sendSocketRequest() {}, destroy() {} } as unknown as Queue;
    repairRequestQueue(prototype);
    return Object.assign(Object.create(prototype) as Queue, {
      pending: [],
      inflight: new Map(),
      throttledUntil: -1,
      throttleCheckTimeoutId: null,
      requestTimeoutIntervalId: undefined,
      requestTimeout: 1000,
      enforceRequestTimeout: true,
      ...changes,
    });
  };

  it('waits while it is throttled, and for 10 ms at least', async () => {
    const checked = Promise.withResolvers<number>();
    const start = performance.now();
    const queue = queueOf({
      pending: [{}],
      throttledUntil: Date.now() + 60,
      checkPendingRequests: () => checked.resolve(performance.now() - start),
    });
    queue.scheduleCheckPendingRequests();
    queue.scheduleCheckPendingRequests();
    expect(await checked.promise).toBeGreaterThan(40);
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('looks after every request that is not answered, and no longer', async () => {
    const queue = queueOf({ requestTimeout: 20 });
    const timedOut: number[] = [];
    const request = (n: number) => ({
      sentAt: Date.now(),
      requestTimeout: 30,
      timeoutRequest: () => {
        timedOut.push(n);
        queue.inflight.delete(n);
      },
    });
    for (const n of [1, 2]) {
      queue.inflight.set(n, request(n));
      queue.sendSocketRequest(request(n));
    }
    await expect.poll(() => timedOut).toEqual([1, 2]);
    expect(queue.requestTimeoutIntervalId).toBeUndefined();
  });
});

describe('a Buffer', () => {
  it('is what a body must be: anything else would be sent as a text', async () => {
    const connection = await openSink({ brokers: fake.addresses }).connect();
    const sent: Message[] = [message(1), message(2, { body: new Uint8Array([1, 2]) as Buffer })];
    expect(await failureOf(write(connection, sent))).toMatchObject({
      code: 'rejected',
      message: expect.stringMatching(/is no Buffer/),
    });
    expect(fake.produced).toHaveLength(0);
  });
});
