/**
 * The page of one target over HTTP: one connection that is kept from scrape to scrape, redirects, credentials.
 *
 * States: no connection; connected. A failed scrape closes the connection, so that a dead target has none.
 */
import { Client } from 'undici';
import { describe, errno } from '../errors.ts';
import { type Address, addressOf } from './address.ts';
import type { Body } from './bodies.ts';
import type { Credentials, TlsFiles, TlsMaterial } from './credentials.ts';
import { type Answer, get } from './request.ts';

const REDIRECTS_MAX = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** A connection is kept for the next scrape for so long, in milliseconds, unless the other side says less. */
const KEEP_ALIVE_MS = 90_000;
const HEADERS_BYTES_MAX = 64 * 1024;

export interface EndpointOptions {
  readonly credentials: Credentials;
  readonly tls: TlsFiles;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly followRedirects: boolean;
  /** Of the body, uncompressed, in bytes. */
  readonly bodyLimit: number;
}

export class Endpoint {
  readonly #address: Address;
  readonly #options: EndpointOptions;
  readonly #clients = new Map<string, { client: Client; tls: TlsMaterial }>();

  constructor(address: Address, options: EndpointOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Gets the page into `body`, at most `timeout` milliseconds from now; the signal aborts at that time. Throws a readable reason. */
  async get(body: Body, timeoutHeader: string, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#get(body, timeoutHeader, signal);
    } catch (error) {
      this.close();
      throw readable(error, signal);
    }
  }

  /** Closes every connection. The next `get` opens another. */
  close(): void {
    for (const { client } of this.#clients.values()) void client.destroy().catch(() => {});
    this.#clients.clear();
  }

  async #get(body: Body, timeoutHeader: string, signal: AbortSignal): Promise<Answer> {
    const { credentials, headers, followRedirects, bodyLimit } = this.#options;
    let address = this.#address;
    for (let redirects = 0; ; redirects++) {
      // Who is somewhere else is not told our secrets.
      const trusted = address.origin === this.#address.origin;
      const own = trusted ? credentials.headers() : {};
      const authorization = trusted && address.authorization !== undefined ? { authorization: address.authorization } : {};
      const all = { ...headers, 'x-prometheus-scrape-timeout-seconds': timeoutHeader, ...authorization, ...lowerCase(own) };
      body.length = 0;
      const answer = await get(this.#client(address), address.path, all, body, bodyLimit, signal);
      if (!REDIRECTS.has(answer.status) || !followRedirects || answer.location === undefined) {
        if (answer.status !== 200) throw new Error(`the answer has status ${answer.status}, and only 200 has a page`);
        return answer;
      }
      if (redirects === REDIRECTS_MAX)
        throw new Error(`there were more than ${REDIRECTS_MAX} redirects, the last to ${answer.location.slice(0, 200)}`);
      address = redirected(address, answer.location);
    }
  }

  #client({ origin, socketPath }: Address): Client {
    const tls = this.#options.tls.material();
    const known = this.#clients.get(origin);
    if (known !== undefined && known.tls === tls && !known.client.destroyed && !known.client.closed) return known.client;
    void known?.client.destroy().catch(() => {});
    const client = new Client(origin, {
      // What takes too long is ended by the signal, once for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: HEADERS_BYTES_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: { ...tls, timeout: 0, ...(socketPath === undefined ? {} : { socketPath }) },
    });
    this.#clients.set(origin, { client, tls });
    return client;
  }
}

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function redirected(from: Address, location: string): Address {
  const base = new URL(from.path, from.origin);
  if (!URL.canParse(location, base.href))
    throw new Error(`it redirects to ${JSON.stringify(location.slice(0, 200))}, which is no address`);
  const to = new URL(location, base.href);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw new Error(`it redirects to ${to.protocol}, which is not HTTP`);
  if (from.socketPath !== undefined && to.origin === from.origin) return { ...from, path: to.pathname + to.search };
  return addressOf(to.href, { scheme: 'http', path: '/' });
}

/** What went wrong, in words that stay the same for as long as it is the same. */
function readable(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error;
  const code = errno(error);
  const text = describe(error);
  if (code === 'UND_ERR_SOCKET') return new Error(`the connection ended before the answer did: ${text}`);
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return new Error('the body is not as long as the answer said');
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return new Error(`the headers of the answer are longer than ${HEADERS_BYTES_MAX} bytes`);
  if (code !== undefined && /^(E[A-Z]+|ERR_TLS|CERT_|DEPTH_|SELF_SIGNED|UNABLE_)/.test(code))
    return new Error(`it cannot be reached: ${text || code}`);
  return error instanceof Error ? error : new Error(text);
}
