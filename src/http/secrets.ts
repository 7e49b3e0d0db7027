/** The token and the certificates, from their files as they are now. What is wrong with one is the operator's matter. */
import type { SecureContextOptions } from 'node:tls';
import { describe, UsageError } from '../errors.ts';
import { SecretFile } from '../http-client/secret-file.ts';
import { type HttpOptions, TOKEN_LENGTH_MIN } from './options.ts';

/** Files that are looked at again and again, and read when they are others. */
export class ServerSecrets {
  readonly #token: string | SecretFile | undefined;
  readonly #tls: { readonly cert: SecretFile; readonly key: SecretFile; readonly ca: SecretFile | undefined } | undefined;
  #mark = '';
  /** The token as it was read last; undefined without one. */
  token: string | undefined;

  constructor({ token, tls }: HttpOptions) {
    this.#token = typeof token === 'object' ? new SecretFile(token.file) : token;
    this.#tls = tls && {
      cert: new SecretFile(tls.cert),
      key: new SecretFile(tls.key),
      ca: tls.ca === undefined ? undefined : new SecretFile(tls.ca),
    };
  }

  /** Throws `UsageError` when the file cannot be read, or holds no token that is long enough; the one before stays. */
  async readToken(): Promise<void> {
    const from = this.#token;
    if (from === undefined) return;
    const token = typeof from === 'string' ? from : await read('token', from);
    if (token.length < TOKEN_LENGTH_MIN)
      throw new UsageError(`http.token: it has less than ${TOKEN_LENGTH_MIN} characters; make one with "openssl rand -hex 32"`);
    this.token = token;
  }

  /** What TLS is spoken with; undefined without TLS, and when nothing changed since the last time. Throws `UsageError`. */
  async readTls(): Promise<(SecureContextOptions & { readonly requestCert?: boolean }) | undefined> {
    if (!this.#tls) return undefined;
    const { cert, key, ca } = this.#tls;
    const texts = [await read('tls.cert', cert), await read('tls.key', key), ca && (await read('tls.ca', ca))] as const;
    const mark = [cert.mark, key.mark, ca?.mark].join();
    if (mark === this.#mark) return undefined;
    this.#mark = mark;
    const trusted = texts[2];
    return { cert: texts[0], key: texts[1], ...(trusted !== undefined && { ca: trusted }) };
  }
}

async function read(option: string, file: SecretFile): Promise<string> {
  try {
    return await file.read();
  } catch (error) {
    throw new UsageError(`http.${option}: ${describe(error)}`);
  }
}
