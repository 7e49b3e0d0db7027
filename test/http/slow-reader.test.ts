/** A reader of events behind a real connection whose window is full: what is kept for it is bounded, what it misses is told, and it is cut off in the end. */
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createSource, defineSchema, gauge, TideEvent } from '../../src/event.ts';
import { openApi } from '../../src/http/api.ts';
import { createListener, listenAt } from '../../src/http/listener.ts';
import { Monitor } from '../../src/http/monitor.ts';
import { agentOf, configOf, serviceOf } from './service.ts';

vi.setConfig({ testTimeout: 30_000 });

const CELL = 'x'.repeat(100_000);
/** Far more than all buffers of both ends of a connection. */
const EVENTS = 1000;
/** What the system keeps for a connection on loopback at both ends, and our own buffer. */
const KEPT_BYTES_MAX = 24 * 2 ** 20;
const schema = defineSchema({ type: 't', doc: '', attributes: ['a'], fields: { value: gauge('1', '') } });
const source = createSource({ agent: 'me', run: 'r', sensor: 'a', host: 'h', labels: {} });
const eventOf = (n: number): TideEvent => new TideEvent(source, n, 1000, schema.table().add([CELL], { value: n }).seal());
const turn = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

/** The API of an agent at an address, where a connection on which nothing moves is cut off after `idle` milliseconds. */
async function listening(idle: number) {
  const { agent } = agentOf();
  const { service } = serviceOf(await configOf(), agent);
  const monitor = new Monitor(service);
  const api = openApi(service, monitor);
  const caller = () => ({ from: 'a test', trusted: true, loopback: true, secure: false, token: undefined });
  const server = (await createListener({
    handle: async (request, response, who) => await Promise.resolve(api.handle(request, response, who)),
    caller,
    connections: 8,
    limits: { idle },
  })) as Server;
  const port = await listenAt(server, '127.0.0.1', 0);
  onTestFinished(() => {
    api.close();
    monitor.close();
    server.closeAllConnections();
    server.close();
  });
  return { agent, port, server };
}

class Reader {
  readonly socket: Socket;
  #rest = '';
  bytes = 0;
  readonly numbers: number[] = [];
  missed = 0;
  ended = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.write('GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    this.socket.on('data', (data: Buffer) => this.#take(data));
    this.socket.on('error', () => {}).on('close', () => (this.ended = true));
    onTestFinished(() => void this.socket.destroy());
  }

  /** Whole lines: an event's id ends with its number. */
  #take(data: Buffer): void {
    this.bytes += data.length;
    const lines = (this.#rest + data.toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, n] = /^id: me\/r\/a\/(\d+)\r?$/.exec(line) ?? [];
      if (n !== undefined) this.numbers.push(Number(n));
      const [, missed] = /^data: \{"events":(\d+)\}\r?$/.exec(line) ?? [];
      if (missed !== undefined) this.missed += Number(missed);
    }
  }
}

/** Readers that have been sent the begin of their streams. */
async function readers(port: number, count: number): Promise<Reader[]> {
  const all = Array.from({ length: count }, () => new Reader(port));
  for (const reader of all) await vi.waitFor(() => expect(reader.bytes).toBeGreaterThan(0), 5000);
  return all;
}

test('one that does not read costs a bounded amount, and is told how many it missed when it reads again', async () => {
  const { agent, port } = await listening(60_000);
  const [slow, other] = (await readers(port, 2)) as [Reader, Reader];
  slow.socket.pause();
  for (let n = 1; n <= EVENTS; n++) {
    agent.publish(eventOf(n));
    // The other one keeps up, whatever the slow one does.
    await vi.waitFor(() => expect(other.numbers.at(-1)).toBe(n), { timeout: 10_000, interval: 1 });
  }
  expect(other.numbers).toHaveLength(EVENTS);
  expect(other.missed).toBe(0);

  slow.socket.resume();
  let n = EVENTS;
  const last = (): boolean => slow.numbers.some((number) => number > EVENTS);
  for (const until = performance.now() + 10_000; !last() && performance.now() < until; await turn()) agent.publish(eventOf(++n));
  const then = slow.numbers.findIndex((number) => number > EVENTS);
  expect(then).toBeGreaterThan(0);
  const kept = slow.numbers.slice(0, then);
  // Its first ones, in their order, and nothing between them.
  expect(kept).toEqual(kept.map((_, i) => i + 1));
  expect(kept.length * CELL.length).toBeLessThan(KEPT_BYTES_MAX);
  expect(slow.missed).toBeGreaterThanOrEqual(EVENTS - kept.length);
  // Everything that it was not sent is in what it was told.
  expect((slow.numbers[then] as number) - 1).toBe(kept.length + slow.missed);
});

test('one that reads nothing for long is cut off, and another one is not', async () => {
  const { agent, port, server } = await listening(2000);
  const [slow, other] = (await readers(port, 2)) as [Reader, Reader];
  slow.socket.pause();
  let n = 0;
  const connections = async (): Promise<number> => await promisify(server.getConnections.bind(server))();
  for (const until = performance.now() + 15_000; (await connections()) > 1 && performance.now() < until; ) {
    agent.publish(eventOf(++n));
    await vi.waitFor(() => expect(other.numbers.at(-1)).toBe(n), { timeout: 10_000, interval: 1 });
  }
  expect(await connections()).toBe(1);
  expect(n * CELL.length).toBeGreaterThan(2 ** 20);
  slow.socket.resume();
  await vi.waitFor(() => expect(slow.ended).toBe(true), 5000);
  expect(agent.publish(eventOf(++n))).toBe(1);
  await vi.waitFor(() => expect(other.numbers).toHaveLength(n), 5000);
  other.socket.destroy();
  await vi.waitFor(() => expect(agent.publish(eventOf(++n))).toBe(0), 5000);
});
