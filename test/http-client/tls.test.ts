/** The HTTP client over TLS: whom it trusts, and what it shows of itself. */
import { copyFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { HttpClient } from '../../src/http-client/client.ts';
import { temporaryFolder } from '../temporary.ts';
import { certificates, json, tlsServer } from './servers.ts';
import { clientOf, failure, get } from './support.ts';

describe('TLS', () => {
  const made = temporaryFolder();
  const path = certificates(made);
  const listener = (request: IncomingMessage, response: Parameters<typeof json>[0]): void =>
    json(response, { path: request.url });

  test('is refused without the authority, and taken with it, or unverified where that is asked for', async () => {
    const url = await tlsServer(listener, { cert: readFileSync(path('server.crt')), key: readFileSync(path('server.key')) });
    const [kind, message] = await failure(clientOf(), get(url));
    expect([kind, message]).toEqual(['tls', expect.stringMatching(/certificate/)]);
    expect((await clientOf({ tls: { ca: path('ca.crt') } }).request(get(url))).status).toBe(200);
    expect((await clientOf({ tls: { ca: path('ca.crt'), server_name: 'node.example' } }).request(get(url))).status).toBe(200);
    expect((await clientOf({ tls: { verify: false } }).request(get(url))).status).toBe(200);
    const other = await failure(clientOf({ tls: { ca: path('ca.crt'), server_name: 'other.example' } }), get(url));
    expect(other).toEqual(['tls', expect.stringContaining('other.example')]);
    expect(await failure(clientOf({ tls: { ca: path('none.crt') } }), get(url))).toEqual([
      'credentials',
      expect.stringContaining('is not there'),
    ]);
  });

  test('shows a certificate of its own, and a new one when the file changes', async () => {
    const options = {
      cert: readFileSync(path('server.crt')),
      key: readFileSync(path('server.key')),
      ca: readFileSync(path('ca.crt')),
      requestCert: true,
      rejectUnauthorized: false,
    };
    const url = await tlsServer((request, response) => {
      const { socket } = request as IncomingMessage & { socket: { getPeerCertificate(): { subject?: { CN?: string } } } };
      json(response, socket.getPeerCertificate().subject?.CN ?? null);
    }, options);
    const shown = async (client: HttpClient): Promise<unknown> => JSON.parse((await client.request(get(url))).body.toString());
    expect(await shown(clientOf({ tls: { ca: path('ca.crt') } }))).toBeNull();
    for (const kind of ['crt', 'key']) copyFileSync(path(`client.${kind}`), path(`mine.${kind}`));
    const client = clientOf({ tls: { ca: path('ca.crt'), cert: path('mine.crt'), key: path('mine.key') } });
    expect(await shown(client)).toBe('client');
    for (const kind of ['crt', 'key']) copyFileSync(path(`server.${kind}`), path(`mine.${kind}`));
    expect(await shown(client)).toBe('server');
  });
});
