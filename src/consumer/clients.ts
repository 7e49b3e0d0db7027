/**
 * Messages as kafkajs and amqplib hand them over, made into envelopes. Only the shapes of these clients are known here, so that a program
 * that uses one does not need the other; any other client's messages fit, once their headers are put into an `Envelope`.
 */
import { BACKFILL_HEADER, SEQ_HEADER, TRACE_HEADER } from '../broker.ts';
import type { Envelope } from './message.ts';

/** A value of a header: text, its bytes, or several of either; amqplib also has numbers, booleans and tables. */
type Headers = Readonly<Record<string, unknown>>;

/** What of a kafkajs `EachMessagePayload` is read; of a batch, `{ topic: batch.topic, partition: batch.partition, message }`. */
export interface KafkaPayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: { readonly value: Uint8Array | null; readonly headers?: Headers | undefined };
}

/** What of an amqplib `ConsumeMessage` (or `GetMessage`) is read. */
export interface AmqpMessage {
  readonly content: Uint8Array;
  readonly properties: {
    readonly contentType?: unknown;
    readonly messageId?: unknown;
    readonly headers?: Headers | undefined;
  };
}

/** From kafkajs, in `eachMessage` or `eachBatch`. */
export function fromKafka({ topic, partition, message: { value, headers = {} } }: KafkaPayload): Envelope {
  return {
    id: text(headers['ce_id']),
    type: text(headers['ce_type']),
    contentType: text(headers['content-type']),
    seq: text(headers[SEQ_HEADER]),
    backfill: text(headers[BACKFILL_HEADER]) === 'true',
    traceparent: text(headers[TRACE_HEADER]),
    body: value ?? EMPTY,
    place: `${topic}/${partition}`,
  };
}

/** From amqplib, in `consume` or `get`. `queue` is where it was read: order holds within a queue. */
export function fromAmqp({ content, properties: { contentType, messageId, headers = {} } }: AmqpMessage, queue = ''): Envelope {
  return {
    id: text(headers['cloudEvents_id'] ?? headers['cloudEvents:id'] ?? messageId),
    type: text(headers['cloudEvents_type'] ?? headers['cloudEvents:type']),
    contentType: text(contentType),
    seq: text(headers[SEQ_HEADER]),
    backfill: text(headers[BACKFILL_HEADER]) === 'true',
    traceparent: text(headers[TRACE_HEADER]),
    body: content,
    place: queue,
  };
}

const EMPTY = new Uint8Array(0);

/** A header as text; of several values, the last. */
function text(value: unknown): string | undefined {
  const one: unknown = Array.isArray(value) ? value.at(-1) : value;
  if (typeof one === 'string') return one;
  if (typeof one === 'boolean') return String(one);
  return one instanceof Uint8Array ? Buffer.from(one.buffer, one.byteOffset, one.length).toString('utf8') : undefined;
}
