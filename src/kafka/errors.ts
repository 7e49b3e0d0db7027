/**
 * What a failure of kafkajs means for what was being sent.
 *
 * Its own `retriable` is no answer: it is false for whatever was retried in vain, for a lock that was waited for too long, and for a broker
 * that is not available; and true for a topic that does not exist. So the error at the bottom of the causes is looked at.
 */
import { describe, SinkError, type SinkErrorCode } from '../errors.ts';

/** Wrappers around an error; more than there are. */
const CAUSES_MAX = 10;

interface Meaning {
  readonly code: SinkErrorCode;
  readonly remedy?: (topic: string) => string;
}

const misconfigured = (remedy: (topic: string) => string): Meaning => ({ code: 'misconfigured', remedy });
const rejected = (remedy: (topic: string) => string): Meaning => ({ code: 'rejected', remedy });
const mayNot = (topic: string): string => `the user may not write the topic ${topic}: allow it Write and Describe`;
const login = (): string => 'check sasl.mechanism, sasl.username and the password';
const newTopic = (topic: string): string => `check partitions and replication_factor, or create the topic ${topic} yourself`;

/** By the broker's error: https://kafka.apache.org/protocol#protocol_error_codes. What is not here is worth another try. */
const PROTOCOL: Readonly<Record<string, Meaning>> = {
  UNKNOWN_TOPIC_OR_PARTITION: misconfigured((topic) => `there is no topic ${topic}: create it, or set create_topics: true`),
  INVALID_TOPIC_EXCEPTION: misconfigured((topic) => `the broker takes no topic of the name ${topic}: change topic`),
  TOPIC_AUTHORIZATION_FAILED: misconfigured(mayNot),
  CLUSTER_AUTHORIZATION_FAILED: misconfigured(mayNot),
  UNSUPPORTED_SASL_MECHANISM: misconfigured(login),
  ILLEGAL_SASL_STATE: misconfigured(() => 'the listener wants no login, or another one: check brokers (the port) and sasl'),
  SASL_AUTHENTICATION_FAILED: misconfigured(login),
  SECURITY_DISABLED: misconfigured(login),
  UNSUPPORTED_VERSION: misconfigured(() => 'the broker is too old, or too new, for what is asked of it'),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: misconfigured(
    (topic) => `the topic ${topic} has a message format without headers: it needs version 2`,
  ),
  UNSUPPORTED_COMPRESSION_TYPE: misconfigured(() => 'the broker does not take this compression: choose another'),
  POLICY_VIOLATION: misconfigured((topic) => `a policy of the broker forbids this for the topic ${topic}`),
  INVALID_REPLICATION_FACTOR: misconfigured(newTopic),
  INVALID_PARTITIONS: misconfigured(newTopic),
  INVALID_CONFIG: misconfigured(newTopic),
  MESSAGE_TOO_LARGE: rejected((topic) => `more than the broker takes at once for the topic ${topic} (max.message.bytes)`),
  RECORD_LIST_TOO_LARGE: rejected((topic) => `more than a log segment of the topic ${topic} holds (segment.bytes)`),
  INVALID_RECORD: rejected((topic) => `the topic ${topic} does not take such records; a compacted one wants a key`),
  INVALID_TIMESTAMP: rejected((topic) => `the time is out of what the topic ${topic} takes (message.timestamp.*)`),
};

const NAMED: Readonly<Record<string, Meaning>> = {
  KafkaJSSASLAuthenticationError: misconfigured(login),
  KafkaJSServerDoesNotSupportApiKey: misconfigured(() => 'the broker is too old, or no Kafka'),
};

/** Of OpenSSL and of Node, on a connection: the certificate or the other side's TLS is to blame, and will be at the next attempt. */
const TLS =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/;

/** A login that the network broke off is reported with its text, and nothing else. */
const NETWORK = /(closed connection|connection (closed|error|timeout)|not connected|timed out|failed to connect)/i;

interface Raw extends Error {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly errors?: unknown;
}

/** The error that the wrappers are about. */
function innermost(error: unknown): Raw | undefined {
  let found = error;
  for (let i = 0; i < CAUSES_MAX; i++) {
    if (!(found instanceof Error)) return undefined;
    const { errors, cause } = found as Raw;
    const next = Array.isArray(errors) && errors.length > 0 ? (errors[0] as unknown) : cause;
    if (!(next instanceof Error)) return found;
    found = next;
  }
  return found instanceof Error ? found : undefined;
}

/** The broker's own error behind a failure, such as `MESSAGE_TOO_LARGE`. */
export function protocolError(error: unknown): string | undefined {
  const type = innermost(error)?.type;
  return typeof type === 'string' ? type : undefined;
}

/** The leader has moved, is being elected, or has just come back. Nothing was taken, and kafkajs has asked anew by then. */
export function isStale(error: unknown): boolean {
  return STALE.has(protocolError(error) ?? '') || innermost(error)?.name === 'KafkaJSBrokerNotFound';
}

const STALE = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION']);

/** The code of an answer that is none of Kafka's. */
export const NOT_KAFKA = 'ERR_NOT_KAFKA';

/** Whether the broker closed the connection, or spoke something else, as it does with who does not speak what its listener does. */
export function isStrange(error: unknown): boolean {
  const raw = innermost(error);
  return raw?.name === 'KafkaJSConnectionClosedError' || raw?.code === NOT_KAFKA;
}

function meaningOf(raw: Raw | undefined): Meaning {
  if (!raw) return { code: 'transient' };
  if (typeof raw.type === 'string') return PROTOCOL[raw.type] ?? { code: 'transient' };
  if (raw.name === 'KafkaJSSASLAuthenticationError' && NETWORK.test(raw.message)) return { code: 'transient' };
  if (typeof raw.code === 'string' && TLS.test(raw.code)) {
    return misconfigured(() => 'TLS failed: check the port in brokers, and tls.ca, tls.cert and tls.server_name');
  }
  return NAMED[raw.name] ?? { code: 'transient' };
}

/** What was thrown, as an instruction. A `SinkError` stays what it is. `what` begins the sentence: `cannot reach Kafka`. */
export function sinkError(error: unknown, what: string, topic = ''): SinkError {
  if (error instanceof SinkError) return error;
  const raw = innermost(error);
  const { code, remedy } = meaningOf(raw);
  const why = describe(raw ?? error).replace(/^Connection error: /, '');
  const at = raw && 'broker' in raw && typeof raw.broker === 'string' && !why.includes(raw.broker) ? ` (${raw.broker})` : '';
  return new SinkError(code, `${what}: ${remedy ? `${remedy(topic)} [${why}]` : why}${at}`, { cause: error });
}
