/**
 * Asks servers over HTTP/1.1, on connections that are kept.
 *
 * Limits: one deadline for a whole request, redirections, connecting and body included; an answer of `max_body` bytes, counted while it comes
 * and again while it is unpacked; `max_redirects`; CONNECTIONS_MAX connections to a server. Credentials and certificates may be in files,
 * which are looked at before each request. What is sent to a server that an answer redirects to holds no credential of the first.
 *
 * A kept connection may be closed by the server at the moment that it is used. Such a request, which got not one byte of an answer, is
 * made once more: those who use this ask, and change nothing.
 */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import { type Clock, systemClock } from '../clock.ts';
import { DeadlineExceeded, withDeadline } from '../deadline.ts';
import { describe, errno } from '../errors.ts';
import { holdSecret } from '../held-secrets.ts';
import { formatBytes, formatDuration } from '../options.ts';
import { failureOf, RequestFailure } from './failure.ts';
import type { ClientOptions } from './options.ts';
import { reveal, SecretFile, sourceOf } from './secret-file.ts';

const CONNECTIONS_MAX = 8;
/** Servers to which connections are kept, those that answers redirect to included; above that all begin anew. */
const SERVERS_MAX = 16;
/** An idle connection outlives the usual intervals, in milliseconds, unless the server says less. */
const KEEP_ALIVE_MS = 90_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const UNPACK = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync } as const;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** Absolute. */
  readonly url: string;
  /** Sent as `application/json`. */
  readonly body?: string;
  /** Which statuses are an answer; those from 200 to 299 by default. */
  readonly accepts?: (status: number) => boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** How far a request got, for what is said when it is given up. */
interface Progress {
  answered: boolean;
  bytes: number;
}

export class HttpClient {
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #headers: readonly (readonly [string, string | SecretFile])[];
  /** What the header Authorization is to hold. */
  readonly #authorization: (() => Promise<string>) | undefined;
  readonly #tlsFiles: readonly (readonly ['ca' | 'cert' | 'key', SecretFile])[];
  #agent: { readonly mark: string; readonly agent: Agent } | undefined;
  /** Credentials as they were sent last, by header. */
  readonly #sent = new Map<string, string>();
  /** Servers that have answered, to which a connection may be kept. */
  readonly #known = new Set<string>();

  /** `timeoutMs` is how long a whole request may take. */
  constructor(options: ClientOptions, timeoutMs: number, clock: Clock = systemClock) {
    const { headers, tls } = options;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#headers = Object.entries(headers).map(([name, value]) => [name, sourceOf(value)]);
    this.#authorization = authorizationOf(options);
    this.#tlsFiles = (['ca', 'cert', 'key'] as const).flatMap((name) => {
      const path = tls[name];
      return path === undefined ? [] : [[name, new SecretFile(path)] as const];
    });
  }

  /** The whole answer. Throws `RequestFailure` for everything else, a status that is not accepted included. */
  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const server = this.#options.unix_socket ?? new URL(request.url).host;
    const progress: Progress = { answered: false, bytes: 0 };
    const controller = new AbortController();
    const give = (): void => controller.abort(signal?.reason);
    if (signal?.aborted) give();
    signal?.addEventListener('abort', give, { once: true });
    try {
      const work = (inner: AbortSignal): Promise<HttpAnswer> => this.#follow(request, progress, inner);
      return await withDeadline(this.#clock, this.#timeoutMs, server, work, undefined, controller);
    } catch (error) {
      if (error instanceof DeadlineExceeded) throw late(server, progress, this.#timeoutMs);
      throw progress.answered ? broken(server, progress, error) : failureOf(error, server);
    } finally {
      signal?.removeEventListener('abort', give);
    }
  }

  /** A text of a server's without the credentials that were sent to it, should it repeat them. */
  redact(text: string): string {
    let result = text;
    for (const secret of this.#sent.values()) result = result.replaceAll(secret, '***');
    return result;
  }

  async close(): Promise<void> {
    await this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  async #follow(request: HttpRequest, progress: Progress, signal: AbortSignal): Promise<HttpAnswer> {
    const seen = new Set<string>();
    const first = new URL(request.url);
    for (let url = first; ; ) {
      seen.add(url.href);
      const answer = await this.#send(request, url, url.origin === first.origin, progress, signal);
      const { statusCode: status, headers } = answer;
      const accepted = request.accepts?.(status) ?? (status >= 200 && status < 300);
      const next =
        accepted || !REDIRECTS.has(status) ? undefined : this.#next(request.method, url, first, headers['location'], status);
      if (accepted) return { status, headers, body: await this.#read(answer, url.host, progress) };
      await answer.body.dump({ limit: 16_384, signal });
      progress.answered = false;
      if (!next) throw new RequestFailure('status', `${url.host} answered with status ${status}`, { status });
      if (seen.has(next.href)) throw new RequestFailure('redirect', `${url.host} redirects in a circle`, { status });
      if (seen.size > this.#options.max_redirects)
        throw new RequestFailure('redirect', `${url.host} redirects more than ${this.#options.max_redirects} times`, { status });
      url = next;
    }
  }

  /** Where a redirection leads; throws when it must not be followed. */
  #next(method: HttpRequest['method'], from: URL, first: URL, location: unknown, status: number): URL {
    const no = (why: string): RequestFailure => new RequestFailure('redirect', `${from.host} redirects ${why}`, { status });
    const to = typeof location === 'string' ? URL.parse(location, from.href) : null;
    if (to?.protocol !== 'http:' && to?.protocol !== 'https:') throw no('to nowhere');
    if (method === 'POST' && status !== 307 && status !== 308) throw no(`a POST with status ${status}`);
    if (this.#options.unix_socket !== undefined && to.origin !== first.origin) throw no('away from the socket');
    return to;
  }

  async #send(
    { method, body }: HttpRequest,
    { origin, pathname, search }: URL,
    trusted: boolean,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'tidegate' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (trusted) await this.#addCredentials(headers);
    const agent = await this.#connect();
    // Deadlines are the caller's: a number of undici's own would be one more that is not the option's.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0 };
    const send = async (): Promise<Dispatcher.ResponseData> =>
      await agent.request({ origin, path: `${pathname}${search}`, method, headers, body: body ?? null, signal, ...timeouts });
    let answer: Dispatcher.ResponseData;
    try {
      answer = await send();
    } catch (error) {
      const cut = errno(error) === 'UND_ERR_SOCKET' || errno(error) === 'ECONNRESET' || errno(error) === 'EPIPE';
      if (!cut || !this.#known.delete(origin) || signal.aborted) throw error;
      answer = await send();
    }
    progress.answered = true;
    this.#known.add(origin);
    return answer;
  }

  async #addCredentials(headers: Record<string, string>): Promise<void> {
    if (this.#authorization) headers['authorization'] = await this.#authorization();
    for (const [name, value] of this.#headers) headers[name.toLowerCase()] = await reveal(value, `the header ${name}`);
    // The scheme before a credential is none.
    for (const name of ['authorization', ...this.#headers.map(([header]) => header.toLowerCase())])
      if (headers[name] !== undefined) this.#sent.set(name, holdSecret(headers[name].replace(/^(Basic|Bearer) /, '')));
  }

  /** The connections; new ones when a certificate is another, or when they lead to too many servers. */
  async #connect(): Promise<Agent> {
    const { tls, unix_socket: socketPath } = this.#options;
    const files: Record<string, string> = {};
    for (const [name, file] of this.#tlsFiles) files[name] = await file.read();
    const mark = this.#tlsFiles.map(([, file]) => file.mark).join();
    if (this.#agent?.mark === mark && this.#known.size < SERVERS_MAX) return this.#agent.agent;
    const old = this.#agent?.agent;
    this.#known.clear();
    const agent = new Agent({
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 10 * KEEP_ALIVE_MS,
      connect: {
        ...files,
        rejectUnauthorized: tls.verify,
        timeout: this.#timeoutMs,
        ...(tls.server_name === undefined ? {} : { servername: tls.server_name }),
        ...(socketPath === undefined ? {} : { socketPath }),
      },
    });
    this.#agent = { mark, agent };
    // What is on its way there still gets its answer.
    void old?.close();
    return agent;
  }

  async #read({ body, headers }: Dispatcher.ResponseData, server: string, progress: Progress): Promise<Buffer> {
    const { max_body: most } = this.#options;
    const tooLong = (): RequestFailure =>
      new RequestFailure('body_too_large', `the answer of ${server} is longer than max_body, ${formatBytes(most)}`);
    const chunks: Buffer[] = [];
    // Leaving the loop destroys the body and with it the connection.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      progress.bytes += chunk.length;
      if (progress.bytes > most) throw tooLong();
      chunks.push(chunk);
    }
    const packed = Buffer.concat(chunks);
    const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
    if (encoding === 'identity') return packed;
    if (!Object.hasOwn(UNPACK, encoding))
      throw new RequestFailure('broken_body', `the answer of ${server} is encoded as ${JSON.stringify(encoding)}`);
    try {
      return UNPACK[encoding as keyof typeof UNPACK](packed, { maxOutputLength: most });
    } catch (error) {
      if (errno(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLong();
      throw new RequestFailure('broken_body', `the answer of ${server} cannot be unpacked: ${describe(error)}`);
    }
  }
}

function authorizationOf({ basic, bearer }: ClientOptions): (() => Promise<string>) | undefined {
  if (bearer !== undefined) {
    const token = sourceOf(bearer);
    return async () => `Bearer ${await reveal(token, 'the bearer token')}`;
  }
  if (basic === undefined) return undefined;
  const encode = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
  if ('file' in basic) {
    const file = new SecretFile(basic.file);
    return async () => {
      const pair = await file.read();
      holdSecret(pair.slice(pair.indexOf(':') + 1));
      return encode(pair);
    };
  }
  const password = sourceOf(basic.password);
  return async () => encode(`${basic.username}:${typeof password === 'string' ? password : await password.read()}`);
}

function late(server: string, { answered, bytes }: Progress, timeoutMs: number): RequestFailure {
  const within = `within ${formatDuration(Math.round(timeoutMs))}`;
  const what = answered
    ? `the answer of ${server} was not whole ${within}, after ${bytes} bytes`
    : `no answer of ${server} ${within}`;
  return new RequestFailure('timeout', what);
}

function broken(server: string, { bytes }: Progress, error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error;
  return new RequestFailure('broken_body', `the answer of ${server} broke off after ${bytes} bytes: ${describe(error)}`);
}
