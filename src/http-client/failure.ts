/** What can go wrong with a request, as an operator would say it. */
import { describe, errno } from '../errors.ts';

/** What kind of failure it was: few words, fit for an attribute (`error.type`). */
export type FailureKind =
  | 'credentials'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'redirect'
  | 'status'
  | 'body_too_large'
  | 'broken_body'
  | 'not_json'
  | 'protocol'
  | 'rpc'
  | 'no_answer';

export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly kind: FailureKind;
  /** The answer's status, where there was one. */
  readonly status: number | undefined;

  constructor(kind: FailureKind, message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.kind = kind;
    this.status = options.status;
  }
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOENT: 'the socket is not there',
  EACCES: 'it is not ours to open',
};

/** What OpenSSL and Node call a certificate or a handshake that is wrong. */
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_OSSL|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/;

/** Anything thrown on the way to an answer, as a failure that names the server. `what` says where: `127.0.0.1:8080`. */
export function failureOf(error: unknown, what: string): RequestFailure {
  if (error instanceof RequestFailure) return error;
  const inner = firstOf(error);
  const code = errno(inner) ?? '';
  if (TLS.test(code)) return new RequestFailure('tls', `${what}: ${describe(inner)}`, { cause: error });
  const known = NETWORK[code];
  if (known !== undefined) return new RequestFailure('unreachable', `${what}: ${known} (${code})`);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new RequestFailure('timeout', `${what}: no connection in time`);
  if (code === 'UND_ERR_SOCKET') return new RequestFailure('unreachable', `${what}: the connection was cut: ${describe(inner)}`);
  return new RequestFailure('protocol', `${what}: ${describe(inner)}`, { cause: error });
}

/** Of several attempts to connect, one for each address, the first says enough. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}
