/**
 * Reads partitions of Kafka from one offset to another, without a consumer group: nothing is committed, no rights on groups are needed, and
 * where reading ends is exact. kafkajs can do that but does not offer it, so its cluster is taken from inside the client; in another
 * version than the one that is known this says so instead of doing something else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fromKafka } from '../consumer/clients.ts';
import type { Envelope } from '../consumer/message.ts';
import type { KafkaClient } from '../kafka/client.ts';
import { protocolError } from '../kafka/errors.ts';

/** Bytes of one partition in one answer, and of all together: what is in memory for each broker, before it is unpacked. */
const PARTITION_BYTES = 2 ** 20;
const ANSWER_BYTES = 4 * 2 ** 20;
/** The pause between attempts: leaders move within seconds. */
const PAUSE_MS = 500;

/** A partition and what of it is left. */
export interface Part {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  next: number;
  /** Where reading ends, this offset not included. */
  readonly end: number;
}

interface FetchedMessage {
  readonly offset: string;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly isControlRecord?: boolean;
}

interface FetchBroker {
  fetch(request: object): Promise<{
    readonly responses: readonly {
      readonly topicName: string;
      readonly partitions: readonly { readonly partition: number; readonly messages: readonly FetchedMessage[] }[];
    }[];
  }>;
}

interface Cluster {
  connect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(broker: { nodeId: string }): Promise<FetchBroker>;
}

type CreateCluster = (options: object) => Cluster;

function clusterOf({ kafka }: KafkaClient): Cluster {
  const inside = kafka as unknown as Record<symbol, unknown>;
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const create = symbol && inside[symbol];
  if (typeof create !== 'function') throw new Error('kafkajs is not the version that is known here, 2.2.4');
  return (create as CreateCluster)({ allowAutoTopicCreation: false, metadataMaxAge: 300_000 });
}

/** What `fetchAll` tells while it reads. */
export interface FetchEvents {
  take(message: Envelope): void;
  /** After each answer: how many offsets have been passed since the last one. */
  passed(offsets: number): void;
  remark(text: string): void;
}

export interface FetchLimits {
  /** How long there may be no progress, over several attempts, in milliseconds. */
  readonly patience: number;
  /** How long a broker may take to answer a fetch, which waits for nothing, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** Reads all parts to their ends. Rejects with kafkajs' error when there was no progress for too long. */
export async function fetchAll(
  client: KafkaClient,
  parts: readonly Part[],
  events: FetchEvents,
  { patience, timeout, signal }: FetchLimits,
): Promise<void> {
  const cluster = clusterOf(client);
  await cluster.connect();
  await cluster.addMultipleTargetTopics([...new Set(parts.map(({ topic }) => topic))]);
  let last = performance.now();
  for (let left = open(parts); left.length > 0 && !signal.aborted; left = open(parts)) {
    const before = left.reduce((sum, { next }) => sum + next, 0);
    try {
      await Promise.all(
        [...byLeader(cluster, left)].map(([nodeId, of]) => fetchFrom(cluster, nodeId, of, events, { timeout, signal })),
      );
    } catch (error) {
      if (signal.aborted) return;
      const progress = left.reduce((sum, { next }) => sum + next, 0) > before;
      if (progress) last = performance.now();
      if (performance.now() - last > patience || isFinal(error)) throw error;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
      await cluster.refreshMetadata().catch(() => {});
    }
  }
}

const open = (parts: readonly Part[]): Part[] => parts.filter(({ next, end }) => next < end);

/** Errors that another attempt will not cure. */
const FINAL = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'OFFSET_OUT_OF_RANGE',
  'UNSUPPORTED_COMPRESSION_TYPE',
]);
const isFinal = (error: unknown): boolean => FINAL.has(protocolError(error) ?? '');

function byLeader(cluster: Cluster, parts: readonly Part[]): Map<string, Part[]> {
  const leaders = new Map<string, Part[]>();
  for (const part of parts) {
    const [leader] = Object.keys(cluster.findLeaderForPartitions(part.topic, [part.partition]));
    if (leader === undefined) throw new Error(`${part.topic}/${part.partition} has no leader`);
    leaders.set(leader, [...(leaders.get(leader) ?? []), part]);
  }
  return leaders;
}

/** Reads from one broker what it leads, to the end of it. */
async function fetchFrom(
  cluster: Cluster,
  nodeId: string,
  parts: readonly Part[],
  events: FetchEvents,
  { timeout, signal }: Pick<FetchLimits, 'timeout' | 'signal'>,
): Promise<void> {
  const broker = await cluster.findBroker({ nodeId });
  for (let left = open(parts); left.length > 0 && !signal.aborted; left = open(parts)) {
    const { responses } = await broker.fetch({
      isolationLevel: 0,
      // kafkajs gives the broker as long to answer as it may wait for more.
      maxWaitTime: timeout,
      minBytes: 0,
      maxBytes: ANSWER_BYTES,
      topics: left.map(({ topic, partition, next }) => ({
        topic,
        partitions: [{ partition, fetchOffset: String(next), maxBytes: PARTITION_BYTES }],
      })),
    });
    let passed = 0;
    for (const { topicName, partitions } of responses) {
      for (const { partition, messages } of partitions) {
        const part = left.find((one) => one.topic === topicName && one.partition === partition);
        if (part) passed += takeAll(part, messages, events);
      }
    }
    events.passed(passed);
    if (passed > 0) continue;
    // The broker has nothing more to say of offsets that it counts: markers of transactions, or records that compaction took.
    for (const part of left) {
      events.remark(`${part.topic}/${part.partition}: nothing is stored at the last ${part.end - part.next} offsets`);
      part.next = part.end;
    }
  }
}

/** Takes what is new of an answer; returns how many offsets it went on. */
function takeAll(part: Part, messages: readonly FetchedMessage[], { take }: FetchEvents): number {
  const from = part.next;
  for (const { offset, value, headers, isControlRecord } of messages) {
    const at = Number(offset);
    // A batch is answered whole, whichever of its records was asked for.
    if (at < part.next || at >= part.end) continue;
    part.next = at + 1;
    if (!isControlRecord) take(fromKafka({ topic: part.topic, partition: part.partition, message: { value, headers } }));
  }
  if (messages.some(({ offset }) => Number(offset) >= part.end)) part.next = part.end;
  return part.next - from;
}
