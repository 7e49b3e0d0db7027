/** The proxy's faults, before a server that echoes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Proxy } from './proxy.ts';

let server: Server;
let proxy: Proxy;
let open: Socket[];
let atServer: Promise<Socket>;

beforeEach(async () => {
  open = [];
  const first = Promise.withResolvers<Socket>();
  atServer = first.promise;
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).pipe(socket);
    open.push(socket);
    first.resolve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await Proxy.start(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  await proxy.close();
  for (const socket of open) socket.destroy();
  server.close();
});

/** A client of the proxy: what it has received, and what ended it. */
async function client(): Promise<{ socket: Socket; received: () => string; ended: Promise<string> }> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  open.push(socket);
  let received = '';
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  socket.setEncoding('utf8').on('data', (text: string) => (received += text));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.on('end', () => resolve('end'));
  await once(socket, 'connect');
  return { socket, received: () => received, ended };
}

test('passes everything both ways, and the ends of both', async () => {
  const { socket, received, ended } = await client();
  const text = 'tide'.repeat(500_000);
  socket.end(text);
  expect(await ended).toBe('end');
  expect(received() === text).toBe(true);
  expect([proxy.passed('up'), proxy.passed('down')]).toEqual([text.length, text.length]);
  await expect.poll(() => proxy.connections).toBe(0);
});

test('resets both ends, and takes new connections', async () => {
  const { ended } = await client();
  const reset = once(await atServer, 'error');
  proxy.cut();
  expect(await ended).toBe('ECONNRESET');
  expect(await reset).toMatchObject([{ code: 'ECONNRESET' }]);
  const again = await client();
  again.socket.end('again');
  expect(await again.ended).toBe('end');
  expect([again.received(), proxy.cuts, proxy.accepted]).toEqual(['again', 1, 2]);
});

test('refuses, while connections that are there stay', async () => {
  const { socket, received } = await client();
  await proxy.refuse(true);
  await expect(client()).rejects.toThrow(/ECONNREFUSED/);
  socket.write('still');
  await expect.poll(received).toBe('still');
  await proxy.refuse(false);
  await client();
});

test('stalls in one direction: the server is told, its answer waits', async () => {
  const { socket, received } = await client();
  proxy.stall(true, 'down');
  socket.write('question');
  await expect.poll(async () => (await atServer).bytesWritten).toBe(8);
  expect([proxy.passed('up'), proxy.passed('down'), proxy.unanswered, received()]).toEqual([8, 0, 8, '']);
  proxy.stall(false);
  await expect.poll(received).toBe('question');
  expect(proxy.unanswered).toBe(0);
});

test('stalls in both, until the sender cannot write any more, and loses nothing', async () => {
  const { socket, received, ended } = await client();
  await atServer;
  proxy.stall(true);
  const text = 'gate'.repeat(5_000_000);
  socket.end(text);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(socket.writableLength).toBeGreaterThan(0);
  expect([proxy.passed('up'), received()]).toEqual([0, '']);
  proxy.stall(false);
  expect(await ended).toBe('end');
  expect(received() === text).toBe(true);
});

test('delays each way, and keeps the order', async () => {
  const { socket, received } = await client();
  proxy.delay(100);
  const began = performance.now();
  socket.write('one ');
  setTimeout(() => socket.write('two'), 50);
  await expect.poll(received, { interval: 5 }).toBe('one two');
  expect(performance.now() - began).toBeGreaterThan(240);
});

test('cuts after exactly so many bytes, once', async () => {
  const { socket, ended } = await client();
  proxy.cutAfter(3, 'up');
  socket.write('abcdef');
  expect(await ended).toBe('ECONNRESET');
  await expect.poll(async () => (await atServer).bytesRead).toBe(3);
  expect([proxy.passed('up'), proxy.cuts]).toEqual([3, 1]);
  const again = await client();
  again.socket.end('abcdef');
  expect(await again.ended).toBe('end');
});

test('is refused where the broker is', async () => {
  server.close();
  const { ended } = await client();
  expect(await ended).toBe('ECONNRESET');
});
