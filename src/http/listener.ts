/** One address: a server of node's with its limits, or the reason why there is none. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { createServer } from '../node-http.ts';
import type { Caller } from './service.ts';

/** Of all headers of a request, in bytes. */
const HEADER_BYTES_MAX = 16 * 2 ** 10;
/** How long the headers of a request may take to arrive, and all of it, in milliseconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** How often that is looked at, in milliseconds. */
const CHECK_MS = 5000;
/** A connection without a request is closed after this, and one whose reader takes nothing of an answer, in milliseconds. */
const KEEP_ALIVE_MS = 10_000;
const IDLE_MS = 60_000;
/** Requests over one connection, after which it is closed. */
const REQUESTS_MAX = 10_000;

/** Answers a request; the caller is who asks. */
export type Handle = (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>;

export interface ListenerOptions {
  readonly handle: Handle;
  readonly caller: (incoming: IncomingMessage) => Caller;
  readonly connections: number;
  readonly tls?: TlsOptions | undefined;
}

export type TlsOptions = SecureContextOptions & { readonly requestCert?: boolean };

/** A server that listens nowhere yet. It holds no process. */
export async function createListener({ handle, caller, connections, tls }: ListenerOptions): Promise<Server | SecureServer> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response, caller(request)).catch(() => response.destroy());
  };
  const limits = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server = tls
    ? (await import('node:https')).createServer(
        { ...limits, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HEADERS_MS },
        answer,
      )
    : createServer(limits, answer);
  server.maxConnections = connections;
  server.maxRequestsPerSocket = REQUESTS_MAX;
  server.setTimeout(IDLE_MS);
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
