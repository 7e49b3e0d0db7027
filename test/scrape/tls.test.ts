/** TLS: who the target is, who we are, and files that are replaced while we run. Certificates are made here, by openssl. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { page, scrape, serve, targetAt } from './support.ts';

const without = spawnSync('openssl', ['version']).status !== 0;
const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

/** A certificate for a name, signed by an authority made before, or by itself. */
function certificate(name: string, subject: string, by?: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  writeFileSync(path(`${name}.ext`), `subjectAltName=DNS:${subject}\n`);
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    path(`${name}.key`),
    '-out',
    path(`${name}.csr`),
    '-subj',
    `/CN=${subject}`,
  );
  const signer =
    by === undefined
      ? ['-signkey', path(`${name}.key`)]
      : ['-CA', path(`${by}.pem`), '-CAkey', path(`${by}.key`), '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    path(`${name}.csr`),
    ...signer,
    '-days',
    '2',
    '-out',
    path(`${name}.pem`),
    ...(by === undefined ? [] : ['-extfile', path(`${name}.ext`)]),
  );
}

describe.skipIf(without)('a target behind TLS (needs openssl)', () => {
  const served = async (requestCert = false) => {
    certificate('ca', 'authority');
    certificate('server', 'node.test', 'ca');
    certificate('client', 'client', 'ca');
    const read = (name: string): Buffer => readFileSync(path(name));
    const server = createServer({
      key: read('server.key'),
      cert: read('server.pem'),
      ca: read('ca.pem'),
      requestCert,
      rejectUnauthorized: requestCert,
    });
    return await serve(
      (request, response) =>
        page(`peer{name="${(request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString() ?? ''}"} 1\n`)(
          request,
          response,
        ),
      server,
    );
  };

  test('is believed when its authority is known and its name is right', async () => {
    const { origin } = await served();
    const up = async (tls: object) => (await scrape(await targetAt(origin, { tls }))).report;
    expect(await up({})).toMatchObject({ up: 0, reason: expect.stringMatching(/cannot be reached: .*certificate/) });
    expect(await up({ ca_file: path('ca.pem') })).toMatchObject({ up: 0, reason: expect.stringMatching(/altnames|ALTNAME/) });
    expect(await up({ ca_file: path('ca.pem'), server_name: 'node.test' })).toMatchObject({ up: 1, reason: '' });
    expect(await up({ insecure_skip_verify: true })).toMatchObject({ up: 1 });
    expect(await up({ ca_file: path('none.pem') })).toMatchObject({
      up: 0,
      reason: expect.stringMatching(/certificate authorities cannot be read: ENOENT/),
    });
  });

  test('is shown our certificate, and a new one when the files change', async () => {
    const { origin } = await served(true);
    certificate('other', 'other', 'ca');
    copyFileSync(path('client.pem'), path('own.pem'));
    copyFileSync(path('client.key'), path('own.key'));
    const tls = { ca_file: path('ca.pem'), server_name: 'node.test', cert_file: path('own.pem'), key_file: path('own.key') };
    const target = await targetAt(origin, { tls });
    expect((await scrape(target)).values).toEqual({ 'peer{name="client"}': 1 });
    copyFileSync(path('other.pem'), path('own.pem'));
    copyFileSync(path('other.key'), path('own.key'));
    expect((await scrape(target)).values).toEqual({ 'peer{name="other"}': 1 });
    expect(
      (await scrape(await targetAt(origin, { tls: { ca_file: path('ca.pem'), server_name: 'node.test' } }))).report['up'],
    ).toBe(0);
  });
});
