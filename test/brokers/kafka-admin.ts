/** Topics and leaders of a Kafka that tests use. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';

/** How long a change may take to be seen by every broker, in milliseconds. */
const CHANGE_MS = 30_000;
const POLL_MS = 50;

export interface TopicOptions {
  /** 1 unless given. */
  partitions?: number;
  /** How many nodes hold it; 1 unless given. */
  replication?: number;
  /** The topic's own settings, such as `max.message.bytes`. */
  config?: Record<string, string | number>;
}

export class KafkaAdmin {
  readonly #brokers: readonly string[];

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers;
  }

  /** How Kafka's tools are told where the cluster is. */
  get bootstrap(): [string, string] {
    return ['--bootstrap-server', this.#brokers.join(',')];
  }

  /** The numbers of the nodes that serve. */
  async nodes(): Promise<number[]> {
    return await this.#with(async (admin) => (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId));
  }

  /** Makes a topic, and resolves when every partition of it has a leader. */
  async createTopic(name: string, options: TopicOptions = {}): Promise<void> {
    const { partitions = 1, replication = 1, config = {} } = options;
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value: String(value) }));
    const topic = { topic: name, numPartitions: partitions, replicationFactor: replication, configEntries };
    await this.#with(async (admin) => await admin.createTopics({ topics: [topic], timeout: CHANGE_MS, waitForLeaders: false }));
    await this.#until(`a leader for each partition of ${name}`, async () => {
      const leaders = await this.leaders(name);
      return leaders.length === partitions && leaders.every((leader) => leader >= 0);
    });
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#with(async (admin) => await admin.deleteTopics({ topics: [name], timeout: CHANGE_MS }));
    await this.#until(`${name} gone`, async () => !(await this.topics()).includes(name));
  }

  /** The names of all topics. */
  async topics(): Promise<string[]> {
    return await this.#with(async (admin) => await admin.listTopics());
  }

  /** How many records each partition has been given, by its number. */
  async offsets(topic: string): Promise<number[]> {
    const all = await this.#with(async (admin) => await admin.fetchTopicOffsets(topic));
    return all.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  }

  /** The node that leads each partition, by its number; -1 where there is none. */
  async leaders(topic: string): Promise<number[]> {
    return (await this.#partitions(topic)).map(({ leader }) => leader);
  }

  /** Makes a node the leader of a partition that it has a copy of. */
  async moveLeader(topic: string, partition: number, toNode: number): Promise<void> {
    const replicas = (await this.#partitions(topic))[partition]?.replicas ?? [];
    if (!replicas.includes(toNode))
      throw new Error(`node ${toNode} has no copy of ${topic}/${partition}, but ${replicas.join(', ')}`);
    const order = [toNode, ...replicas.filter((node) => node !== toNode)];
    const assignment = { topic, partitionAssignment: [{ partition, replicas: order }] };
    await this.#with(async (admin) => await admin.alterPartitionReassignments({ topics: [assignment], timeout: CHANGE_MS }));
    // The first of a partition's nodes is its preferred leader; an election makes it the leader.
    await this.#until(`${topic}/${partition} on ${order.join(', ')}`, async () => {
      const now = (await this.#partitions(topic))[partition];
      return now?.replicas[0] === toNode && now.isr.includes(toNode);
    });
    await electPreferred(this.#brokers[0] as string, topic, partition);
    await this.#until(
      `node ${toNode} leading ${topic}/${partition}`,
      async () => (await this.leaders(topic))[partition] === toNode,
    );
  }

  async #partitions(topic: string): Promise<{ leader: number; replicas: number[]; isr: number[] }[]> {
    const { topics } = await this.#with(async (admin) => await admin.fetchTopicMetadata({ topics: [topic] }));
    const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
    return partitions
      .toSorted((a, b) => a.partitionId - b.partitionId)
      .map(({ leader, replicas, isr }) => ({ leader, replicas, isr }));
  }

  /** A connection for each piece of work: what a killed or frozen broker leaves behind in an old one must not matter. */
  async #with<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const kafka = new Kafka({
      clientId: 'tidegate-test',
      brokers: [...this.#brokers],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2000,
      requestTimeout: CHANGE_MS,
      retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async #until(what: string, reached: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + CHANGE_MS;
    let last = '';
    const attempt = async (): Promise<boolean> => {
      try {
        return await reached();
      } catch (error) {
        last = `: ${(error as Error).message}`;
        return false;
      }
    };
    while (!(await attempt())) {
      if (performance.now() > until) throw new Error(`Kafka: no ${what} after ${CHANGE_MS / 1000} s${last}`);
      await sleep(POLL_MS);
    }
  }
}

/** Has the preferred leader of a partition elected: the request ElectLeaders, version 1, which kafkajs lacks. Any broker passes it on. */
async function electPreferred(broker: string, topic: string, partition: number): Promise<void> {
  const [host, port] = broker.split(':') as [string, string];
  const text = (value: string): Buffer => Buffer.concat([int(2, Buffer.byteLength(value)), Buffer.from(value)]);
  const header = [int(2, ELECT_LEADERS), int(2, 1), int(4, 1), text('tidegate-test')];
  const preferred = int(1, 0);
  const body = [preferred, int(4, 1), text(topic), int(4, 1), int(4, partition), int(4, CHANGE_MS)];
  const request = Buffer.concat([...header, ...body]);
  const socket = connect({ host, port: Number(port), timeout: CHANGE_MS });
  try {
    socket.once('timeout', () => socket.destroy(new Error('no answer to ElectLeaders')));
    socket.write(Buffer.concat([int(4, request.length), request]));
    await once(socket, 'data');
  } finally {
    socket.destroy();
  }
}

const ELECT_LEADERS = 43;

function int(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
}
