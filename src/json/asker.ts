/**
 * Asks all that a mapping needs, at once, and makes one document of the answers: an object with the answer of each request under its name, or
 * the answer itself where there is one request without a name. What fails is left out of the document and told; the others go on.
 */
import type { Clock } from '../clock.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http-client/client.ts';
import { failureOf, RequestFailure } from '../http-client/failure.ts';
import type { RequestOptions } from './mapping-options.ts';
import { type Call, decodeAnswers, encodeCalls, isRpcAnswer } from './rpc.ts';

/** The name of a request that has none. */
export const UNNAMED = 'answer';
/** How much of what is no JSON is shown, and how much of it is searched for credentials first, in characters. */
const BEGINNING = 40;
const LOOKED_AT = 4096;

export interface Outcome {
  readonly name: string;
  readonly optional: boolean;
  readonly failure: RequestFailure | undefined;
  /** From the first byte sent to the last one read, in seconds; that of the batch, where it was in one. */
  readonly duration: number;
  readonly status: number | undefined;
  /** Length of the answer, in bytes. */
  readonly bytes: number | undefined;
}

export interface Asked {
  readonly document: unknown;
  readonly outcomes: readonly Outcome[];
}

export interface AskerOptions {
  readonly url: string;
  /** None is one without a name, of the URL itself. */
  readonly requests: Readonly<Record<string, RequestOptions>>;
  /** Whether calls of JSON-RPC go out together. */
  readonly batch: boolean;
}

/** One HTTP request and whom it answers. */
interface Errand {
  readonly names: readonly string[];
  readonly request: HttpRequest;
  readonly calls: readonly Call[];
}

interface Answered {
  readonly results: readonly unknown[];
  readonly status: number | undefined;
  readonly bytes: number | undefined;
}

export class Asker {
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #requests: Readonly<Record<string, RequestOptions>>;
  readonly #errands: readonly Errand[];
  readonly #alone: boolean;

  constructor({ url, requests, batch }: AskerOptions, client: HttpClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#alone = Object.keys(requests).length === 0;
    this.#requests = requests;
    this.#errands = this.#alone ? [{ names: [UNNAMED], request: { method: 'GET', url }, calls: [] }] : plan(url, requests, batch);
  }

  async ask(signal: AbortSignal): Promise<Asked> {
    const document: Record<string, unknown> = {};
    const outcomes: Outcome[] = [];
    await Promise.all(
      this.#errands.map(async (errand) => {
        const began = this.#clock.monotonic();
        const { results, status, bytes } = await this.#run(errand, signal);
        const duration = (this.#clock.monotonic() - began) / 1000;
        for (const [i, name] of errand.names.entries()) {
          const result = results[i];
          const failure = result instanceof RequestFailure ? result : undefined;
          if (!failure) document[name] = result;
          const optional = this.#requests[name]?.optional ?? false;
          outcomes.push({ name, optional, failure, duration, status: status ?? failure?.status, bytes });
        }
      }),
    );
    const order = new Map(Object.keys(this.#requests).map((name, i) => [name, i]));
    outcomes.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
    return { document: this.#alone ? document[UNNAMED] : document, outcomes };
  }

  /** Never rejects: what went wrong is each one's result. */
  async #run({ names, request, calls }: Errand, signal: AbortSignal): Promise<Answered> {
    const server = new URL(request.url).host;
    try {
      const answer = await this.#client.request(request, signal);
      const { status, body } = answer;
      const value = this.#parse(answer, server);
      const results = calls.length === 0 ? [value] : decodeAnswers(calls, rightOf(value, status, server));
      return { results, status, bytes: body.length };
    } catch (error) {
      const failure = failureOf(error, server);
      return { results: names.map(() => failure), status: failure.status, bytes: undefined };
    }
  }

  #parse({ body, status }: HttpAnswer, server: string): unknown {
    const text = body.toString('utf8').replace(/^\uFEFF/, '');
    try {
      return JSON.parse(text) as unknown;
    } catch {
      if (status >= 400) throw new RequestFailure('status', `${server} answered with status ${status}`, { status });
      const begins =
        text === ''
          ? 'it is empty'
          : `it begins with ${JSON.stringify(this.#client.redact(text.slice(0, LOOKED_AT)).slice(0, BEGINNING))}`;
      throw new RequestFailure('not_json', `the answer of ${server} is not JSON: ${begins}`, { status });
    }
  }
}

/** Requests as they go out. */
function plan(url: string, requests: Readonly<Record<string, RequestOptions>>, batch: boolean): Errand[] {
  const entries = Object.entries(requests);
  const calls = entries.flatMap(([name, { rpc, params }]) =>
    rpc === undefined ? [] : [{ name, call: { method: rpc, params } }],
  );
  const groups = batch && calls.length > 0 ? [calls] : calls.map((one) => [one]);
  const called = groups.map((group) => {
    const list = group.map(({ call }) => call);
    // Bitcoin answers an error with 500; what counts is whether there is an answer in it. A redirection is followed.
    const accepts = (status: number): boolean => status < 300 || status >= 400;
    return {
      names: group.map(({ name }) => name),
      calls: list,
      request: { method: 'POST' as const, url, body: encodeCalls(list), accepts },
    };
  });
  const plainly = entries.flatMap(([name, given]) => (given.rpc === undefined ? [plain(name, given, url)] : []));
  return [...called, ...plainly];
}

function plain(name: string, { path, method, body, statuses }: RequestOptions, url: string): Errand {
  const request = {
    method: method ?? (body === undefined ? ('GET' as const) : ('POST' as const)),
    url: path === '' ? url : `${url.replace(/\/+$/, '')}${path.startsWith('/') || path.startsWith('?') ? '' : '/'}${path}`,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(statuses === undefined ? {} : { accepts: (status: number) => statuses.includes(status) }),
  };
  return { names: [name], request, calls: [] };
}

/** A body that is no answer of JSON-RPC is an error page. */
function rightOf(value: unknown, status: number, server: string): unknown {
  if (status < 400 || isRpcAnswer(value)) return value;
  throw new RequestFailure('status', `${server} answered with status ${status}`, { status });
}
