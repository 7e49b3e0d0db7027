/**
 * A running service as `top` and `tap` see it: its API over the socket in its folder for state, or over HTTP at an address.
 *
 * Limits: STATUS_MS for a status, whole; ANSWER_MS for a stream of events to begin and QUIET_MS between two signs of life in it; so many bytes
 * of a status and of one event. Where the socket is, and the token's file, are looked at for each request: both change with a restart.
 */
import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { systemClock } from '../../clock.ts';
import { MESSAGE_BYTES_MAX } from '../../codec/decode.ts';
import { findAddress, isTooLong } from '../../control/address.ts';
import { ask, type Peer, readJson } from '../../control/ask.ts';
import { withDeadline } from '../../deadline.ts';
import { UsageError } from '../../errors.ts';
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

  constructor(address: Address) {
    this.#address = address;
  }

  /** The service's status. Throws `Away`, or `UsageError` where asking again would not help. */
  async status(signal: AbortSignal): Promise<StatusView> {
    const answered = async (deadline: AbortSignal): Promise<unknown> => {
      const response = await this.#get('/api/status', 'application/json', AbortSignal.any([signal, deadline]));
      return await readJson(response, STATUS_BYTES_MAX);
    };
    const answer = await this.#orAway(signal, async () => await withDeadline(systemClock, STATUS_MS, 'a status', answered));
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
    const body = await this.#orAway(signal, async () => await this.#get(path, 'text/event-stream', signal));
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

  /** What fails on the way is the service's absence, unless we ended it or it was a refusal. */
  async #orAway<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || error instanceof UsageError || error instanceof Away) throw error;
      throw new Away(failureOf(error, this.#address.peer).message);
    }
  }

  async #get(path: string, accept: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { token } = this.#address;
    const headers: Record<string, string> = { accept };
    if (token !== undefined) headers['authorization'] = `Bearer ${await reveal(token, 'the token')}`;
    const answer = await ask(await this.#peer(), { path, headers, answerMs: ANSWER_MS, quietMs: QUIET_MS, signal });
    if (answer.statusCode === 200) return answer;
    throw await this.#refusal(answer);
  }

  /** Where the socket is now. */
  async #peer(): Promise<Peer> {
    const { state, url, ca } = this.#address;
    if (state === undefined) return { url, ca };
    const socketPath = await findAddress(state);
    if (isTooLong(socketPath)) throw new Away(`the path ${socketPath} is too long for a socket`);
    return { socketPath };
  }

  async #refusal(response: IncomingMessage): Promise<Error> {
    const { name, state } = this.#address;
    const said = await readJson(response, REFUSAL_BYTES_MAX).then(
      (answer) => errorView.safeParse(answer).data?.error ?? '',
      () => '',
    );
    const why = said === '' ? '' : `: ${said}`;
    switch (response.statusCode) {
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
        return new Away(`it answers with status ${response.statusCode}${why}`);
    }
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
