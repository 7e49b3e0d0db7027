/**
 * A cluster on loopback that speaks as much of Kafka's protocol as a producer needs, and answers what a test wants it to: errors, half an
 * answer, none. Real brokers are in the other tests; this is for what they cannot be made to do.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const require = createRequire(import.meta.url);
type Decoder = {
  readInt16(): number;
  readInt32(): number;
  readInt64(): { toString(): string };
  readString(): string;
  readBytes(n: number): Buffer;
};
const KafkajsDecoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => Decoder;
const decodeRecords = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: Decoder) => Promise<DecodedBatch>;

const [PRODUCE, METADATA, API_VERSIONS] = [0, 3, 18];

export interface DecodedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly timestamp: string;
  readonly headers: Record<string, Buffer>;
  readonly offset: string;
}

interface DecodedBatch {
  readonly records: DecodedRecord[];
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
}

/** Decodes a record batch as a consumer of kafkajs does. */
export const decodeBatch = async (batch: Buffer): Promise<DecodedBatch> => await decodeRecords(new KafkajsDecoder(batch));

/** One request to write, as it came in. */
export interface Produced {
  readonly node: number;
  readonly topic: string;
  readonly partition: number;
  /** How many replicas must have it, -1 for all in sync, and how long that may take, in milliseconds. */
  readonly acks: number;
  readonly timeout: number;
  readonly batch: Buffer;
}

/** What a node answers to a request to write: an error code, another partition than was asked for, nothing about any, half an answer, nothing at all. */
export type Answer = { error?: number; partition?: number } | 'empty' | 'silence' | 'reset' | 'half';

export class FakeBroker {
  /** Partitions of each topic, by their leader's number; -1 where there is none. */
  readonly topics = new Map<string, number[]>();
  readonly produced: Produced[] = [];
  /** How many times each kind of request came. */
  readonly requests = { produce: 0, metadata: 0, versions: 0 };
  readonly sockets = new Set<Socket>();
  produce: (request: Produced) => Answer = () => ({});
  /** Error codes of topics, in metadata. */
  readonly errors = new Map<string, number>();
  produceVersionMax = 7;
  readonly #servers: Server[] = [];
  /** How many bytes of the next answer are sent, if not all. */
  #half = 0;

  static async start(nodes = 1): Promise<FakeBroker> {
    const broker = new FakeBroker();
    for (let node = 1; node <= nodes; node++) {
      const server = createServer((socket) => broker.#serve(node, socket));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      broker.#servers.push(server);
    }
    return broker;
  }

  get addresses(): string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.#servers.map(async (server) => await new Promise((done) => server.close(done))));
  }

  get #ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  #serve(node: number, socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const length = waiting.readInt32BE(0);
        this.#answer(node, socket, waiting.subarray(4, 4 + length));
        waiting = waiting.subarray(4 + length);
      }
    });
  }

  #answer(node: number, socket: Socket, request: Buffer): void {
    const decoder = new KafkajsDecoder(request);
    const [key, version] = [decoder.readInt16(), decoder.readInt16()];
    const correlation = decoder.readInt32();
    decoder.readString();
    const body =
      key === API_VERSIONS
        ? this.#versions()
        : key === METADATA
          ? this.#metadata(decoder)
          : this.#produced(node, socket, decoder, version);
    if (!body) return;
    const answer = Buffer.concat([int32(4 + body.length), int32(correlation), body]);
    // Not at once: a reset takes with it what has not been read.
    if (this.#half) socket.write(answer.subarray(0, this.#half), () => setTimeout(() => socket.resetAndDestroy(), 50));
    else socket.write(answer);
    this.#half = 0;
  }

  #versions(): Buffer {
    this.requests.versions++;
    const ranges = [
      [PRODUCE, 0, this.produceVersionMax],
      [METADATA, 0, 1],
      [API_VERSIONS, 0, 2],
    ];
    return Buffer.concat([int16(0), array(ranges.map((range) => Buffer.concat(range.map(int16)))), int32(0)]);
  }

  #metadata(decoder: Decoder): Buffer {
    this.requests.metadata++;
    const names = Array.from({ length: Math.max(0, decoder.readInt32()) }, () => decoder.readString());
    const brokers = this.#ports.map((port, i) => Buffer.concat([int32(i + 1), text('127.0.0.1'), int32(port), int16(-1)]));
    const topics = names.map((name) => {
      const leaders = this.topics.get(name);
      const error = this.errors.get(name) ?? (leaders ? 0 : 3);
      const partitions = (error === 0 ? (leaders ?? []) : []).map((leader, id) =>
        Buffer.concat([int16(leader < 0 ? 5 : 0), int32(id), int32(leader), array([int32(leader)]), array([int32(leader)])]),
      );
      return Buffer.concat([int16(error), text(name), Buffer.from([0]), array(partitions)]);
    });
    return Buffer.concat([array(brokers), int32(1), array(topics)]);
  }

  #produced(node: number, socket: Socket, decoder: Decoder, version: number): Buffer | undefined {
    this.requests.produce++;
    decoder.readString();
    const [acks, timeout] = [decoder.readInt16(), decoder.readInt32()];
    decoder.readInt32();
    const topic = decoder.readString();
    decoder.readInt32();
    const partition = decoder.readInt32();
    const request = { node, topic, partition, acks, timeout, batch: Buffer.from(decoder.readBytes(decoder.readInt32())) };
    const answer = this.produce(request);
    if (answer === 'reset') return void socket.resetAndDestroy();
    if (answer === 'silence') return undefined;
    if (answer === 'half') this.#half = 14;
    const { error = 0 } = typeof answer === 'string' ? {} : answer;
    if (error === 0 && answer !== 'empty') this.produced.push(request);
    const answered = typeof answer === 'string' ? partition : (answer.partition ?? partition);
    const entry = Buffer.concat([int32(answered), int16(error), int64(0), int64(-1), ...(version >= 5 ? [int64(0)] : [])]);
    const topics = answer === 'empty' ? [] : [Buffer.concat([text(topic), array([entry])])];
    return Buffer.concat([array(topics), int32(0)]);
  }
}

const int16 = (value: number): Buffer => number(2, value);
const int32 = (value: number): Buffer => number(4, value);
const int64 = (value: number): Buffer => Buffer.concat([int32(value < 0 ? -1 : 0), int32(value)]);
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const array = (entries: readonly Buffer[]): Buffer => Buffer.concat([int32(entries.length), ...entries]);

function number(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
}
