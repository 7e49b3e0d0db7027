/** Makes a client of kafkajs as the options say, that can be let go of at once. What speaks Kafka here begins with it. */
import kafkajs, { type Kafka, type ProducerConfig } from 'kafkajs';
import { prepare } from './kafkajs.ts';
import { warnOnce } from './log.ts';
import type { ClientOptions } from './options.ts';
import { readSecurity } from './security.ts';
import { Sockets } from './sockets.ts';

/** Who retries in the end is not kafkajs; but it is kafkajs that goes from one bootstrap broker to the next, once an attempt. */
const RETRY_MS = 100;
const RETRIES_MAX = 10;

export interface KafkaClient {
  readonly kafka: Kafka;
  readonly sockets: Sockets;
  /** Lets go of every connection, whatever is on its way, and makes no new one. */
  close(reason: Error): void;
}

export interface ClientParts {
  warn(message: string): void;
  /** Counts the clients of one owner: each begins with another of the bootstrap brokers, because the first may be the one that is dead. */
  readonly turn?: number;
}

/** Reads certificates and passwords, but connects to nothing yet. Throws `SinkError`. */
export async function openClient(options: ClientOptions, { warn, turn = 0 }: ClientParts): Promise<KafkaClient> {
  prepare();
  const security = await readSecurity(options);
  const sockets = new Sockets();
  const first = turn % options.brokers.length;
  const kafka = new kafkajs.Kafka({
    clientId: options.client_id,
    brokers: [...options.brokers.slice(first), ...options.brokers.slice(0, first)],
    ...security,
    connectionTimeout: options.connect_timeout,
    authenticationTimeout: options.connect_timeout,
    requestTimeout: options.request_timeout,
    socketFactory: sockets.factory,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: warnOnce(warn),
    retry: {
      retries: Math.min(options.brokers.length - 1, RETRIES_MAX),
      initialRetryTime: RETRY_MS,
      maxRetryTime: RETRY_MS,
    },
  });
  return { kafka, sockets, close: (reason) => sockets.close(reason) };
}

/** A producer that repeats nothing by itself and makes no topic. */
export const producerConfig = (partitioner: NonNullable<ProducerConfig['createPartitioner']>): ProducerConfig => ({
  createPartitioner: partitioner,
  allowAutoTopicCreation: false,
  idempotent: false,
  retry: { retries: 0 },
});
