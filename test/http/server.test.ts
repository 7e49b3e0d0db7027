/** Where it listens: tokens and certificates from files that change, other addresses after a reload, and what cannot be had. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificates, takeDefaultPort } from '../http-client/servers.ts';
import { temporaryFolder } from '../temporary.ts';
import { configOf, serving, TOKEN } from './service.ts';

/** With spaces in it, as a passphrase has. */
const OTHER = 'another token of some length';

describe('the token', () => {
  it('may be in a file, which is read again at a reload', async () => {
    const file = `${temporaryFolder()}/token`;
    writeFileSync(file, `${TOKEN}\n`);
    const { ask, web, config } = await serving(`token: { file: "${file}" }`);
    const change = async (token: string) =>
      (await ask('/api/sinks/broker/probe', { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status;
    expect([await change(TOKEN), await change(OTHER)]).toEqual([200, 401]);
    writeFileSync(`${file}.new`, OTHER);
    renameSync(`${file}.new`, file);
    await web.configure(config.http);
    expect([await change(TOKEN), await change(OTHER)]).toEqual([401, 200]);
  });

  it.each([
    ['is not there', undefined],
    ['has less than 16 characters', 'short'],
  ])('whose file %s is refused', async (said, text) => {
    const file = `${temporaryFolder()}/token`;
    if (text !== undefined) writeFileSync(file, text);
    await expect(serving(`token: { file: "${file}" }`)).rejects.toThrow(said);
  });
});

describe('an address', () => {
  it('is left for another one at a reload, and for none', async () => {
    const { web, base } = await serving();
    await web.configure((await configOf('http: { listen: ["127.0.0.2:0", "127.0.0.3:0"] }\n')).http);
    expect(web.urls).toHaveLength(2);
    for (const url of web.urls) expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expect(fetch(`${base}/livez`)).rejects.toThrow('fetch failed');
    await web.configure((await configOf('http: { enabled: false }\n')).http);
    expect(web.urls).toEqual([]);
  });

  it('that another program has is a mistake', async () => {
    const port = await neighbour();
    await expect(serving('', {}, `127.0.0.1:${port}`)).rejects.toMatchObject({
      exitCode: 69,
      message: `http.listen: 127.0.0.1:${port}: another program listens there; name another address, or set http.enabled to false`,
    });
  });
});

/** A program at a port of its own. */
async function neighbour(host = '127.0.0.1', port = 0): Promise<number> {
  const other = createServer((_, response) => response.end('another')).listen(port, host);
  onTestFinished(() => void other.close());
  await new Promise((resolve, reject) => other.once('listening', resolve).once('error', reject));
  return (other.address() as AddressInfo).port;
}

describe('a reload to a place that cannot be had', () => {
  // A connection of its own each: one that idles is closed when its address is left.
  const change = async (base: string, token = TOKEN): Promise<number> =>
    await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-length': 0 };
      request(`${base}/api/sinks/broker/probe`, { method: 'POST', headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  it('leaves the old one as it is, with its readers, and says so; later it goes elsewhere', async () => {
    const { web, base, ask } = await serving(`token: ${TOKEN}`);
    const reader = (await ask('/api/events')).body?.getReader();
    await reader?.read();
    const port = await neighbour();
    const taken = await configOf(`http: { listen: ["127.0.0.1:0", "127.0.0.1:${port}"], token: ${OTHER} }\n`);
    for (let i = 0; i < 2; i++)
      await expect(web.configure(taken.http)).rejects.toMatchObject({
        exitCode: 69,
        message: `http.listen: 127.0.0.1:${port}: another program listens there; name another address, or set http.enabled to false; until then the page stays at ${base}`,
      });
    expect(web.urls).toEqual([base]);
    expect([await change(base), await change(base, OTHER)]).toEqual([200, 401]);
    await web.configure((await configOf(`http: { listen: "127.0.0.1:0", token: ${OTHER} }\n`)).http);
    expect(web.urls).not.toEqual([base]);
    expect(await change(web.urls[0] as string, OTHER)).toBe(200);
    await expect(fetch(`${base}/livez`)).rejects.toThrow('fetch failed');
    await reader?.cancel();
  });

  it('listens again where it had given way to itself', async () => {
    const { web, base } = await serving(`token: ${TOKEN}`);
    const { port } = new URL(base);
    // All addresses of the machine include the one it has, and another that a neighbour has.
    await neighbour('127.0.0.2', Number(port));
    const { http } = await configOf(`http: { listen: "0.0.0.0:${port}", token: ${TOKEN} }\n`);
    await expect(web.configure(http)).rejects.toThrow(`0.0.0.0:${port}: another program listens there`);
    expect(web.urls).toEqual([base]);
    expect(await change(base)).toBe(200);
  });

  it('stays at its own address under other rules', async () => {
    const port = await neighbour();
    const { web, base } = await serving(`token: ${TOKEN}`);
    const own = new URL(base).host;
    await web.configure((await configOf(`http: { listen: "${own}", token: ${OTHER} }\n`)).http);
    expect(web.urls).toEqual([base]);
    expect([await change(base), await change(base, OTHER)]).toEqual([401, 200]);
    const { http } = await configOf(`http: { listen: ["${own}", "127.0.0.1:${port}"], token: ${TOKEN} }\n`);
    await expect(web.configure(http)).rejects.toThrow(`127.0.0.1:${port}`);
    expect([await change(base), await change(base, OTHER)]).toEqual([401, 200]);
  });

  it('goes on where it is when the default address is another’s', async () => {
    const { web, base } = await serving();
    await takeDefaultPort();
    await expect(web.configure((await configOf('http: {}\n')).http)).rejects.toThrow('127.0.0.1:8433');
    expect(web.urls).toEqual([base]);
    await web.configure((await configOf('http: { enabled: false }\n')).http);
    expect(web.urls).toEqual([]);
  });
});

describe('TLS', () => {
  const folder = temporaryFolder();
  const path = certificates(folder);
  const tls = `cert: "${path('server.crt')}", key: "${path('server.key')}"`;
  const ask = async (base: string, options: object = {}): Promise<IncomingMessage> =>
    await new Promise((resolve, reject) => {
      get(`${base}/livez`, { ca: readFileSync(path('ca.crt')), agent: false, ...options }, resolve).on('error', reject);
    });

  it('is spoken with certificates from files, and then HSTS is said', async () => {
    const { base } = await serving(`tls: { ${tls} }`);
    expect(base).toMatch(/^https:/);
    const response = await ask(base);
    expect(await json(response)).toEqual({ live: true });
    expect(response.headers['strict-transport-security']).toContain('max-age');
  });

  it('takes certificates that were renewed at the next look', async () => {
    const renewed = temporaryFolder();
    const other = certificates(renewed);
    for (const name of ['server.crt', 'server.key']) copyFileSync(path(name), `${renewed}/live-${name}`);
    const { base, web, config } = await serving(`tls: { cert: "${renewed}/live-server.crt", key: "${renewed}/live-server.key" }`);
    expect((await ask(base)).statusCode).toBe(200);
    for (const name of ['server.crt', 'server.key']) copyFileSync(other(name), `${renewed}/live-${name}`);
    await web.configure(config.http);
    await expect(ask(base)).rejects.toThrow(/certificate|self-signed/);
    expect((await ask(base, { ca: readFileSync(other('ca.crt')) })).statusCode).toBe(200);
  });

  it('lets in only who shows a certificate, where authorities are named', async () => {
    const { base } = await serving(`tls: { ${tls}, ca: "${path('ca.crt')}" }`);
    await expect(ask(base)).rejects.toThrow(/certificate|socket hang up|ECONNRESET/);
    const shown = { cert: readFileSync(path('client.crt')), key: readFileSync(path('client.key')) };
    expect((await ask(base, shown)).statusCode).toBe(200);
  });

  it('cannot be spoken without its files', async () => {
    await expect(serving(`tls: { cert: "${folder}/gone.crt", key: "${path('server.key')}" }`)).rejects.toThrow('http.tls.cert');
  });
});
