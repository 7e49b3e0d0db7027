/**
 * One request to one partition, and whether it was answered in full.
 *
 * kafkajs reports success for what it has not sent: it drops messages for a partition that it does not know, and, when a leader moves between
 * two attempts of one call, those whose new leader has already answered for others (tulios/kafkajs#1303). So a call of it is for one
 * partition, without attempts of its own, and counts only where the answer names that partition.
 */
import type { Kafka, Producer, RecordMetadata } from 'kafkajs';
import type { Message } from '../broker.ts';
import { SinkError } from '../errors.ts';
import { free } from '../free.ts';
import { producerConfig } from './client.ts';
import { codecs, TYPES } from './codecs.ts';
import { headersOf } from './headers.ts';
import { Encoded, repaired } from './kafkajs.ts';
import type { Compression } from './options.ts';
import { partitionOf } from './partition.ts';
import { encodeBatch, sizeOf, timestampOf } from './record-batch.ts';

/** Of the buffer that is kept for the next batch, so that one large event does not cost its size for good. */
const SPARE_BYTES_MAX = 4 * 2 ** 20;
/** All replicas that are in sync. */
const ACKS_ALL = -1;
/** The broker gives up this long before the client does, so that its answer, and not silence, says what became of the records. */
const ACK_MARGIN_MS = 2000;
/** What kafkajs, unrepaired, groups by partition takes time by the square of its length. */
const UNREPAIRED_MESSAGES_MAX = 500;

export interface PartitionProducerOptions {
  readonly agent: string;
  readonly key: (message: Message) => string;
  readonly compression: Compression;
  /** In milliseconds. */
  readonly requestTimeout: number;
  /** For tests: as with a kafkajs that is not repaired. */
  readonly plain?: boolean;
}

/** Sends messages of one lane to its partition of a topic. One call at a time. */
export class PartitionProducer {
  readonly #producer: Producer;
  readonly #options: PartitionProducerOptions;
  readonly #plain: boolean;
  readonly #ackTimeout: number;
  #lane = 0;
  #partition = -1;
  /** What the last batch was written into, if the broker has it: a failed one may still be on its way to the socket. */
  #spare: Buffer | undefined;

  constructor(kafka: Kafka, options: PartitionProducerOptions) {
    this.#options = options;
    this.#plain = options.plain ?? !repaired;
    this.#ackTimeout = Math.max(500, options.requestTimeout - ACK_MARGIN_MS);
    const partitioner = ({ partitionMetadata }: { partitionMetadata: { partitionId: number }[] }): number => {
      this.#partition = partitionOf(options.agent, this.#lane, partitionMetadata);
      return this.#partition;
    };
    this.#producer = kafka.producer(producerConfig(() => partitioner));
  }

  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  /** Asks what there is of a topic, and fails as a send would when it is not there or may not be seen. */
  async look(topic: string): Promise<void> {
    await this.#producer.send({ topic, acks: ACKS_ALL, messages: [] });
  }

  /** How many messages from `from` on go into a request of this many bytes, at least one; and how many bytes they are, at most. */
  fitting(messages: readonly Message[], from: number, bytesMax: number): { to: number; bytes: number } {
    const { key } = this.#options;
    const last = this.#plain ? Math.min(messages.length, from + UNREPAIRED_MESSAGES_MAX) : messages.length;
    let [to, bytes] = [from, 0];
    for (; to < last; to++) {
      const message = messages[to] as Message;
      const more = sizeOf(message, key(message));
      if (to > from && bytes + more > bytesMax) break;
      bytes += more;
    }
    return { to, bytes };
  }

  /** Resolves when the partition's replicas have all of it. Throws what kafkajs throws, and `SinkError` where nothing is wrong by its account. */
  async send(topic: string, messages: readonly Message[], stamped: boolean): Promise<void> {
    const { compression } = this.#options;
    for (const { id, body } of messages) {
      // kafkajs sends the text "1,2,3" for any other array of bytes.
      if (!Buffer.isBuffer(body)) throw new SinkError('rejected', `the body of the event ${id} is no Buffer`);
    }
    this.#lane = messages[0]?.lane ?? 0;
    this.#partition = -1;
    const room = { buffer: this.#spare };
    this.#spare = undefined;
    const answer = await this.#producer.send({
      topic,
      acks: ACKS_ALL,
      timeout: this.#ackTimeout,
      compression: TYPES[compression],
      messages: this.#plain ? this.#kafkajsMessages(messages, stamped) : [await this.#encoded(messages, stamped, room)],
    });
    checkAnswer(answer, topic, this.#partition);
    if (room.buffer !== undefined && room.buffer.length <= SPARE_BYTES_MAX) this.#spare = room.buffer;
  }

  /** Writes into the room that there is, or makes some. */
  async #encoded(messages: readonly Message[], stamped: boolean, room: { buffer: Buffer | undefined }): Promise<Encoded> {
    const { key, compression } = this.#options;
    const compress = compression === 'none' ? undefined : codecs[compression].compress;
    const allocate = (bytes: number): Buffer => {
      if (room.buffer !== undefined && room.buffer.length >= bytes) return room.buffer;
      if (room.buffer) free(room.buffer);
      room.buffer = Buffer.allocUnsafeSlow(bytes);
      return room.buffer;
    };
    const options = { key, stamped, codec: TYPES[compression], allocate, ...(compress && { compress }) };
    return new Encoded(await encodeBatch(messages, options));
  }

  #kafkajsMessages(messages: readonly Message[], stamped: boolean): KafkajsMessage[] {
    const { key } = this.#options;
    return messages.map((message) => kafkajsMessage(message, key(message), stamped));
  }
}

export interface KafkajsMessage {
  readonly key: string | null;
  readonly value: Buffer;
  readonly timestamp: string;
  readonly headers: Record<string, string>;
}

/** A message as kafkajs takes it. */
export const kafkajsMessage = (message: Message, key: string, stamped = true): KafkajsMessage => ({
  key: key === '' ? null : key,
  value: message.body,
  timestamp: String(timestampOf(message, stamped)),
  headers: Object.fromEntries(headersOf(message)),
});

/** Throws unless the answer says that this partition took what it was sent. */
export function checkAnswer(answer: readonly RecordMetadata[], topic: string, partition: number): void {
  const entry = answer.find((part) => part.topicName === topic && part.partition === partition);
  if (entry?.errorCode === 0) return;
  const said = entry ? `error ${entry.errorCode}` : 'nothing';
  throw new SinkError('transient', `Kafka answered with ${said} about partition ${partition} of ${topic}`);
}
