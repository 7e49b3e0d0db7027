/** One HTTP request over a connection of its own, so that each phase can be measured. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TargetOptions } from './options.ts';
import { PingFailure, type Seen, type Stopwatch } from './ping.ts';

/** How much of an answer is held against `body`, in bytes. */
const BODY_BYTES_MAX = 65_536;

/** Asks and judges the answer. Throws `PingFailure`, or what the connection threw. */
export async function askOver(
  socket: Socket,
  url: URL,
  given: Pick<TargetOptions, 'method' | 'statuses' | 'body'>,
  headers: Readonly<Record<string, string>>,
  watch: Stopwatch,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const { method = 'GET', statuses, body } = given;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, 'user-agent': 'tidegate', connection: 'close', ...headers },
      signal,
    });
    // What comes after the answer is no news: the connection is cut as soon as enough is known.
    request.once('response', resolve).on('error', reject).end();
  });
  answer.on('error', () => {});
  watch.mark('first_byte');
  const status = answer.statusCode ?? 0;
  seen.status = status;
  if (statuses ? !statuses.includes(status) : status < 200 || status > 399)
    throw new PingFailure('status', `${url.host} answered with status ${status}`);
  if (!body) return;
  const text = await beginningOf(answer);
  if (!body.test(text)) throw new PingFailure('body', `the answer of ${url.host} does not match ${body.source}`);
}

async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, BODY_BYTES_MAX);
}
