/**
 * A running service as `top` and `tap` see it: its API over the socket in its folder for state, or over HTTP at an address.
 *
 * Limits: STATUS_MS for a status, whole; ANSWER_MS for a stream of events to begin and QUIET_MS between two signs of life in it; so many bytes
 * of a status and of one event. Where the socket is, and the token's file, are looked at for each request: both change with a restart.
 */
import { createParser } from 'eventsource-parser';
import { Agent, type Dispatcher } from 'undici';
import { systemClock } from '../../clock.ts';
import { MESSAGE_BYTES_MAX } from '../../codec/decode.ts';
import { findAddress, isTooLong } from '../../control/address.ts';
import { withDeadline } from '../../deadline.ts';
import { describe, UsageError } from '../../errors.ts';
import { errorView, type StatusView, statusView } from '../../http/view.ts';
import { failureOf } from '../../http-client/failure.ts';
import { reveal } from '../../http-client/secret-file.ts';
import type { Address } from './address.ts';

const STATUS_MS = 5000;
const ANSWER_MS = 10_000;
const QUIET_MS = 60_000;
const STATUS_BYTES_MAX = 64 * 2 ** 20;
/** As much of a refusal as is read for its sentence. */
const REFUSAL_BYTES_MAX = 64 * 2 ** 10;
/** Exit codes of sysexits.h: EX_USAGE, EX_UNAVAILABLE, EX_NOPERM. */
const [EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_NO_PERMISSION] = [64, 69, 77];

/** The service does not answer now: asked again, it may. Says why. */
export class Away extends Error {
  override readonly name = 'Away';
}

/** A message of the stream of events: its name and its text. */
export interface Message {
  readonly event: string;
  readonly data: string;
}

export class LiveService {
  readonly #address: Address;
  #connection: { readonly to: string; readonly agent: Agent } | undefined;

  constructor(address: Address) {
    this.#address = address;
  }

  /** The service's status. Throws `Away`, or `UsageError` where asking again would not help. */
  async status(signal: AbortSignal): Promise<StatusView> {
    const ask = async (deadline: AbortSignal): Promise<unknown> => {
      const { body } = await this.#get('/api/status', 'application/json', AbortSignal.any([signal, deadline]));
      return await readJson(body, STATUS_BYTES_MAX);
    };
    const answer = await this.#orAway(signal, async () => await withDeadline(systemClock, STATUS_MS, 'a status', ask));
    const parsed = statusView.safeParse(answer);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new UsageError(
      `the service tells its status in another form than this release reads (${issue?.path.join('.')}: ${issue?.message}): use the tidegate of its release`,
      EXIT_UNAVAILABLE,
    );
  }

  /** Messages as they come, until the signal aborts; `answered` is told when the stream begins. Throws `Away` when it ends or breaks. */
  async *events(query: URLSearchParams, signal: AbortSignal, answered: () => void): AsyncGenerator<Message, void> {
    const path = `/api/events${query.size > 0 ? `?${query.toString()}` : ''}`;
    const { body } = await this.#orAway(signal, async () => await this.#get(path, 'text/event-stream', signal));
    answered();
    let waiting: Message[] = [];
    let broken: Error | undefined;
    const parser = createParser({
      maxBufferSize: MESSAGE_BYTES_MAX,
      onEvent: ({ event = 'message', data }) => waiting.push({ event, data }),
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') broken = error;
      },
    });
    const decoder = new TextDecoder();
    const pieces = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value, done } = await this.#orAway(signal, async () => await pieces.next());
        if (done) throw new Away('it ended the stream of events');
        parser.feed(decoder.decode(value, { stream: true }));
        if (broken) throw new Away(`an event is longer than ${MESSAGE_BYTES_MAX} bytes`);
        const come = waiting;
        waiting = [];
        yield* come;
      }
    } finally {
      // Whoever leaves early leaves the connection, too.
      body.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#connection?.agent.destroy();
    this.#connection = undefined;
  }

  /** What fails on the way is the service's absence, unless we ended it or it was a refusal. */
  async #orAway<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || error instanceof UsageError || error instanceof Away) throw error;
      throw new Away(failureOf(error, this.#address.peer).message);
    }
  }

  async #get(path: string, accept: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { url, token } = this.#address;
    const agent = await this.#connect();
    const headers: Record<string, string> = { accept, 'user-agent': 'tidegate' };
    if (token !== undefined) headers['authorization'] = `Bearer ${await reveal(token, 'the token')}`;
    const answer = await agent.request({
      origin: url.origin,
      path: `${url.pathname.replace(/\/$/, '')}${path}`,
      method: 'GET',
      headers,
      signal,
      headersTimeout: ANSWER_MS,
      bodyTimeout: QUIET_MS,
    });
    if (answer.statusCode === 200) return answer;
    throw await this.#refusal(answer);
  }

  /** Where the socket is now; one that is replaced has another connection. */
  async #connect(): Promise<Agent> {
    const { state, name, ca } = this.#address;
    const socketPath = state === undefined ? undefined : await findAddress(state);
    if (socketPath !== undefined && isTooLong(socketPath)) throw new Away(`the path ${socketPath} is too long for a socket`);
    const to = socketPath ?? name;
    if (this.#connection?.to === to) return this.#connection.agent;
    void this.#connection?.agent.destroy();
    const connect = { timeout: STATUS_MS, ...(socketPath !== undefined && { socketPath }), ...(ca !== undefined && { ca }) };
    const agent = new Agent({ connect, connections: 2, pipelining: 1 });
    this.#connection = { to, agent };
    return agent;
  }

  async #refusal({ statusCode, body }: Dispatcher.ResponseData): Promise<Error> {
    const { name, state } = this.#address;
    const said = await readJson(body, REFUSAL_BYTES_MAX).then(
      (answer) => errorView.safeParse(answer).data?.error ?? '',
      () => '',
    );
    const why = said === '' ? '' : `: ${said}`;
    switch (statusCode) {
      case 400:
        return new UsageError(`the service refuses what it is asked for${why}`, EXIT_USAGE);
      case 401:
      case 403:
        return new UsageError(
          `${name} wants a token${why}. Give the file that holds it with --token-file, or set TIDEGATE_TOKEN`,
          EXIT_NO_PERMISSION,
        );
      case 404: {
        const older = 'an older release may run: start it anew with this one';
        const elsewhere = 'is this the address of a tidegate, with nothing behind its port?';
        return new UsageError(
          `${name} has no status to show${why} (${state === undefined ? elsewhere : older})`,
          EXIT_UNAVAILABLE,
        );
      }
      default:
        return new Away(`it answers with status ${statusCode}${why}`);
    }
  }
}

async function readJson(body: Dispatcher.ResponseData['body'], most: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > most) throw new Error(`the answer has more than ${most} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new Error(`the answer is not JSON: ${describe(error)}`, { cause: error });
  }
}

/** What to say, and what to do, when the service is not there from the beginning; anything else as it was. */
export function notThere(error: unknown, { state, name }: Address): unknown {
  if (!(error instanceof Away)) return error;
  const { message } = error;
  if (state === undefined)
    return new UsageError(
      `no service answers at ${name} (${message}): is it running, and is the address right?`,
      EXIT_UNAVAILABLE,
    );
  const remedy = message.includes('EACCES')
    ? 'run this as the user of the service'
    : 'start one with tidegate run, name its folder with --state or TIDEGATE_STATE, or its address with --url http://HOST:8433';
  return new UsageError(`no service answers in the folder for state ${state} (${message}): ${remedy}`, EXIT_UNAVAILABLE);
}
