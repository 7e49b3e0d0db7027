/** Who may ask for what: tokens, other sites, other machines; and what a client that means no good can do. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createListener, listenAt } from '../../src/http/listener.ts';
import { configOf, serving, TOKEN } from './service.ts';

const PAUSE = '/api/sinks/broker/pause';
const errorOf = async (response: Response): Promise<string> => ((await response.json()) as { error: string }).error;

/** With headers that `fetch` does not let anybody set. */
const statusWith = async (base: string, path: string, headers: Record<string, string>, method = 'GET'): Promise<number> => {
  const sent = request(`${base}${path}`, { method, headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
};

describe('on this machine', () => {
  it('anybody reads, and nobody changes anything where no token is configured', async () => {
    const { ask, post, deeds } = await serving();
    expect((await ask('/api/status')).status).toBe(200);
    const refused = await post(PAUSE);
    expect([refused.status, await errorOf(refused)]).toEqual([403, expect.stringContaining('set http.token')]);
    expect(deeds).toEqual([]);
  });

  it.each([
    ['no token', {}, 401],
    ['a wrong token', { authorization: `Bearer ${TOKEN}x` }, 401],
    ['a token without its scheme', { authorization: TOKEN }, 401],
    ['the token', { authorization: `Bearer ${TOKEN}` }, 200],
  ] as const)('a change with %s', async (_name, headers, expected) => {
    const { ask, deeds } = await serving(`token: ${TOKEN}`);
    const response = await ask(PAUSE, { method: 'POST', headers });
    expect(response.status).toBe(expected);
    expect(deeds).toEqual(expected === 200 ? ['pause'] : []);
    if (expected === 401) expect(response.headers.get('www-authenticate')).toContain('Bearer');
  });

  it.each([
    ['another origin', { origin: 'http://evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['no origin that counts', { origin: 'null' }],
    ['what the browser says is cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['what the browser says is the same site only', { 'sec-fetch-site': 'same-site' }],
  ])('a change from a page of %s is refused, with the token too', async (_name, headers) => {
    const { base, deeds } = await serving(`token: ${TOKEN}`);
    expect(await statusWith(base, PAUSE, { authorization: `Bearer ${TOKEN}`, ...headers }, 'POST')).toBe(403);
    expect(deeds).toEqual([]);
  });

  it('a change from its own page is done', async () => {
    const { base, deeds } = await serving(`token: ${TOKEN}`);
    const headers = { authorization: `Bearer ${TOKEN}`, origin: base, 'sec-fetch-site': 'same-origin' };
    expect(await statusWith(base, PAUSE, headers, 'POST')).toBe(200);
    expect(deeds).toEqual(['pause']);
  });

  it.each([
    ['evil.example', 421],
    ['127.0.0.1.evil.example:8433', 421],
    ['localhost', 200],
    ['[::1]:9', 200],
  ])('a request for the host %s', async (host, expected) => {
    const { base } = await serving();
    expect(await statusWith(base, '/api/status', { host })).toBe(expected);
  });
});

describe('beyond this machine', () => {
  const OPEN = 'listen: "0.0.0.0:0"';

  it('everything needs the token but what says whether it lives, and the files of the page', async () => {
    const config = await configOf(`http: { ${OPEN}, token: ${TOKEN} }\n`);
    const { web, service } = await serving(`token: ${TOKEN}`);
    await web.configure(config.http);
    expect(service.config().http.token).toBe(TOKEN);
    const [base = ''] = web.urls;
    for (const path of ['/livez', '/readyz']) expect((await fetch(`${base}${path}`)).status, path).toBe(200);
    for (const path of ['/api/status', '/api/config', '/api/events', '/api/openapi.json', '/metrics', '/api/history', '/nothing'])
      expect((await fetch(`${base}${path}`)).status, path).toBe(401);
    expect((await fetch(`${base}/`)).status).not.toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${base}/api/status`, { headers })).status).toBe(200);
    // By whatever name it is reached there.
    expect(await statusWith(base, '/api/status', { ...headers, host: 'node.example.org' })).toBe(200);
  });

  it.each([
    [OPEN, 'http.listen: other machines can reach 0.0.0.0:0, and neither a token nor TLS is configured'],
    ['listen: ["127.0.0.1:0", "[::]:8433"]', 'other machines can reach [::]:8433'],
    ['listen: "node.example.org:8433"', 'other machines can reach node.example.org:8433'],
    [`${OPEN}, token: short`, 'http.token: it has less than 16 characters'],
    ['listen: 8433', 'http.listen'],
    ['listen: "127.0.0.1:99999"', 'expected host:port'],
  ])('{ %s } is refused, and its line is told', async (http, said) => {
    const loaded = configOf(`http: { ${http} }\n`);
    await expect(loaded).rejects.toThrow(said);
    await expect(loaded).rejects.toThrow(/tidegate\.yaml:6:\d+: /);
  });

  it.each(['listen: "127.9.8.7:0"', 'listen: "[::1]:0"', 'listen: "localhost:0"', `${OPEN}, enabled: false`])(
    '{ %s } is not beyond it',
    async (http) => {
      expect((await configOf(`http: { ${http} }\n`)).http).toBeDefined();
    },
  );
});

describe('every answer', () => {
  it('has headers that keep other sites out', async () => {
    const { ask } = await serving();
    for (const path of ['/api/status', '/nothing', '/']) {
      const { headers } = await ask(path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('limits', () => {
  it('of a body: no large one, none whose size is not said', async () => {
    const { post, ask, deeds } = await serving(`token: ${TOKEN}`);
    const large = await post('/api/sinks/broker/dead/retry', 'x'.repeat(2 ** 20));
    expect([large.status, await errorOf(large)]).toEqual([413, expect.stringContaining('1048576 bytes')]);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{}'));
        controller.close();
      },
    });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const unsaid = await ask(PAUSE, { method: 'POST', headers, body: stream, duplex: 'half' });
    expect(unsaid.status).toBe(411);
    expect(deeds).toEqual([]);
  });

  const limits = { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20, keepAliveTimeout: 20, idle: 100 };
  const caller = { from: 'a test', trusted: false, loopback: true, secure: false, token: undefined };

  it('are the same with TLS', async () => {
    const about = { handle: async (): Promise<void> => {}, caller: () => caller, connections: 2 };
    const of = async (tls?: object) => {
      const server = await createListener({ ...about, ...(tls && { tls }) });
      const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections, maxRequestsPerSocket } = server;
      return { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections, maxRequestsPerSocket };
    };
    expect(await of({})).toEqual(await of());
    expect(await of()).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 10_000,
      timeout: 60_000,
    });
  });

  it.each([
    ['never ends its headers', 'GET / HTTP/1.1\r\nhost: x\r\n'],
    ['never ends its body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1'],
    ['says nothing', ''],
  ])('of time: a client that %s is cut off', async (_name, text) => {
    const handle = async (): Promise<void> => {};
    const server = await createListener({ handle, caller: () => caller, connections: 2, limits });
    onTestFinished(() => void server.close());
    const socket = connect(await listenAt(server, '127.0.0.1', 0), '127.0.0.1');
    socket.on('error', () => {}).resume();
    socket.write(text);
    await once(socket, 'close');
  });

  it('of connections: one too many is closed', async () => {
    const server = await createListener({ handle: async () => {}, caller: () => caller, connections: 1 });
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const port = await listenAt(server, '127.0.0.1', 0);
    const first = connect(port, '127.0.0.1');
    await once(first, 'connect');
    const second = connect(port, '127.0.0.1');
    second.on('error', () => {}).resume();
    await once(second, 'close');
    expect(first.destroyed).toBe(false);
    expect((server.address() as AddressInfo).port).toBe(port);
    first.destroy();
  });
});
