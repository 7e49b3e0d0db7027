/** The other end of the service's socket: for the command, which finds out by it whether a service runs. */
import type { IncomingMessage } from 'node:http';
import type { AgentStatus } from '../agent.ts';
import { errno } from '../errors.ts';
import { request } from '../node-http.ts';
import { findAddress, isTooLong } from './address.ts';

/** How long an answer may take to begin, and to go on, in milliseconds. */
const ANSWER_MS = 40_000;
/** An answer that is no list, in bytes at most. */
const ANSWER_BYTES_MAX = 64 * 2 ** 20;
const NEWLINE = 0x0a;

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

  constructor(path: string) {
    this.path = path;
  }

  async status(): Promise<AgentStatus> {
    return (await this.get('/status')) as AgentStatus;
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

  async #send(method: string, target: string, body?: unknown): Promise<IncomingMessage> {
    return await new Promise((resolve, reject) => {
      const headers = { host: 'service', connection: 'close', ...(body !== undefined && { 'content-type': 'application/json' }) };
      const sent = request({ socketPath: this.path, method, path: target, headers, timeout: ANSWER_MS }, resolve);
      sent.on('timeout', () => sent.destroy(new Error(`the service did not answer within ${ANSWER_MS} ms`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

async function parse(response: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the service's answer has more than ${ANSWER_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
  const status = response.statusCode ?? 0;
  if (status !== 200) throw new ControlRefused(status, String((body as { error?: unknown }).error));
  return body;
}

/** The service that runs with a folder for state, with what it says of itself; undefined when none does. */
export async function findService(state: string): Promise<{ client: ControlClient; status: AgentStatus } | undefined> {
  const path = await findAddress(state);
  if (isTooLong(path)) return undefined;
  const client = new ControlClient(path);
  try {
    return { client, status: await client.status() };
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}
