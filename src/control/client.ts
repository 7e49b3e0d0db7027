/** The other end of the service's socket: for the command, which finds out by it whether a service runs. */
import type { IncomingMessage } from 'node:http';
import { errno } from '../errors.ts';
import type { StatusView } from '../http/view.ts';
import { findAddress, isTooLong } from './address.ts';
import { ask, readJson } from './ask.ts';

/** How long an answer may take to begin, and to go on, in milliseconds. */
const ANSWER_MS = 40_000;
/** An answer that is no list, in bytes at most. */
const ANSWER_BYTES_MAX = 64 * 2 ** 20;
const NEWLINE = 0x0a;

/** How the system says that nobody listens at a socket's path. */
const NOBODY: readonly (string | undefined)[] = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'];

/** No service runs with the folder for state. */
export class Absent extends Error {
  override readonly name = 'Absent';
}

/** The service refused what it was asked for, and says why. */
export class ControlRefused extends Error {
  override readonly name = 'ControlRefused';
  /** As in HTTP. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ControlClient {
  readonly path: string;
  readonly #answerMs: number;

  /** `answerMs` is how long an answer may take to begin, and to go on, in milliseconds. */
  constructor(path: string, answerMs = ANSWER_MS) {
    this.path = path;
    this.#answerMs = answerMs;
  }

  /** For the service of a folder for state. Whether one runs is found out by the first question. */
  static async at(state: string, answerMs?: number): Promise<ControlClient> {
    return new ControlClient(await findAddress(state), answerMs);
  }

  async status(): Promise<StatusView> {
    return (await this.get('/api/status')) as StatusView;
  }

  async get(target: string): Promise<unknown> {
    return await parse(await this.#send('GET', target));
  }

  async post(target: string, body: unknown = {}): Promise<unknown> {
    return await parse(await this.#send('POST', target, body));
  }

  /** An answer line by line, as it comes. */
  async *lines(target: string): AsyncIterable<unknown> {
    const response = await this.#send('GET', target);
    if (response.statusCode !== 200) await parse(response);
    let rest: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
        rest.push(piece.subarray(from, end));
        yield JSON.parse(Buffer.concat(rest).toString('utf8'));
        rest = [];
        from = end + 1;
      }
      if (from < piece.length) rest.push(piece.subarray(from));
    }
  }

  async #send(method: 'GET' | 'POST', path: string, body?: unknown): Promise<IncomingMessage> {
    const { path: socketPath } = this;
    if (isTooLong(socketPath)) throw new Absent(`no socket can be at ${socketPath}`);
    try {
      return await ask({ socketPath }, { method, path, body, answerMs: this.#answerMs });
    } catch (error) {
      throw NOBODY.includes(errno(error)) ? new Absent(`nobody listens at ${socketPath}`, { cause: error }) : error;
    }
  }
}

async function parse(response: IncomingMessage): Promise<unknown> {
  const body = await readJson(response, ANSWER_BYTES_MAX);
  const status = response.statusCode ?? 0;
  if (status === 200) return body;
  const { error, reason } = body as { error?: unknown; reason?: unknown };
  throw new ControlRefused(status, String(error ?? reason));
}

/** The service that runs with a folder for state, with what it says of itself; undefined when none does. */
export async function findService(state: string): Promise<{ client: ControlClient; status: StatusView } | undefined> {
  const client = await ControlClient.at(state);
  try {
    return { client, status: await client.status() };
  } catch (error) {
    if (error instanceof Absent) return undefined;
    throw error;
  }
}
