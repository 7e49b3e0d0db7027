/** Connecting, against servers that are no broker; what the sink makes of errors; and the parts of amqplib that it relies on. */
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { connectError, publishError, sizeLimitIn, topologyError, unroutableError } from '../../src/rabbitmq/classify.ts';
import { Dialer } from '../../src/rabbitmq/dial.ts';
import { options } from '../../src/rabbitmq/options.ts';
import { propertiesOf } from './properties.ts';
import { failureOf, messageOf, openSink, patience } from './support.ts';

/** A server on loopback that does one thing with whoever connects. */
async function serverThat(does: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    does(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** AMQP's frame of a method on channel 0. */
function methodFrame(classId: number, methodId: number, args: Buffer): Buffer {
  const frame = Buffer.alloc(7 + 4 + args.length + 1);
  frame.writeUInt8(1, 0);
  frame.writeUInt32BE(4 + args.length, 3);
  frame.writeUInt16BE(classId, 7);
  frame.writeUInt16BE(methodId, 9);
  args.copy(frame, 11);
  frame.writeUInt8(0xce, frame.length - 1);
  return frame;
}

const longString = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};
/** connection.start of AMQP 0-9-1, with these mechanisms. */
const startWith = (mechanisms: string): Buffer =>
  methodFrame(10, 10, Buffer.concat([Buffer.from([0, 9]), longString(''), longString(mechanisms), longString('en_US')]));

describe('rabbitmq: connecting', () => {
  it.each([
    ['closes at once', (socket: Socket): void => void socket.end(), 'transient', /closed abruptly.*`tls`/],
    ['resets', (socket: Socket): void => void socket.resetAndDestroy(), 'transient', /ECONNRESET.*`tls`/],
    [
      'speaks another protocol',
      (socket: Socket): void => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'transient',
      /cannot connect to/,
    ],
    [
      'offers other ways to log in',
      (socket: Socket): void => void socket.write(startWith('SCRAM')),
      'misconfigured',
      /SASL mechanism PLAIN/,
    ],
    ['never answers', () => {}, 'transient', /no answer within 150 ms/],
    ['answers byte by byte', (socket: Socket): void => trickle(socket), 'transient', /no answer within 150 ms/],
  ] as const)('to a server that %s fails with its address, and leaves nothing', async (_, does, code, what) => {
    const host = await serverThat(does);
    const failure = await failureOf(openSink({ hosts: [host], queue_name: 'q', connect_timeout: '150ms' }).connect());
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(what);
    expect(failure.message).toContain(host);
  });

  it("sends without Nagle's delay", async () => {
    const set = vi.spyOn(Socket.prototype, 'setNoDelay');
    onTestFinished(() => set.mockRestore());
    const host = await serverThat((socket) => void socket.end());
    await failureOf(openSink({ hosts: [host], queue_name: 'q' }).connect());
    expect(set).toHaveBeenCalledWith(true);
  });

  it('begins at a host of its own and takes turns', async () => {
    const reached: number[] = [];
    const hosts = await Promise.all(
      [0, 1, 2].map(
        async (n) =>
          await serverThat((socket) => {
            reached.push(n);
            socket.destroy();
          }),
      ),
    );
    const dialer = new Dialer(options.parse({ hosts, queue_name: 'q' }), systemClock, 'test', () => 0.5);
    await failureOf(dialer.open(patience()));
    expect(reached).toEqual([1, 2, 0]);
  });
});

function trickle(socket: Socket): void {
  const bytes = startWith('PLAIN');
  let at = 0;
  const timer = setInterval(() => {
    if (at < 20) socket.write(bytes.subarray(at, ++at));
  }, 30);
  socket.on('close', () => clearInterval(timer));
}

const coded = (code: number, text: string): Error => Object.assign(new Error(text), { code });
const PLACE = { exchange: 'e', vhost: '/' };

describe('rabbitmq: what errors say', () => {
  it.each([
    [
      coded(406, 'PRECONDITION_FAILED - message size 5 is larger than configured max size 4'),
      'rejected',
      /refuses a message of this batch/,
    ],
    [coded(404, "NOT_FOUND - no exchange 'e'"), 'misconfigured', /exchange "e" of "\/".*declare/],
    [coded(403, 'ACCESS_REFUSED'), 'misconfigured', /write permission/],
    [coded(530, 'NOT_ALLOWED - vhost deleted'), 'misconfigured', /vhost deleted/],
    [coded(320, 'CONNECTION_FORCED'), 'transient', /CONNECTION_FORCED/],
    [coded(541, 'INTERNAL_ERROR'), 'transient', /INTERNAL_ERROR/],
    [new Error('Heartbeat timeout'), 'transient', /Heartbeat timeout/],
    [undefined, 'transient', /lost the broker/],
  ])('publishing: %s', (cause, code, what) => {
    const error = publishError(PLACE, cause, { confirmed: new Set([3]) });
    expect(error).toMatchObject({ code, message: expect.stringMatching(what), confirmed: new Set([3]) });
  });

  it.each([
    [false, coded(404, 'no queue'), 'misconfigured', /set `declare: create`/],
    [false, coded(404, "home node 'a' of durable queue 'q' is down or inaccessible"), 'transient', /down/],
    [true, coded(406, 'inequivalent arg'), 'misconfigured', /declared otherwise/],
    [true, coded(403, 'refused'), 'misconfigured', /configure permission/],
    [false, coded(405, 'locked'), 'misconfigured', /another connection/],
    [false, new Error('Channel ended'), 'transient', /Channel ended/],
  ])('checking (create: %s): %s', (create, cause, code, what) => {
    expect(topologyError('the queue "q"', create, cause)).toMatchObject({ code, message: expect.stringMatching(what) });
  });

  it('connecting: certificates are a mistake, a name that is not found passes', () => {
    const withCode = (code: string): Error => Object.assign(new Error(code), { code });
    for (const code of [
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'UNABLE_TO_GET_ISSUER_CERT',
    ]) {
      expect(connectError('h', { vhost: '/' }, withCode(code)).code).toBe('misconfigured');
    }
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE']) {
      expect(connectError('h', { vhost: '/' }, withCode(code)).code).toBe('transient');
    }
  });

  it('an unroutable message names exchange, key and remedy; a size limit is read from the broker', () => {
    const confirmed = new Set<number>();
    expect(unroutableError({ exchange: '', vhost: '/' }, 'q', false, { confirmed }).message).toMatch(
      /default exchange.*"q".*declare a queue/,
    );
    expect(unroutableError(PLACE, 'k', true, { confirmed }).code).toBe('rejected');
    expect(sizeLimitIn(coded(406, 'message size 9000 is larger than configured max size 4096'))).toBe(4096);
    expect(sizeLimitIn(coded(406, "message size 9000 larger than max size '4096'"))).toBe(4096);
    expect(sizeLimitIn(coded(406, 'inequivalent arg'))).toBeUndefined();
  });
});

describe('rabbitmq: properties', () => {
  it('leave out what AMQP cannot hold, and keep it as a header', () => {
    const wide = 'ü'.repeat(130);
    const properties = propertiesOf(messageOf(1, { id: wide, type: wide, time: Number.NaN, agent: 'a/b c\ud800' }));
    expect(properties).not.toHaveProperty('messageId');
    expect(properties).not.toHaveProperty('type');
    expect(properties).not.toHaveProperty('timestamp');
    expect(properties.headers).not.toHaveProperty('cloudEvents_time');
    expect(properties.headers).toMatchObject({
      cloudEvents_id: wide,
      cloudEvents_type: wide,
      cloudEvents_source: '/a%2Fb%20c%EF%BF%BD/disk',
    });
    expect(propertiesOf(messageOf(1, { time: -5000 }))).not.toHaveProperty('timestamp');
    expect(propertiesOf(messageOf(1, { time: -5000 })).headers).toMatchObject({ cloudEvents_time: '1969-12-31T23:59:55.000Z' });
  });
});
