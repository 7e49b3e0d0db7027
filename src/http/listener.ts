/** One address: a server of node's with its limits, or the reason why there is none. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { createServer } from '../node-http.ts';
import type { Caller } from './service.ts';

/** Of all headers of a request, in bytes. */
const HEADER_BYTES_MAX = 16 * 2 ** 10;
/** In milliseconds. */
const LIMITS = {
  /** How long the headers of a request may take to arrive, and all of it, and how often that is looked at. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5000,
  /** A connection without a request is closed after this, and one whose reader takes nothing of an answer. */
  keepAliveTimeout: 10_000,
  idle: 60_000,
};
/** Requests over one connection, after which it is closed. */
const REQUESTS_MAX = 10_000;

/** Answers a request; the caller is who asks. */
export type Handle = (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>;

export interface ListenerOptions {
  readonly handle: Handle;
  readonly caller: (incoming: IncomingMessage) => Caller;
  readonly connections: number;
  /** Other limits than these, for tests, which cannot wait. In milliseconds. */
  readonly limits?: Partial<typeof LIMITS>;
  readonly tls?: TlsOptions | undefined;
}

export type TlsOptions = SecureContextOptions & { readonly requestCert?: boolean };

/** A server that listens nowhere yet. It holds no process. */
export async function createListener({
  handle,
  caller,
  connections,
  limits,
  tls,
}: ListenerOptions): Promise<Server | SecureServer> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response, caller(request)).catch(() => response.destroy());
  };
  const { idle, ...timeouts } = { ...LIMITS, ...limits };
  const options = { maxHeaderSize: HEADER_BYTES_MAX, ...timeouts };
  const server = tls
    ? (await import('node:https')).createServer(
        { ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: timeouts.headersTimeout },
        answer,
      )
    : createServer(options, answer);
  server.maxConnections = connections;
  server.maxRequestsPerSocket = REQUESTS_MAX;
  server.setTimeout(idle);
  server.on('error', () => {});
  server.unref();
  return server;
}

/** Rejects with the system's error when it cannot listen there. Resolves with the port. */
export async function listenAt(server: Server | SecureServer, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}
