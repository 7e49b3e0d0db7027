/** What went wrong on AMQP, as an instruction: which code, and what an operator does about it. https://www.rabbitmq.com/docs/channels#error-handling */
import { describe, errno, SinkError, type SinkErrorCode, type SinkErrorOptions } from '../errors.ts';

/** Reply codes of AMQP 0-9-1 that RabbitMQ closes channels and connections with. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;
const NOT_ALLOWED = 530;

/** The reply code of the broker in an error of amqplib, or undefined. */
export function replyCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** An error while connecting to a host. */
export function connectError(host: string, { vhost, tls }: { vhost: string; tls?: unknown }, error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const text = describe(error);
  const [code, what] = connectVerdict(text, errno(error), vhost, tls !== undefined);
  return new SinkError(code, `cannot connect to ${host}: ${what}`, { cause: error });
}

function connectVerdict(text: string, code: string | undefined, vhost: string, secure: boolean): [SinkErrorCode, string] {
  if (text.includes('ACCESS-REFUSED') || text.includes('ACCESS_REFUSED')) {
    return [
      'misconfigured',
      'the broker refuses user and password (403): check `user`, `password` or `password_file`, and `auth`',
    ];
  }
  // amqplib does not hand on the reason that the broker gives here.
  if (text.includes('Expected ConnectionOpenOk; got <ConnectionClose')) {
    const remedy = 'it does not exist, or the user has no permission in it, or a limit on connections is reached';
    return ['misconfigured', `the broker refuses the virtual host ${JSON.stringify(vhost)} (530): ${remedy}`];
  }
  if (text.includes('SASL mechanism')) {
    return ['misconfigured', `${text}: for \`auth: external\` enable the plugin rabbitmq_auth_mechanism_ssl there`];
  }
  if (code !== undefined && isTls(code))
    return ['misconfigured', `${text} (${code}): check the options of \`tls\`, and the port`];
  // A broker that expects TLS ends what is not, and says nothing.
  const abrupt = !secure && (code === 'ECONNRESET' || text.includes('Socket closed abruptly'));
  return ['transient', abrupt ? `${text}: if it stays so, see whether this port wants \`tls\`` : text];
}

/** Names that Node gives to certificates which it does not take; https://nodejs.org/api/tls.html#x509-certificate-error-codes */
function isTls(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_)|CERT|SIGNATURE|^HOSTNAME_MISMATCH$|^UNABLE_TO_/.test(code);
}

/** Where something was published or checked, for a message. */
export interface Place {
  readonly exchange: string;
  readonly vhost: string;
}

const placeName = ({ exchange, vhost }: Place): string =>
  `${exchange === '' ? 'the default exchange' : `the exchange ${JSON.stringify(exchange)}`} of ${JSON.stringify(vhost)}`;

/** The broker closed a channel, or a connection, while messages were unconfirmed. */
export function publishError(place: Place, cause: unknown, options: SinkErrorOptions = {}): SinkError {
  const at = placeName(place);
  const text = describe(cause);
  const make = (code: SinkErrorCode, what: string): SinkError => new SinkError(code, what, { cause, ...options });
  switch (replyCode(cause)) {
    case PRECONDITION_FAILED:
      return make('rejected', `the broker refuses a message of this batch: ${text}`);
    case NOT_FOUND:
      return make('misconfigured', `cannot publish to ${at}: ${text}: declare it, or set \`declare: create\``);
    case ACCESS_REFUSED:
      return make('misconfigured', `may not publish to ${at}: ${text}: give the user write permission`);
    case NOT_ALLOWED:
      return make('misconfigured', `may not publish to ${at}: ${text}`);
    default:
      return make('transient', `lost the broker while publishing to ${at}: ${text}`);
  }
}

/** The broker does not agree with a check or a declaration. */
export function topologyError(what: string, create: boolean, cause: unknown): SinkError {
  const text = describe(cause);
  const make = (code: SinkErrorCode, remedy: string): SinkError =>
    new SinkError(code, `cannot ${create ? 'declare' : 'check'} ${what}: ${text}${remedy}`, { cause });
  switch (replyCode(cause)) {
    case NOT_FOUND:
      // The queue exists, but the node that has it is away: in the words of RabbitMQ 3, and of 4 where the node was ended in its own way.
      if (/is down or inaccessible|process is stopped by supervisor/.test(text)) return make('transient', '');
      return make('misconfigured', create ? '' : ': declare it, or set `declare: create`');
    case PRECONDITION_FAILED:
      return make('misconfigured', ': it exists already, declared otherwise; make the options agree, or set `declare: passive`');
    case ACCESS_REFUSED:
      return make(
        'misconfigured',
        create ? ': give the user configure permission, or set `declare: passive`' : ': give the user permission',
      );
    case RESOURCE_LOCKED:
      return make('misconfigured', ': it belongs to another connection alone');
    default:
      return make('transient', '');
  }
}

/** No queue took a message. */
export function unroutableError(place: Place, key: string, deadLetter: boolean, options: SinkErrorOptions): SinkError {
  const what = `no queue takes what is published to ${placeName(place)} with the routing key ${JSON.stringify(key)}`;
  if (deadLetter) return new SinkError('rejected', what, options);
  const remedy = place.exchange === '' ? 'declare a queue of that name' : 'bind a queue to it';
  return new SinkError('misconfigured', `${what}: ${remedy}, or set \`unroutable: dead_letter\``, options);
}

/** The limit that the broker names when it refuses a message for its size, in bytes. */
export function sizeLimitIn(error: unknown): number | undefined {
  const match = /larger than (?:configured )?max(?:imum)? size '?(\d+)/i.exec(describe(error));
  return match ? Number(match[1]) : undefined;
}
