/** The parts of a client: its sockets, its log, what is remembered of topics. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import kafkajs from 'kafkajs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openClient } from '../../src/kafka/client.ts';
import { warnOnce } from '../../src/kafka/log.ts';
import { clientOptions } from '../../src/kafka/options.ts';
import { Sockets } from '../../src/kafka/sockets.ts';
import { Topics } from '../../src/kafka/topics.ts';
import { Authority } from '../brokers/certificates.ts';
import { FakeClock } from '../clock.ts';
import { temporaryFolder } from '../temporary.ts';

async function listen(server: Server): Promise<{ port: number; accepted: Promise<Socket> }> {
  const accepted = once(server, server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection').then(
    ([socket]) => socket as Socket,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, accepted };
}

/** How a connection ended at the other side: reset, or ended as agreed. */
async function ending(socket: Socket): Promise<string> {
  return await new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => resolve('end'));
    socket.on('close', () => resolve('close'));
    socket.resume();
  });
}

describe('sockets', () => {
  const reason = new Error('enough');
  const make = (sockets: Sockets, port: number, ssl?: object): { socket: Socket; connected: Promise<void> } => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { socket: sockets.factory({ host: '127.0.0.1', port, ssl: ssl as never, onConnect: resolve }), connected: promise };
  };

  it('are reset when they are closed, and kafkajs hears of it as of an error', async () => {
    const { port, accepted } = await listen(createServer());
    const sockets = new Sockets();
    const { socket, connected } = make(sockets, port);
    const heard = once(socket, 'error');
    await connected;
    const ended = ending(await accepted);
    // What the kernel has taken, and not sent, is not sent any more.
    sockets.close(reason);
    expect(await heard).toEqual([reason]);
    expect(await ended).toBe('ECONNRESET');
    expect(sockets.size).toBe(0);
    expect(socket.destroyed).toBe(true);
  });

  it('are reset below TLS too, whatever kafkajs does meanwhile: Node itself ends with a segmentation fault there', async () => {
    const folder = temporaryFolder();
    const authority = await Authority.create(folder, 'Kafka');
    const { key, cert } = await authority.issue('server');
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => socket.resume());
    const broker = await listen(tls.on('tlsClientError', () => {}));
    // The reset is seen below TLS, by what stands before the server.
    const before = createServer((client) => {
      const onward = connect({ port: broker.port, host: '127.0.0.1' }).on('error', () => {});
      client.pipe(onward).pipe(client);
    });
    const { port } = await listen(before);
    for (let i = 0; i < 20; i++) {
      const below = once(before, 'connection').then(([socket]) => ending(socket as Socket));
      const sockets = new Sockets();
      const { socket, connected } = make(sockets, port, { ca: readFileSync(authority.ca) });
      const heard = once(socket, 'error');
      await connected;
      socket.write(Buffer.alloc(100_000));
      sockets.close(reason);
      socket.write(Buffer.alloc(100_000));
      socket.end();
      process.nextTick(() => socket.destroy());
      expect(await heard).toEqual([reason]);
      expect(await below).toBe('ECONNRESET');
    }
  });

  it('are none when TLS cannot begin, and the connection below is let go', async () => {
    const { port } = await listen(createServer());
    const sockets = new Sockets();
    const open = (): string[] => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket'));
    const before = open().length;
    // More than there are of other tests, which may end meanwhile.
    for (let i = 0; i <= before; i++) expect(() => make(sockets, port, { cert: 'no certificate' })).toThrow(/PEM/);
    expect(sockets.size).toBe(0);
    await vi.waitFor(() => expect(open().length).toBeLessThanOrEqual(before));
  });

  it('that are being ended are closed too: one that is reset then stays for ever, and so does the process', async () => {
    const { port } = await listen(createServer((socket) => socket.on('error', () => {})));
    const sockets = new Sockets();
    const { socket, connected } = make(sockets, port);
    socket.on('error', () => {});
    await connected;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end();
    sockets.close(reason);
    await closed;
  });

  it("are without Nagle's delay: a request does not wait for the acknowledgement of the one before it", async () => {
    const { port } = await listen(createServer());
    const { socket, connected } = make(new Sockets(), port);
    const { _handle: handle } = socket as unknown as { _handle: { setNoDelay(on: boolean): void } };
    const asked = vi.spyOn(handle, 'setNoDelay');
    await connected;
    expect(asked).toHaveBeenCalledWith(true);
    socket.destroy();
  });

  it('that are still being opened are dropped', async () => {
    const sockets = new Sockets();
    const server = createServer();
    const { port } = await listen(server);
    const { socket } = make(sockets, port);
    const heard = once(socket, 'error');
    sockets.close(reason);
    expect(await heard).toEqual([reason]);
    expect(socket.destroyed).toBe(true);
  });

  it('are not made any more once they are closed', () => {
    const sockets = new Sockets();
    sockets.close(reason);
    sockets.close(new Error('again'));
    expect(() => make(sockets, 1)).toThrow(reason);
  });

  it('that fail do not end the process, and are forgotten', async () => {
    const sockets = new Sockets();
    make(sockets, 1);
    make(sockets, 1, {});
    expect(sockets.size).toBe(2);
    await expect.poll(() => sockets.size).toBe(0);
  });
});

describe('what kafkajs says', () => {
  const { WARN, ERROR, INFO } = kafkajs.logLevel;
  const entry = (level: kafkajs.logLevel, message: string) => ({
    level,
    namespace: 'Connection',
    label: '',
    log: { message, timestamp: '', logger: undefined as never },
  });

  it('is said once, and errors not at all: they fail the call', () => {
    const said: string[] = [];
    const log = warnOnce((text) => said.push(text))(WARN);
    for (let i = 0; i < 3; i++) log(entry(WARN, `Response without match ${i}`));
    log(entry(ERROR, 'Connection error'));
    log(entry(INFO, 'hello'));
    log(entry(WARN, 'another'));
    expect(said).toEqual(['kafkajs, Connection: Response without match 0', 'kafkajs, Connection: another']);
    for (let i = 0; i < 100; i++) log(entry(WARN, 'x'.repeat(i)));
    expect(said.length).toBeLessThanOrEqual(20);
  });

  it('is printed nowhere, however often it cannot connect', async () => {
    const printed = (['log', 'info', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
    const warnings: string[] = [];
    const client = await openClient(clientOptions.parse({ brokers: ['127.0.0.1:1'] }), { warn: (text) => warnings.push(text) });
    for (let i = 0; i < 3; i++)
      await expect(client.kafka.producer({ createPartitioner: () => () => 0 }).connect()).rejects.toThrow(/ECONNREFUSED/);
    client.close(new Error('over'));
    await sleep(50);
    expect(printed.map((spy) => spy.mock.calls)).toEqual([[], [], [], []]);
    expect(warnings).toEqual([]);
    for (const spy of printed) spy.mockRestore();
  });
});

describe('what is remembered of topics', () => {
  it('is how much they take at once, halved at each refusal and never raised by one', () => {
    const topics = new Topics(new FakeClock(), 1000);
    expect(topics.bytes('a')).toBe(1000);
    topics.tooLarge('a', 900);
    expect(topics.bytes('a')).toBe(450);
    topics.tooLarge('a', 2000);
    expect([topics.bytes('a'), topics.bytes('b')]).toEqual([450, 1000]);
  });

  it('is a refusal of timestamps, for a minute', async () => {
    const clock = new FakeClock();
    const topics = new Topics(clock, 1000);
    topics.unstamp('a');
    expect([topics.stamped('a'), topics.stamped('b')]).toEqual([false, true]);
    await clock.advance(60_000);
    expect(topics.stamped('a')).toBe(true);
  });

  it('is how often records arrived broken in a row', () => {
    const topics = new Topics(new FakeClock(), 1000);
    expect([topics.corrupt('a'), topics.corrupt('a')]).toEqual([false, false]);
    topics.taken('a');
    expect([topics.corrupt('a'), topics.corrupt('a'), topics.corrupt('a')]).toEqual([false, false, true]);
  });

  it('is bounded', () => {
    const topics = new Topics(new FakeClock(), 1000);
    topics.tooLarge('first', 10);
    for (let i = 0; i < 1000; i++) topics.bytes(`t${i}`);
    expect(topics.bytes('first')).toBe(1000);
  });
});
