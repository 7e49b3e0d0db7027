/**
 * Connects over TCP or a socket of the machine, and speaks TLS where that is asked for, phase by phase.
 *
 * Names are looked up as the system does (hosts file, name servers), which cannot be given up: a look-up that hangs is waited for by every later
 * ping of that name, so that a name hangs in one thread at most.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { errno } from '../errors.ts';
import { failureOf } from '../http-client/failure.ts';
import type { SecretFile } from '../http-client/secret-file.ts';
import { formatDuration } from '../options.ts';
import { PingFailure, type Seen, type Stopwatch } from './ping.ts';

export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

export interface TlsOptions {
  readonly serverName: string | undefined;
  readonly verify: boolean;
  /** How long the certificate must still be valid, in milliseconds. */
  readonly minValidity: number;
  readonly files: readonly (readonly ['ca' | 'cert' | 'key', SecretFile])[];
}

export const nameOf = (place: Place): string =>
  'path' in place ? place.path : `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`;

const pending = new Map<string, Promise<LookupAddress[]>>();

/** All addresses of a name. */
function addressesOf(host: string): Promise<LookupAddress[]> {
  const known = pending.get(host);
  if (known) return known;
  const looking = new Promise<LookupAddress[]>((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  }).finally(() => pending.delete(host));
  pending.set(host, looking);
  return looking;
}

/** A connection, which the caller destroys. `signal` ends all of it. Throws `PingFailure`. */
export async function openSocket(place: Place, watch: Stopwatch, signal: AbortSignal): Promise<Socket> {
  try {
    if ('path' in place) return await connected(connectTcp({ path: place.path }), 'connect', watch, signal);
    const { host, port } = place;
    let found: LookupFunction | undefined;
    if (isIP(host) === 0) {
      const addresses = await untilAborted(addressesOf(host), signal);
      watch.mark('dns');
      const [first] = addresses;
      found = (_name, options, callback) =>
        options.all ? callback(null, addresses) : callback(null, first?.address ?? '', first?.family);
    }
    return await connected(connectTcp({ host, port, ...(found ? { lookup: found } : {}) }), 'connect', watch, signal);
  } catch (error) {
    throw asFailure(error, nameOf(place));
  }
}

/** TLS over a connection. What the certificate is, is seen even where it is wrong. */
export async function secure(
  socket: Socket,
  place: Place,
  options: TlsOptions,
  now: number,
  watch: Stopwatch,
  seen: Seen,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const files: Record<string, string> = {};
  for (const [name, file] of options.files) files[name] = await file.read();
  const host = 'path' in place ? 'localhost' : place.host;
  const name = options.serverName ?? host;
  let tls: TLSSocket;
  try {
    tls = connectTls({
      ...files,
      socket,
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      // Judged below, once its validity has been seen.
      rejectUnauthorized: false,
    });
    await connected(tls, 'tls', watch, signal);
  } catch (error) {
    const failure = asFailure(error, nameOf(place));
    throw signal.aborted
      ? failure
      : new PingFailure('tls', `${failure.message.replace(/^(.*?: )/, '$1TLS: ')}`, { cause: error });
  }
  judge(tls, nameOf(place), options, now, seen);
  return tls;
}

function judge(tls: TLSSocket, where: string, { verify, minValidity }: TlsOptions, now: number, seen: Seen): void {
  const until = Date.parse(tls.getPeerCertificate().valid_to) / 1000;
  if (Number.isFinite(until)) seen.notAfter = until;
  if (!verify) return;
  const wrong = tls.authorizationError as Error | string | null | undefined;
  if (!tls.authorized && wrong) {
    const code = typeof wrong === 'string' ? wrong : (errno(wrong) ?? wrong.message);
    throw new PingFailure('tls', `${where}: ${CERTIFICATES[code] ?? 'its certificate is not right'} (${code})`);
  }
  if (until - now < minValidity / 1000)
    throw new PingFailure('tls', `${where}: its certificate is valid for less than ${formatDuration(minValidity)}`);
}

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an authority that is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an authority that is not known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function connected<S extends Socket>(socket: S, phase: 'connect' | 'tls', watch: Stopwatch, signal: AbortSignal): Promise<S> {
  return new Promise<S>((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed')));
    socket.once(phase === 'tls' ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', abort);
      socket
        .off('error', fail)
        .removeAllListeners('close')
        .on('error', () => {});
      watch.mark(phase);
      resolve(socket);
    });
    return undefined;
  });
}

/** Settles as the promise does, or rejects when the signal aborts. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Anything thrown, as a failure that names the target. */
export function asFailure(error: unknown, where: string): PingFailure {
  if (error instanceof PingFailure) return error;
  const { kind, message } = failureOf(error, where);
  const kinds: Readonly<Record<string, PingFailure['kind']>> = {
    unreachable: 'unreachable',
    timeout: 'timeout',
    tls: 'tls',
    credentials: 'credentials',
  };
  return new PingFailure(kinds[kind] ?? 'protocol', message, { cause: error });
}
