/**
 * kafkajs 2.2.4, the last release, with what is wrong in it put right. Each repair is in place only in that version, and affects what this
 * process does with kafkajs elsewhere only where it says so.
 *
 *   request queue   a timer fired every millisecond for each connection, idle ones too, and another every 100 ms. Now a timer is set while a
 *                   request waits to be sent, or to be answered. For all clients.
 *   connection      what it had of an answer when it was cut off was put before the answers of the next one: the process ended, or waited. It
 *                   begins anew now, and what is no answer of Kafka fails the connection instead of the process. For all clients.
 *   metadata        one partition without a leader made its whole topic unknown. Now it does only when no partition has one. For all clients.
 *   produce         a send took time by the square of its records, and more for a header than for a kilobyte of value, and was copied
 *                   three times. A send of `Encoded` goes out as it is. For these only.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import kafkajs from 'kafkajs';
import { describe } from '../errors.ts';
import { registerCodecs } from './codecs.ts';
import { NOT_KAFKA } from './errors.ts';
import { type Connection as Carrier, PRODUCE_KEY, type Response, sendProduce } from './produce-request.ts';

const KNOWN_VERSION = '2.2.4';
/** Throttled requests are looked at no more often than this, and unanswered ones, in milliseconds. */
const THROTTLE_MS_MIN = 10;
const TIMEOUT_CHECK_MS_MAX = 1000;
/** Records with headers came with version 3 of Produce, Kafka 0.11. */
const PRODUCE_VERSION_MIN = 3;
/** An answer begins with its length; one of more than this is none: the text `HTTP` is 1.2 GB. */
const LENGTH_BYTES = 4;
const ANSWER_BYTES_MAX = 2 ** 28;
const METADATA_KEY = 3;

const require = createRequire(import.meta.url);
const { version } = require('kafkajs/package.json') as { version: string };

/** Whether this is the version that the repairs were written for. Without them it is slower, and no less safe. */
export const repaired = version === KNOWN_VERSION;

interface SocketRequest {
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

interface RequestQueue {
  pending: unknown[];
  inflight: Map<number, SocketRequest>;
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  requestTimeoutIntervalId: NodeJS.Timeout | undefined;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  isConnected(): boolean;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: SocketRequest): void;
  destroy(): void;
}

/** Both timers of a queue, as they should have been. Exported for a test that runs them on a queue of its own. */
export function repairRequestQueue(prototype: RequestQueue): void {
  const { sendSocketRequest, destroy } = prototype;
  prototype.scheduleCheckPendingRequests = function () {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    const wait = Math.max(THROTTLE_MS_MIN, this.throttledUntil - Date.now());
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, wait);
  };
  prototype.scheduleRequestTimeoutCheck = () => {};
  prototype.sendSocketRequest = function (request) {
    sendSocketRequest.call(this, request);
    if (this.enforceRequestTimeout) checkTimeouts(this);
  };
  prototype.destroy = function () {
    destroy.call(this);
    this.requestTimeoutIntervalId = undefined;
  };
}

/** Looks after unanswered requests while there are some. */
function checkTimeouts(queue: RequestQueue): void {
  if (queue.requestTimeoutIntervalId !== undefined || queue.inflight.size === 0) return;
  const wait = Math.min(queue.requestTimeout, TIMEOUT_CHECK_MS_MAX);
  queue.requestTimeoutIntervalId = setTimeout(() => {
    queue.requestTimeoutIntervalId = undefined;
    const now = Date.now();
    for (const request of queue.inflight.values()) if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
    checkTimeouts(queue);
  }, wait);
}

interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  authHandlers: unknown;
  authExpectResponse: boolean;
  socket: Socket | undefined;
  isConnected(): boolean;
  connect(): Promise<boolean>;
  processData(data: Buffer): void;
}

function repairConnection(prototype: Connection): void {
  const { connect, processData } = prototype;
  prototype.connect = async function () {
    if (!this.isConnected()) {
      // What the old socket still has to say is not about the new one.
      for (const event of ['data', 'end', 'error', 'timeout']) this.socket?.removeAllListeners(event);
      this.socket?.on('error', () => {}).destroy();
      Object.assign(this, {
        chunks: [],
        bytesBuffered: 0,
        bytesNeeded: LENGTH_BYTES,
        authHandlers: null,
        authExpectResponse: false,
      });
    }
    return await connect.call(this);
  };
  prototype.processData = function (data) {
    try {
      processData.call(this, data);
      if (this.bytesNeeded > ANSWER_BYTES_MAX) throw new RangeError(`an answer of ${this.bytesNeeded} bytes`);
    } catch (error) {
      const why = `what answers there does not speak Kafka: ${describe(error)}`;
      this.socket?.destroy(Object.assign(new Error(why, { cause: error }), { code: NOT_KAFKA }));
    }
  };
}

/** A record batch that is encoded already, in the place of a message. kafkajs carries it to the leader of its partition. */
export class Encoded {
  /** kafkajs looks for a value in each message. */
  readonly value = null;
  readonly batch: Buffer;

  constructor(batch: Buffer) {
    this.batch = batch;
  }
}

interface ProduceArguments {
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly unknown[] }[];
  }[];
}

interface Broker {
  readonly connectionPool: {
    send(request: object): Promise<unknown>;
    getConnectionByRequest(about: { request: { apiKey: number } }): Promise<Carrier>;
  };
  readonly allowAutoTopicCreation: boolean;
  lookupRequest(apiKey: number, definition: unknown): (args: object) => { request: { apiVersion: number }; response: Response };
  disconnect(): Promise<void>;
  metadata(topics?: readonly string[]): Promise<unknown>;
  produce(args: ProduceArguments): Promise<unknown>;
}

function repairBroker(prototype: Broker): void {
  const { requests } = require('kafkajs/src/protocol/requests') as { requests: { Produce: unknown; Metadata: unknown } };
  const { produce } = prototype;
  prototype.produce = async function (args) {
    const topic = args.topicData[0];
    const partition = topic?.partitions[0];
    const carrier = partition?.messages[0];
    if (!topic || !partition || !(carrier instanceof Encoded)) return await produce.call(this, args);
    const { request, response } = this.lookupRequest(PRODUCE_KEY, requests.Produce)({ ...args, topicData: [] });
    const { apiVersion } = request;
    if (apiVersion < PRODUCE_VERSION_MIN) {
      throw new kafkajs.KafkaJSServerDoesNotSupportApiKey('records with headers need Kafka 0.11 or newer', {
        apiKey: PRODUCE_KEY,
        apiName: 'Produce',
      });
    }
    const { acks, timeout } = args;
    const sent = { apiVersion, acks, timeout, topic: topic.topic, partition: partition.partition, batch: carrier.batch };
    return await exchange(this, async ({ connectionPool }) => {
      const connection = await connectionPool.getConnectionByRequest({ request: { apiKey: PRODUCE_KEY } });
      return await sendProduce(connection, sent, response);
    });
  };
  prototype.metadata = async function (topics = []) {
    const { allowAutoTopicCreation } = this;
    const { request, response } = this.lookupRequest(METADATA_KEY, requests.Metadata)({ topics, allowAutoTopicCreation });
    const asked = { request, response: { ...response, parse: parseMetadata } };
    return await exchange(this, async ({ connectionPool }) => await connectionPool.send(asked));
  };
}

/** As kafkajs does it for each of its requests. */
async function exchange(broker: Broker, send: (broker: Broker) => Promise<unknown>): Promise<unknown> {
  try {
    return await send(broker);
  } catch (error) {
    if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly { readonly partitionErrorCode: number }[];
  }[];
}

async function parseMetadata(data: Metadata): Promise<Metadata> {
  const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };
  for (const { topicErrorCode, partitionMetadata } of data.topicMetadata) {
    const codes = partitionMetadata.map(({ partitionErrorCode }) => partitionErrorCode);
    const code = topicErrorCode !== 0 || codes.includes(0) ? topicErrorCode : (codes[0] ?? 0);
    if (code !== 0) throw createErrorFromCode(code);
  }
  return data;
}

let done = false;

/** Puts right what is wrong, once; before the first client is made. */
export function prepare(): void {
  if (done) return;
  done = true;
  registerCodecs();
  if (!repaired) return;
  repairRequestQueue((require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype);
  repairConnection((require('kafkajs/src/network/connection') as { prototype: Connection }).prototype);
  repairBroker((require('kafkajs/src/broker') as { prototype: Broker }).prototype);
}
