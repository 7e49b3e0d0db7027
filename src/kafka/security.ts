/** Certificates and passwords, read from their files each time that a client is made: they are renewed while the service runs. */
import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext, type SecureContextOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import { describe, SinkError } from '../errors.ts';
import { holdSecret } from '../held-secrets.ts';
import type { ClientOptions } from './options.ts';

/** A file of this size is no certificate and no password, in bytes. */
const FILE_BYTES_MAX = 2 ** 20;

export interface Security {
  readonly ssl?: ConnectionOptions;
  readonly sasl?: SASLOptions;
}

/** Reads what the options name. Throws `SinkError`, misconfigured, when a file cannot be read. */
export async function readSecurity({ tls, sasl }: ClientOptions): Promise<Security> {
  return {
    ...(tls && { ssl: await readTls(tls) }),
    ...(sasl && { sasl: await readSasl(sasl) }),
  };
}

async function readTls(tls: NonNullable<ClientOptions['tls']>): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([read('tls.ca', tls.ca), read('tls.cert', tls.cert), read('tls.key', tls.key)]);
  const passphrase = tls.key_password;
  usable('tls.ca', ca !== undefined && { ca });
  usable('tls.cert', cert !== undefined && { cert });
  usable('tls.key', key !== undefined && { key, ...(passphrase !== undefined && { passphrase }) });
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
  };
}

/** kafkajs keeps no more than a sentence of what OpenSSL says, which would pass for a broker that is away. */
function usable(option: string, parts: SecureContextOptions | false): void {
  if (!parts) return;
  try {
    createSecureContext(parts);
  } catch (error) {
    throw new SinkError('misconfigured', `${option}: cannot be used: ${describe(error)}`, { cause: error });
  }
}

/** A new object each time: kafkajs keeps something of its own in it. */
async function readSasl(sasl: NonNullable<ClientOptions['sasl']>): Promise<SASLOptions> {
  const { mechanism, username } = sasl;
  const written = sasl.password ?? (await read('sasl.password_file', sasl.password_file)) ?? '';
  const password = sasl.password === undefined ? written.replace(/\r?\n$/, '') : written;
  if (password === '') throw new SinkError('misconfigured', `sasl.password_file: ${sasl.password_file} is empty`);
  return { mechanism, username, password: holdSecret(password) };
}

async function read(option: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new SinkError('misconfigured', `${option}: cannot be read: ${describe(error)}`, { cause: error });
  }
  if (text.length > FILE_BYTES_MAX) throw new SinkError('misconfigured', `${option}: ${file} is too large to be that`);
  return text;
}
