/**
 * The service's socket: HTTP/1.1 over a unix socket in the folder for state, for its own user alone.
 *
 *   listen ──(a socket is there: does anybody answer?)──▶ refused, or the stale one replaced ──▶ open ──close──▶ socket gone
 *
 * Limits: so many connections, a body of 1 MiB, 10 s for a request to arrive, 30 s for an answer, and 60 s in which an answer that is read
 * line by line must move on.
 */

import { chmod } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { describe, errno, UsageError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createServer } from '../node-http.ts';
import { findAddress, forgetAddress, isTooLong, makeAddress, PATH_BYTES_MAX } from './address.ts';
import type { ControlAnswer, ControlledAgent } from './handler.ts';

const CONNECTIONS_MAX = 32;
const BODY_BYTES_MAX = 2 ** 20;
const HEADER_BYTES_MAX = 16 * 2 ** 10;
const REQUEST_MS = 10_000;
const ANSWER_MS = 30_000;
const IDLE_MS = 60_000;
/** How long one that is there may take to accept a connection, in milliseconds. */
const KNOCK_MS = 2000;
/** Exit code when another service has the folder, EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;

export interface ControlParts {
  readonly state: string;
  readonly agent: ControlledAgent;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Control {
  close(): Promise<void>;
}

/**
 * Opens the socket. Throws `UsageError` when a service with this folder for state runs. Where no socket can be made at all, it is said and
 * the service does without.
 */
export async function openControl({ state, agent, clock, log }: ControlParts): Promise<Control> {
  try {
    const before = await findAddress(state);
    if (await isAnswered(before)) {
      throw new UsageError(
        `a service with the folder for state ${state} is running already: stop it, or give this one another folder with --state or TIDEGATE_STATE`,
        EXIT_UNAVAILABLE,
      );
    }
    await forgetAddress(state, before);
    const { path, elsewhere } = await makeAddress(state);
    if (isTooLong(path)) throw new Error(`${path} has more than the ${PATH_BYTES_MAX} bytes that the path of a socket may have`);
    const server = createControlServer(agent, clock);
    await listen(server, path);
    if (elsewhere)
      log.info({ socket: path }, 'the path of the folder for state is too long for a socket, so that the socket is elsewhere');
    return {
      async close() {
        server.close();
        server.closeAllConnections();
        await forgetAddress(state, path);
      },
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    log.warn(
      { reason: describe(error) },
      'there is no socket to speak to this service; spools can be looked into when it is stopped',
    );
    return { close: async () => {} };
  }
}

/** Whether anybody accepts connections there. */
async function isAnswered(path: string): Promise<boolean> {
  if (isTooLong(path)) return false;
  return await new Promise<boolean>((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(KNOCK_MS, () => {
      // It listens, or nobody would have been there to be waited for.
      socket.destroy();
      resolve(true);
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].includes(errno(error) ?? '')) resolve(false);
      else reject(error);
    });
  });
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is made before `listen` returns, and must never have been open to others.
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
  await chmod(path, 0o600);
  server.on('error', () => {});
}

function createControlServer(agent: ControlledAgent, clock: Clock): Server {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: 1000 },
    (request, response) => {
      serve(agent, clock, request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(IDLE_MS);
  // It holds no process: the service ends when its sinks are done.
  server.unref();
  return server;
}

async function serve(agent: ControlledAgent, clock: Clock, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url: target = '/' } = request;
  const body = await readBody(request);
  if ('error' in body) return sendJson(response, body.status, { error: body.error });
  let answer: ControlAnswer;
  try {
    answer = await withDeadline(
      clock,
      ANSWER_MS,
      'the answer',
      async () => await (await import('./handler.ts')).handleControl(agent, { method, target, body: body.value }),
    );
  } catch (error) {
    return sendJson(response, 500, { error: describe(error) });
  }
  if ('body' in answer) return sendJson(response, answer.status, answer.body);
  response.writeHead(answer.status, { 'content-type': 'application/x-ndjson' });
  for await (const line of answer.lines) {
    if (response.destroyed) return;
    if (!response.write(`${JSON.stringify(line)}\n`)) await drained(response);
  }
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

const drained = async (response: ServerResponse): Promise<void> =>
  await new Promise((resolve) => {
    const settle = (): void => {
      response.removeListener('drain', settle);
      response.removeListener('close', settle);
      resolve();
    };
    response.once('drain', settle);
    response.once('close', settle);
  });

type Body = { readonly value: unknown } | { readonly status: number; readonly error: string };

async function readBody(request: IncomingMessage): Promise<Body> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) return { status: 413, error: `the body has more than ${BODY_BYTES_MAX} bytes` };
    pieces.push(piece);
  }
  if (bytes === 0) return { value: undefined };
  try {
    return { value: JSON.parse(Buffer.concat(pieces).toString('utf8')) };
  } catch (error) {
    return { status: 400, error: `the body is not JSON: ${describe(error)}` };
  }
}
