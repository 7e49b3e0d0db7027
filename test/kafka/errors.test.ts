/** What each failure of kafkajs means. The errors are kafkajs's own, wrapped as it wraps them. */
import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { SinkError, type SinkErrorCode, describe as say } from '../../src/errors.ts';
import { protocolError, sinkError } from '../../src/kafka/errors.ts';

const require = createRequire(import.meta.url);
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };
const errors = require('kafkajs/src/errors') as Record<string, new (...args: unknown[]) => Error>;
const create = (name: string, ...args: unknown[]): Error => new (errors[name] as new (...args: unknown[]) => Error)(...args);

/** As its retrier wraps what it gave up on. */
const exceeded = (error: Error): Error => create('KafkaJSNumberOfRetriesExceeded', error, { retryCount: 1, retryTime: 1 });
const nonRetriable = (error: Error): Error => create('KafkaJSNonRetriableError', error, { cause: error });
const connection = (code: string): Error =>
  create('KafkaJSConnectionError', `Connection error: ${code}`, { broker: 'b:1', code });

const PROTOCOL: [number, SinkErrorCode][] = [
  ...[3, 17, 29, 31, 33, 34, 35, 37, 38, 40, 43, 44, 54, 58, 76].map((code): [number, SinkErrorCode] => [code, 'misconfigured']),
  ...[10, 18, 32, 87].map((code): [number, SinkErrorCode] => [code, 'rejected']),
  // -1 and 8 are not retriable by kafkajs's account, 89 is unknown to it.
  ...[-1, 2, 5, 6, 7, 8, 13, 19, 20, 56, 72, 89].map((code): [number, SinkErrorCode] => [code, 'transient']),
];

describe('errors of a broker', () => {
  it.each(PROTOCOL)('%i is %s, however deep it is', (code, meaning) => {
    const error = createErrorFromCode(code);
    for (const wrapped of [error, nonRetriable(error), exceeded(error), exceeded(nonRetriable(exceeded(error)))]) {
      expect(sinkError(wrapped, 'x', 't').code).toBe(meaning);
    }
  });

  it('are named, for those who act on them', () => {
    expect(protocolError(exceeded(createErrorFromCode(10)))).toBe('MESSAGE_TOO_LARGE');
    expect(protocolError(connection('ECONNRESET'))).toBeUndefined();
    expect(protocolError('a text')).toBeUndefined();
  });

  it('say what to do', () => {
    expect(sinkError(createErrorFromCode(3), 'cannot write', 'telemetry').message).toBe(
      'cannot write: there is no topic telemetry: create it, or set create_topics: true [This server does not host this topic-partition]',
    );
    expect(sinkError(createErrorFromCode(29), 'cannot write', 'telemetry').message).toMatch(/allow it Write and Describe/);
    expect(sinkError(createErrorFromCode(10), 'cannot write', 'telemetry').message).toMatch(/max\.message\.bytes/);
    expect(sinkError(createErrorFromCode(76), 'cannot write', 'telemetry').message).toMatch(/choose another/);
  });

  it('of a topic that was not made are found in their heap', () => {
    const each = create('KafkaJSCreateTopicError', createErrorFromCode(38), 't');
    const heap = new kafkajs.KafkaJSAggregateError('Topic creation errors', [each]);
    expect(sinkError(nonRetriable(heap), 'x', 't')).toMatchObject({ code: 'misconfigured' });
    expect(sinkError(nonRetriable(heap), 'x', 't').message).toMatch(/replication_factor/);
  });
});

describe('errors of the way there', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EPIPE'])('%s is transient', (code) => {
    expect(sinkError(exceeded(connection(code)), 'x').code).toBe('transient');
  });

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  ])('%s is misconfigured', (code) => {
    const { code: meaning, message } = sinkError(exceeded(connection(code)), 'cannot connect');
    expect(meaning).toBe('misconfigured');
    expect(message).toMatch(/tls\.ca/);
    expect(message).toMatch(/\(b:1\)$/);
  });

  it.each([
    ['KafkaJSConnectionClosedError', 'Closed connection', { host: 'b', port: 1 }],
    ['KafkaJSRequestTimeoutError', 'Request Produce(key: 0, version: 7) timed out', {}],
    ['KafkaJSLockTimeout', 'Timeout while acquiring lock', {}],
    ['KafkaJSBrokerNotFound', 'Broker 1 not found', {}],
    ['KafkaJSMetadataNotLoaded', 'Metadata not loaded', {}],
    ['KafkaJSNoBrokerAvailableError', '', {}],
    ['KafkaJSTimeout', 'Timeout', {}],
  ])('%s is transient, though kafkajs calls some of them final', (name, text, options) => {
    const error = create(name, text, options);
    for (const wrapped of [error, nonRetriable(error), exceeded(error)]) expect(sinkError(wrapped, 'x').code).toBe('transient');
  });

  it('what kafkajs trips over itself is transient: the events are not to blame', () => {
    const error = new TypeError("Cannot read properties of undefined (reading 'nodeId')");
    expect(sinkError(nonRetriable(error), 'x').code).toBe('transient');
  });
});

describe('a login', () => {
  const failed = (why: string): Error =>
    nonRetriable(create('KafkaJSSASLAuthenticationError', `SASL SCRAM SHA256 authentication failed: ${why}`));

  it('that is refused is misconfigured', () => {
    const error = failed('Authentication failed during authentication due to invalid credentials');
    expect(sinkError(error, 'cannot connect')).toMatchObject({ code: 'misconfigured' });
    expect(sinkError(error, 'cannot connect').message).toMatch(/sasl\.username and the password/);
    expect(
      sinkError(create('KafkaJSSASLAuthenticationError', 'SASL PLAIN mechanism is not supported by the server'), 'x').code,
    ).toBe('misconfigured');
  });

  it.each([
    'Closed connection',
    'Connection error: read ECONNRESET',
    'Request SaslAuthenticate(key: 36, version: 1) timed out',
    'Not connected',
  ])('that the network broke off is transient: %s', (why) => expect(sinkError(failed(why), 'x').code).toBe('transient'));
});

describe('other errors', () => {
  it('are transient, whatever was thrown', () => {
    const circle = new Error('round');
    circle.cause = circle;
    for (const thrown of [new Error('what'), 'a text', undefined, null, 7, circle])
      expect(sinkError(thrown, 'x').code).toBe('transient');
  });

  it('that are instructions already stay so', () => {
    const error = new SinkError('blocked', 'wait');
    expect(sinkError(error, 'x')).toBe(error);
  });
});

it('what is said twice by kafkajs is said once', () => {
  const refused = 'connect ECONNREFUSED 127.0.0.1:9';
  expect(say(sinkError(exceeded(connection(refused)), 'cannot connect to Kafka'))).toBe(
    `cannot connect to Kafka: ${refused} (b:1)`,
  );
});
