/** The HTTP client against real servers that behave, misbehave and lie. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { HttpClient } from '../../src/http-client/client.ts';
import { temporaryFolder } from '../temporary.ts';
import { deadPort, httpServer, json, tcpServer } from './servers.ts';
import { clientOf, failure, get } from './support.ts';

const folder = temporaryFolder();
describe('an answer', () => {
  test('comes whole, on connections that are kept', async () => {
    const sockets = new Set<unknown>();
    const url = await httpServer((request, response) => {
      sockets.add(request.socket);
      json(response, { path: request.url });
    });
    const client = clientOf();
    for (let i = 0; i < 20; i++) {
      const path = `/a?b=${i}`;
      const { status, body } = await client.request(get(`${url}${path}`));
      expect([status, JSON.parse(body.toString())]).toEqual([200, { path }]);
    }
    // A second one where the first was not yet free.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  test('comes on a new connection where the server has closed the old one', async () => {
    let requests = 0;
    const port = await tcpServer((socket) => {
      socket.on('data', () => {
        requests++;
        // Every connection serves one request, promises to stay, and is gone at the next.
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
        socket.removeAllListeners('data').on('data', () => socket.destroy());
      });
    });
    const client = clientOf();
    for (let i = 0; i < 3; i++) expect((await client.request(get(`http://127.0.0.1:${port}/`))).status).toBe(200);
    expect(requests).toBe(3);
  });

  test('may be packed, and is refused when it unpacks to more than it may', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20));
    const url = await httpServer((request, response) => {
      const body =
        request.url === '/bomb' ? bomb : request.url === '/cut' ? gzipSync('{"a":1}').subarray(0, 12) : gzipSync('{"a":1}');
      response.writeHead(200, { 'content-encoding': request.url === '/odd' ? 'zstd9' : 'gzip' }).end(body);
    });
    const client = clientOf();
    expect((await client.request(get(url))).body.toString()).toBe('{"a":1}');
    expect(bomb.length).toBeLessThan(4 * 2 ** 20);
    expect(await failure(client, get(`${url}/bomb`))).toEqual([
      'body_too_large',
      expect.stringContaining('longer than max_body, 4MiB'),
    ]);
    expect(await failure(client, get(`${url}/cut`))).toEqual(['broken_body', expect.stringContaining('cannot be unpacked')]);
    expect(await failure(client, get(`${url}/odd`))).toEqual(['broken_body', expect.stringContaining('encoded as "zstd9"')]);
  });

  test('may come through a socket of the machine', async () => {
    const path = join(folder, 'node.sock');
    await httpServer((request, response) => json(response, { host: request.headers.host }), path);
    const client = clientOf({ unix_socket: path });
    expect(JSON.parse((await client.request(get('http://node/status'))).body.toString())).toEqual({ host: 'node' });
    const [kind, message] = await failure(clientOf({ unix_socket: join(folder, 'none.sock') }), get('http://node/'));
    expect([kind, message]).toEqual(['unreachable', `${join(folder, 'none.sock')}: the socket is not there (ENOENT)`]);
  });
});

describe('a server that', () => {
  test('is not there, or has no name, is unreachable', async () => {
    const port = await deadPort();
    expect(await failure(clientOf(), get(`http://127.0.0.1:${port}`))).toEqual([
      'unreachable',
      `127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`,
    ]);
    const [kind, message] = await failure(clientOf(), get('http://no-such-host.invalid/'));
    expect(kind).toBe('unreachable');
    expect(message).toMatch(/^no-such-host\.invalid: (its name is not known|the name server does not answer)/);
  });

  test('never answers is given up at the deadline', async () => {
    const url = await httpServer(() => {});
    const [kind, message] = await failure(clientOf({}, 80), get(url));
    expect([kind, message]).toEqual(['timeout', `no answer of ${new URL(url).host} within 80ms`]);
  });

  test('drips is given up at the same deadline, however lively it is', async () => {
    const url = await httpServer((_request, response) => {
      response.writeHead(200).write('{');
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drip));
    });
    const [kind, message] = await failure(clientOf({}, 150), get(url));
    expect(kind).toBe('timeout');
    expect(message).toMatch(/was not whole within 150ms, after \d+ bytes/);
  });

  test('never ends is cut at the limit while it comes', async () => {
    let sent = 0;
    const ended = Promise.withResolvers<void>();
    const url = await httpServer((_request, response) => {
      const chunk = Buffer.alloc(16_384, 32);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        sent += chunk.length;
      };
      response.on('drain', more).on('close', () => ended.resolve());
      more();
    });
    expect(await failure(clientOf({ max_body: '1MiB' }), get(url))).toEqual([
      'body_too_large',
      `the answer of ${new URL(url).host} is longer than max_body, 1MiB`,
    ]);
    await ended.promise;
    // What was under way in buffers of the kernel's comes on top, and no more.
    expect(sent).toBeLessThan(32 * 2 ** 20);
  });

  test('breaks off is said, with how far it got', async () => {
    const port = await tcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":');
        setTimeout(() => socket.destroy(), 20);
      });
    });
    const [kind, message] = await failure(clientOf(), get(`http://127.0.0.1:${port}/`));
    expect(kind).toBe('broken_body');
    expect(message).toContain('broke off after 5 bytes');
  });

  test('speaks another protocol is said', async () => {
    const port = await tcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'));
    expect((await failure(clientOf(), get(`http://127.0.0.1:${port}/`)))[0]).toBe('protocol');
    // TLS spoken to one that does not.
    const plain = await httpServer((_request, response) => json(response, {}));
    expect((await failure(clientOf(), get(plain.replace('http:', 'https:'))))[0]).toBe('tls');
  });

  test('answers with a status that is none to be taken', async () => {
    const url = await httpServer((request, response) => json(response, {}, Number(request.url?.slice(1))));
    for (const status of [204, 299]) expect((await clientOf().request(get(`${url}/${status}`))).status).toBe(status);
    for (const status of [304, 401, 404, 500, 503])
      expect(await failure(clientOf(), get(`${url}/${status}`))).toEqual([
        'status',
        expect.stringContaining(`with status ${status}`),
      ]);
    const endless = await httpServer((_request, response) => {
      response.writeHead(500);
      const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 5);
      response.on('close', () => clearInterval(timer));
    });
    expect((await failure(clientOf(), get(endless)))[0]).toBe('status');
    const { status } = await clientOf().request({ ...get(`${url}/503`), accepts: (one) => one === 503 });
    expect(status).toBe(503);
  });
});

describe('redirections', () => {
  test('are followed, but not in a circle, nor for ever, nor to nowhere', async () => {
    const url = await httpServer((request, response) => {
      const path = request.url ?? '';
      const n = Number(path.slice(2));
      const to: Record<string, string> = { '/once': '/end', '/ring': '/back', '/back': '/ring', '/odd': 'gopher://x/' };
      const location = path.startsWith('/n') ? `/n${n + 1}` : to[path];
      if (location === undefined && path !== '/lost') json(response, { path });
      else response.writeHead(302, location === undefined ? {} : { location }).end('moved');
    });
    const client = clientOf();
    expect(JSON.parse((await client.request(get(`${url}/once`))).body.toString())).toEqual({ path: '/end' });
    expect(await failure(client, get(`${url}/ring`))).toEqual(['redirect', expect.stringContaining('in a circle')]);
    expect(await failure(client, get(`${url}/n1`))).toEqual(['redirect', expect.stringContaining('more than 5 times')]);
    expect(await failure(client, get(`${url}/odd`))).toEqual(['redirect', expect.stringContaining('to nowhere')]);
    expect(await failure(client, get(`${url}/lost`))).toEqual(['redirect', expect.stringContaining('to nowhere')]);
    expect(await failure(client, { method: 'POST', url: `${url}/once`, body: '{}' })).toEqual([
      'redirect',
      expect.stringContaining('a POST'),
    ]);
    expect(await failure(clientOf({ max_redirects: 0 }), get(`${url}/once`))).toEqual([
      'redirect',
      expect.stringContaining('more than 0'),
    ]);
  });

  test('to ever new servers keep connections to few of them', async () => {
    const others = await Promise.all(Array.from({ length: 40 }, () => httpServer((_request, response) => json(response, {}))));
    let n = 0;
    const url = await httpServer((_request, response) => response.writeHead(302, { location: others[n++ % 40] ?? '' }).end());
    const client = clientOf();
    for (let i = 0; i < 80; i++) expect((await client.request(get(url))).status).toBe(200);
  });

  test('to another server carry no credential there, and to the same one do', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const other = await httpServer((request, response) => {
      seen.push(request.headers);
      json(response, {});
    });
    const first = await httpServer((request, response) => {
      seen.push(request.headers);
      const location = request.url === '/away' ? other : request.url === '/within' ? '/end' : undefined;
      if (location === undefined) json(response, {});
      else response.writeHead(307, { location }).end();
    });
    const client = clientOf({ headers: { 'X-Token': 'tide' }, bearer: 'gate' });
    await client.request(get(`${first}/away`));
    await client.request(get(`${first}/within`));
    expect(seen.map((headers) => [headers['x-token'], headers['authorization']])).toEqual([
      ['tide', 'Bearer gate'],
      [undefined, undefined],
      ['tide', 'Bearer gate'],
      ['tide', 'Bearer gate'],
    ]);
  });
});

describe('credentials', () => {
  const file = (name: string, text: string): { file: string } => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
    return { file: join(folder, name) };
  };

  test('are sent as they are asked for, from files as they are now', async () => {
    const url = await httpServer((request, response) => json(response, request.headers['authorization'] ?? null));
    const sent = async (client: HttpClient): Promise<unknown> => JSON.parse((await client.request(get(url))).body.toString());
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
    expect(await sent(clientOf())).toBeNull();
    expect(await sent(clientOf({ basic: { username: 'monitor', password: 'ebb:flow é' } }))).toBe(basic('monitor:ebb:flow é'));
    const cookie = file('.cookie', '__cookie__:0123abcd\n');
    const client = clientOf({ basic: cookie });
    expect(await sent(client)).toBe(basic('__cookie__:0123abcd'));
    // As Bitcoin Core does at every start.
    file('.cookie', '__cookie__:fedc9876');
    expect(await sent(client)).toBe(basic('__cookie__:fedc9876'));
    expect(await sent(clientOf({ basic: { username: 'u', password: file('password', 'p\n') } }))).toBe(basic('u:p'));
    expect(await sent(clientOf({ bearer: file('token', ' abc \n') }))).toBe('Bearer abc');
  });

  test('that cannot be had are said by their file, never by what is in it', async () => {
    const url = await httpServer((_request, response) => json(response, {}));
    expect(await failure(clientOf({ bearer: { file: join(folder, 'gone') } }), get(url))).toEqual([
      'credentials',
      `the file ${join(folder, 'gone')} is not there`,
    ]);
    expect(await failure(clientOf({ bearer: file('empty', '\n') }), get(url))).toEqual([
      'credentials',
      `the file ${join(folder, 'empty')} is empty`,
    ]);
    const [kind, message] = await failure(clientOf({ bearer: file('two-lines', 'hush\nhush') }), get(url));
    expect(kind).toBe('credentials');
    expect(message).not.toContain('hush');
    expect(await failure(clientOf({ bearer: { file: folder } }), get(url))).toEqual([
      'credentials',
      expect.stringContaining('cannot be read: EISDIR'),
    ]);
  });
});

test('a request that its sample gives up ends at once', async () => {
  const url = await httpServer(() => {});
  const controller = new AbortController();
  const request = clientOf().request(get(url), controller.signal);
  setTimeout(() => controller.abort(new Error('the sample is over')), 20);
  await expect(request).rejects.toThrow('the sample is over');
  await expect(clientOf().request(get(url), controller.signal)).rejects.toThrow('the sample is over');
});
