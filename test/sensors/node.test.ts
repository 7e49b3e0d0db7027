/** The sensor `node` against real servers that come, go, hang and lie. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import sensor from '../../sensors/node.ts';
import { sensorState } from '../../src/sensor-state.ts';
import { deadPort, httpServer, json, tcpServer } from '../http-client/servers.ts';
import { NOW, opened, pinged } from '../reach/pinged.ts';
import { type PlainRow, type PlainTable, rowsOf } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

/** A listener that can go and come back on its port. */
async function door(): Promise<{ port: number; close: () => Promise<void>; openAgain: () => Promise<void> }> {
  let server: Server;
  const listen = async (at: number): Promise<number> => {
    server = createServer((socket) => socket.on('error', () => {}).destroy());
    await new Promise<void>((resolve) => void server.listen(at, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  const port = await listen(0);
  const close = async (): Promise<void> => void (await new Promise((resolve) => server.close(resolve)));
  afterAll(() => void server.close());
  return { port, close, openAgain: async () => void (await listen(port)) };
}

describe('up and down', () => {
  test('with patience, an event for each change, and a since that survives a restart', async () => {
    const folder = temporaryFolder();
    const state = () => sensorState(folder, 'reach', () => {});
    const said: string[] = [];
    const say = (message: string): void => void said.push(message);
    const { port, close, openAgain } = await door();
    const options = { targets: { app: { tcp: `127.0.0.1:${port}` } }, down_after: 2, up_after: 2 };
    const first = await opened(options, { state: state(), warn: say, info: say });
    const row = (tables: PlainTable[]): PlainRow => rowsOf(tables, 'node.target')[0] ?? {};
    const changes = (tables: PlainTable[]): PlainRow[] => rowsOf(tables, 'node.transition');

    const begun = await first.at(0);
    expect(row(begun)).toEqual({
      'node.target': 'app',
      'node.check': 'tcp',
      up: 1,
      since: NOW,
      state_duration: 0,
      reachable: 1,
      failures: 0,
    });
    expect(changes(begun)).toMatchObject([{ 'node.state': 'up', 'node.state.before': 'unknown', since: NOW, 'error.type': '' }]);
    expect(changes(await first.at(10))).toEqual([]);

    await close();
    const failing = await first.at(20);
    expect(row(failing)).toMatchObject({ up: 1, reachable: 0, failures: 1, since: NOW, state_duration: 20 });
    const fallen = await first.at(30);
    const reason = `127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`;
    expect(row(fallen)).toMatchObject({ up: 0, reachable: 0, failures: 2, since: NOW + 20, state_duration: 10 });
    expect(changes(fallen)).toEqual([
      {
        'node.target': 'app',
        'node.check': 'tcp',
        'node.state': 'down',
        'node.state.before': 'up',
        'error.type': 'unreachable',
        'error.message': reason,
        since: NOW + 20,
        duration_before: 20,
      },
    ]);
    expect(said).toEqual([`app: ${reason}`]);
    await first.sampler.close?.();

    const second = await opened(options, { state: state() });
    const later = await second.at(1000);
    expect(row(later)).toMatchObject({ up: 0, since: NOW + 20, state_duration: 980 });
    expect(changes(later)).toEqual([]);
    await openAgain();
    expect(changes(await second.at(1010))).toEqual([]);
    expect(changes(await second.at(1020))).toMatchObject([{ 'node.state': 'up', since: NOW + 1010, duration_before: 990 }]);
    await second.sampler.close?.();
    expect(JSON.parse(readFileSync(join(folder, 'sensors/reach.json'), 'utf8'))).toEqual({
      targets: { app: { state: 'up', since: NOW + 1010, target: `tcp 127.0.0.1:${port}` } },
    });

    // Of another target of that name nothing is known.
    const other = await opened({ targets: { app: { tcp: `localhost:${port}` } } }, { state: state() });
    expect(changes(await other.at(2000))).toMatchObject([{ 'node.state.before': 'unknown', since: NOW + 2000 }]);
  });

  test('of many targets at once, each with its own', async () => {
    const port = await tcpServer(() => {});
    const dead = await deadPort();
    const targets = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`t${i}`, { tcp: `127.0.0.1:${i % 2 === 0 ? port : dead}` }]),
    );
    const { at } = await opened({ targets, down_after: 1 });
    const tables = await at(0);
    expect(rowsOf(tables, 'node.target').map(({ up }) => up)).toEqual(Array.from({ length: 200 }, (_, i) => 1 - (i % 2)));
    expect(tables.filter(({ type }) => type === 'node.transition')).toHaveLength(200);
    expect(rowsOf(tables, 'node.error')).toHaveLength(100);
  });
});

describe('a ping', () => {
  test('by TCP is reached when a connection is taken, by name too', async () => {
    const port = await tcpServer(() => {});
    expect(await pinged({ tcp: `127.0.0.1:${port}` })).toMatchObject({ row: { up: 1 }, phases: ['connect', 'total'] });
    expect(await pinged({ tcp: `localhost:${port}` })).toMatchObject({ row: { up: 1 }, phases: ['dns', 'connect', 'total'] });
    expect((await pinged({ tcp: 'no-such-host.invalid:1' })).error?.[0]).toBe('unreachable');
  });

  test('by a socket of the machine likewise', async () => {
    const path = join(temporaryFolder(), 's.sock');
    await httpServer(() => {}, path);
    expect((await pinged({ unix: path })).row['up']).toBe(1);
    expect((await pinged({ unix: `${path}.none` })).error).toEqual([
      'unreachable',
      `${path}.none: the socket is not there (ENOENT)`,
    ]);
  });

  test('by HTTP is held against status and body, phase by phase', async () => {
    const url = await httpServer((request, response) => {
      if (request.url === '/slow') return;
      if (request.headers['x-token'] === 'wrong') json(response, {}, 401);
      else response.writeHead(request.url === '/gone' ? 404 : 200).end(`synced at ${request.method} ${request.headers.host}`);
    });
    expect(await pinged({ http: url, body: 'synced at GET 127' })).toMatchObject({
      row: { up: 1, status: 200 },
      error: undefined,
      phases: ['connect', 'first_byte', 'total'],
    });
    const server = new URL(url).host;
    expect((await pinged({ http: `${url}/gone` })).error).toEqual(['status', `${server} answered with status 404`]);
    expect((await pinged({ http: `${url}/gone`, statuses: [404] })).row).toMatchObject({ up: 1, status: 404 });
    expect((await pinged({ http: url, body: 'syncing' })).error).toEqual([
      'body',
      `the answer of ${server} does not match syncing`,
    ]);
    expect((await pinged({ http: url, headers: { 'X-Token': 'wrong' } })).error?.[1]).toContain('status 401');
    expect((await pinged({ http: `${url}/slow` }, { ping_timeout: '500ms' })).error).toEqual([
      'timeout',
      `${server}: no answer within 500ms`,
    ]);
  });

  test('by HTTP reads no more of an endless answer than it needs, and waits for no drip', async () => {
    const url = await httpServer((request, response) => {
      const drip = request.url === '/drip';
      const timer = setInterval(() => response.write(drip ? '.' : Buffer.alloc(65_536, 46)), 5);
      response.on('close', () => clearInterval(timer));
    });
    expect((await pinged({ http: url, body: '^\\.+$' })).row['up']).toBe(1);
    expect((await pinged({ http: `${url}/drip`, body: 'x' }, { ping_timeout: '1s' })).error?.[1]).toContain(
      'no whole answer within 1s',
    );
  });

  test('by a server that speaks no HTTP, or cuts the connection, has a reason', async () => {
    const ssh = await tcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'));
    expect((await pinged({ http: `http://127.0.0.1:${ssh}` })).error?.[0]).toBe('protocol');
    const cut = await tcpServer((socket) => socket.once('data', () => socket.destroy()));
    expect((await pinged({ http: `http://127.0.0.1:${cut}` })).error).toEqual([
      'unreachable',
      `127.0.0.1:${cut}: the connection was cut (ECONNRESET)`,
    ]);
  });

  test('by a token that cannot be read says nothing of the target', async () => {
    const file = join(temporaryFolder(), 'token');
    const url = await httpServer((request, response) => json(response, {}, request.headers['x-token'] === 'tide' ? 200 : 403));
    const { at } = await opened({ targets: { app: { http: url, headers: { 'X-Token': { file } } } } });
    const [row] = rowsOf(await at(0), 'node.target');
    expect(row).toEqual({ 'node.target': 'app', 'node.check': 'http', failures: 0 });
    writeFileSync(file, 'tide');
    expect(rowsOf(await at(10), 'node.target')).toMatchObject([{ up: 1, since: NOW + 10 }]);
  });

  test('of an aborted sample says nothing either', async () => {
    let hangs = true;
    const url = await httpServer((_request, response) => {
      if (!hangs) json(response, {});
    });
    const { sampler, at } = await opened({ targets: { app: { http: url } }, down_after: 1 });
    const controller = new AbortController();
    const sampling = sampler.sample(controller.signal, NOW * 1000);
    controller.abort(new Error('the sample is over'));
    await sampling;
    hangs = false;
    const tables = await at(10);
    expect(rowsOf(tables, 'node.target')).toMatchObject([{ up: 1, failures: 0, since: NOW + 10 }]);
    expect(rowsOf(tables, 'node.transition')).toMatchObject([{ 'node.state.before': 'unknown' }]);
  });
});

describe('options', () => {
  const refused = (target: object): string => {
    const result = sensor.options.safeParse({ targets: { one: target } });
    return result.success ? '' : result.error.issues.map(({ message }) => message).join('; ');
  };

  test.each([
    [{}, 'expected one of tcp, unix, http, tls, dns, icmp, and here is none'],
    [{ tcp: '127.0.0.1:1', dns: 'x' }, 'here is tcp and dns'],
    [{ tcp: '127.0.0.1' }, 'is no host and port'],
    [{ tcp: '127.0.0.1:99999' }, 'is no host and port'],
    [{ tcp: '127.0.0.1:1', body: 'x' }, 'body is an option of http, and this is tcp'],
    [{ icmp: '-f' }, 'expected the name of a host'],
    [{ tls: 'x:1', cert: 'c' }, 'cert and key are given together'],
    [{ http: 'http://u:p@x' }, 'no user and password'],
    [{ dns: 'x', server: 'example.org' }, 'expected an address'],
  ])('%o is refused', (target, why) => {
    expect(refused(target)).toContain(why);
  });

  test('take an address of IPv6', () => {
    expect(refused({ tcp: '[::1]:80' })).toBe('');
  });

  test('are refused without a target', () => {
    expect(sensor.options.safeParse({ targets: {} }).success).toBe(false);
  });
});
