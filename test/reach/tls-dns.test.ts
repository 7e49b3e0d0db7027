/** Pings by TLS and DNS against real servers: the certificate's time, and answers. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { certificates, httpServer, json, tcpServer, tlsServer } from '../http-client/servers.ts';
import { rowsOf } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { NOW, opened, pinged } from './pinged.ts';

describe('TLS', () => {
  const path = certificates(temporaryFolder());
  const ca = path('ca.crt');
  const server = tlsServer((_request, response) => json(response, { ok: true }), {
    cert: readFileSync(path('server.crt')),
    key: readFileSync(path('server.key')),
  });

  test('is right with its authority, and the certificate has its time', async () => {
    const url = await server;
    const now = Date.now() / 1000 - NOW;
    const { at } = await opened({ targets: { web: { http: url, ca }, raw: { tls: new URL(url).host, ca } } });
    const tables = await at(now);
    for (const row of rowsOf(tables, 'node.target')) {
      expect(row['up']).toBe(1);
      const days = Number(row['certificate.remaining']) / 86_400;
      expect([Math.round(days)]).toEqual([30]);
    }
    expect(rowsOf(tables, 'node.latency').map((row) => [row['node.target'], row['node.phase']])).toEqual([
      ['web', 'connect'],
      ['web', 'tls'],
      ['web', 'first_byte'],
      ['web', 'total'],
      ['raw', 'connect'],
      ['raw', 'tls'],
      ['raw', 'total'],
    ]);
  });

  test('that is not trusted, for another name, or nearly over is a failure, and its time is known all the same', async () => {
    const target = { tls: new URL(await server).host };
    const reason = async (more: object): Promise<unknown> => {
      const { row, error } = await pinged({ ...target, ...more });
      expect(row['certificate.remaining']).toBeTypeOf('number');
      return error?.[1];
    };
    expect(await reason({})).toContain('its certificate is of an authority that is not known');
    expect(await reason({ ca, server_name: 'other.example' })).toContain('its certificate is for another name');
    expect(await reason({ ca, server_name: 'node.example' })).toBeUndefined();
    expect(await reason({ verify: false })).toBeUndefined();
  });

  test('that ends too soon is a failure', async () => {
    const { at } = await opened({ targets: { one: { tls: new URL(await server).host, ca, min_validity: '60d' } } });
    const tables = await at(Date.now() / 1000 - NOW);
    expect(rowsOf(tables, 'node.error')[0]?.['error.message']).toContain('valid for less than 60d');
  });

  test('that is not spoken is a failure of TLS', async () => {
    const plain = await httpServer((_request, response) => json(response, {}));
    expect((await pinged({ tls: new URL(plain).host })).error?.[0]).toBe('tls');
    const silent = await tcpServer(() => {});
    expect((await pinged({ tls: `127.0.0.1:${silent}` }, { ping_timeout: '500ms' })).error).toEqual([
      'timeout',
      `127.0.0.1:${silent}: no TLS within 500ms`,
    ]);
  });
});

describe('DNS', () => {
  /** A name server that knows `node.example`, says no to `gone.example`, and to others nothing. Returns its address. */
  async function nameServer(): Promise<string> {
    const socket = createSocket('udp4');
    socket.on('message', (query, from) => {
      const name = query.subarray(12, query.indexOf(0, 12)).toString('latin1');
      if (!name.includes('example')) return;
      const known = name.startsWith('\u0004node');
      // The header of the query with the bits of an answer, its question, and one A record that points at the question's name.
      const header = Buffer.from(query.subarray(0, 12));
      header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
      header.writeUInt16BE(known ? 1 : 0, 6);
      header.writeUInt32BE(0, 8);
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
      socket.send(Buffer.concat([header, question, ...(known ? [answer] : [])]), from.port, from.address);
    });
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
    afterAll(() => void socket.close());
    return `127.0.0.1:${socket.address().port}`;
  }

  test('is reached when the name has an answer, that matches where it must', async () => {
    const server = await nameServer();
    expect(await pinged({ dns: 'node.example', server })).toMatchObject({ row: { up: 1, answers: 1 }, phases: ['dns', 'total'] });
    expect((await pinged({ dns: 'node.example', server, answer: '^192\\.0\\.2\\.7$' })).row['up']).toBe(1);
    expect((await pinged({ dns: 'node.example', server, answer: '^10\\.' })).error).toEqual([
      'answer',
      'node.example A: no answer matches ^10\\.: 192.0.2.7',
    ]);
    expect((await pinged({ dns: 'gone.example', server })).error).toEqual([
      'answer',
      'gone.example A: there is no such name (ENOTFOUND)',
    ]);
    const [kind] = (await pinged({ dns: 'silent', server }, { ping_timeout: '100ms' })).error ?? [];
    expect(kind).toBe('timeout');
  });
});
