/**
 * One request to a running service, over its socket or at an address, by Node's own client: every command that asks one does it here, and
 * none loads more for it. Each has a connection of its own, so that one that a service left behind when it ended is never asked.
 */
import type { IncomingMessage } from 'node:http';
import { describe } from '../errors.ts';
import { request } from '../node-http.ts';

/** Where it is: a socket's path, or the base of its API. */
export type Peer =
  | { readonly socketPath: string }
  /** `ca` are certificates to trust instead of Node's own, PEM. */
  | { readonly url: URL; readonly ca: string | undefined };

export interface Asked {
  readonly method?: 'GET' | 'POST';
  /** Below the base, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long nothing may come: until the answer begins, and from then on. In milliseconds. */
  readonly answerMs: number;
  readonly quietMs?: number;
  readonly signal?: AbortSignal;
}

/** Resolves with the answer when it begins. Rejects with what Node says, or with what was waited for; a body that ends too early rejects whoever reads it. */
export async function ask(peer: Peer, asked: Asked): Promise<IncomingMessage> {
  const { method = 'GET', path, headers, body, answerMs, quietMs = answerMs, signal } = asked;
  const at = 'url' in peer ? peer.url : undefined;
  const where = 'url' in peer ? { host: hostOf(peer.url), port: peer.url.port, ca: peer.ca } : peer;
  const send = at?.protocol === 'https:' ? process.getBuiltinModule('node:https').request : request;
  return await new Promise((resolve, reject) => {
    const sent = send({
      ...where,
      agent: false,
      method,
      path: `${at?.pathname.replace(/\/$/, '') ?? ''}${path}`,
      headers: {
        host: at?.host ?? 'service',
        'user-agent': 'tidegate',
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      timeout: answerMs,
      ...(signal && { signal }),
    });
    let waits = answerMs;
    sent.on('timeout', () => sent.destroy(new Error(`the service did not answer within ${waits} ms`)));
    sent.on('error', reject);
    sent.on('response', (response) => {
      waits = quietMs;
      sent.setTimeout(quietMs);
      resolve(response);
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** An IPv6 address without its brackets. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** An answer of so many bytes at most, as JSON. */
export async function readJson(response: IncomingMessage, most: number): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
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
