/** What a broker has been found to take of a topic, and topics that are made. */
import type { Clock } from '../clock.ts';
import type { KafkaClient } from './client.ts';
import { sinkError } from './errors.ts';
import type { ClientOptions, ProduceOptions } from './options.ts';

/** How long a topic's refusal of timestamps is remembered, in milliseconds: clocks are set right. */
const UNSTAMPED_MS = 60_000;
/** A batch that is found broken this often in a row was not broken on its way. */
const CORRUPT_MAX = 3;
const TOPICS_MAX = 1000;
/** What the broker has as its own default. */
const AS_THE_BROKER_HAS = -1;

interface Learned {
  bytes: number;
  /** By the clock's monotonic time. */
  unstampedUntil: number;
  corrupt: number;
}

/** What one connection has learned serves the next. Bounded: more topics than it holds make it begin anew. */
export class Topics {
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #topics = new Map<string, Learned>();

  /** `bytesMax` is what one request may hold, as long as the broker does not say otherwise. */
  constructor(clock: Clock, bytesMax: number) {
    this.#clock = clock;
    this.#bytesMax = bytesMax;
  }

  #of(topic: string): Learned {
    let learned = this.#topics.get(topic);
    if (!learned) {
      if (this.#topics.size >= TOPICS_MAX) this.#topics.clear();
      learned = { bytes: this.#bytesMax, unstampedUntil: Number.NEGATIVE_INFINITY, corrupt: 0 };
      this.#topics.set(topic, learned);
    }
    return learned;
  }

  /** The most of uncompressed records that one request to a topic may hold. */
  bytes(topic: string): number {
    return this.#of(topic).bytes;
  }

  /** A request of this many bytes was too large. */
  tooLarge(topic: string, bytes: number): void {
    const learned = this.#of(topic);
    learned.bytes = Math.min(learned.bytes, Math.floor(bytes / 2));
  }

  /** Whether the events' time goes along as the records' timestamps. */
  stamped(topic: string): boolean {
    return this.#clock.monotonic() >= this.#of(topic).unstampedUntil;
  }

  unstamp(topic: string): void {
    this.#of(topic).unstampedUntil = this.#clock.monotonic() + UNSTAMPED_MS;
  }

  /** Counts batches that arrived broken, one after the other; true when that is no accident any more. */
  corrupt(topic: string): boolean {
    return ++this.#of(topic).corrupt >= CORRUPT_MAX;
  }

  taken(topic: string): void {
    this.#of(topic).corrupt = 0;
  }
}

/** Makes a topic, unless another connection was faster. Throws `SinkError`. */
export async function createTopic(
  { kafka }: KafkaClient,
  topic: string,
  { partitions, replication_factor: replicationFactor, request_timeout: timeout }: ClientOptions & ProduceOptions,
): Promise<void> {
  const admin = kafka.admin({ retry: { retries: 1 } });
  const made = {
    topic,
    numPartitions: partitions ?? AS_THE_BROKER_HAS,
    replicationFactor: replicationFactor ?? AS_THE_BROKER_HAS,
  };
  try {
    await admin.connect();
    await admin.createTopics({ topics: [made], timeout: Math.floor(timeout / 2) });
  } catch (error) {
    throw sinkError(error, `cannot make the topic ${topic}`, topic);
  } finally {
    // Its sockets are the client's, so that nothing is lost when this takes its time.
    void admin.disconnect().catch(() => {});
  }
}
