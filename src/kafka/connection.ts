/**
 * A connection of a lane: a client of kafkajs of its own, with its own sockets, so that a lane that hangs holds up no other.
 *
 *   open ── failure that is not about the messages, deadline, close ──▶ closed, for good
 *
 * A batch is cut by topics, and a topic's messages into requests that a broker takes: `max_request_bytes`, and half as much each time that
 * a broker finds that too large. What is too large alone is left out and reported, with the rest confirmed.
 */
import { abortable } from '../abort.ts';
import type { BrokerConnection, BrokerContext, Message } from '../broker.ts';
import { describe, SinkError } from '../errors.ts';
import { type KafkaClient, openClient } from './client.ts';
import { isStale, isStrange, protocolError, sinkError } from './errors.ts';
import type { ClientOptions, ProduceOptions } from './options.ts';
import { PartitionProducer } from './produce.ts';
import { type Template, topicOf } from './template.ts';
import { createTopic, type Topics } from './topics.ts';

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** Attempts while a leader is elected and known to all, with pauses of 100, 200 and 400 ms between them: cheaper than a new connection. */
const STALE_ATTEMPTS = 4;
const PAUSE_MS = 100;
/** A new topic is known to all brokers within this, in pauses. */
const NEW_TOPIC_PAUSES = 30;

/** What all connections of a sink share. */
export interface Shared {
  readonly context: BrokerContext;
  readonly options: ClientOptions & ProduceOptions;
  readonly topic: Template;
  readonly key: Template;
  readonly topics: Topics;
}

/** What became of a batch so far. */
interface Progress {
  readonly confirmed: Set<number>;
  readonly failures: SinkError[];
}

/** Connects, and looks at the topic where there is one only. Throws `SinkError`. */
export async function openConnection(shared: Shared, turn: number, signal: AbortSignal): Promise<KafkaConnection> {
  const { context, options } = shared;
  signal.throwIfAborted();
  const client = await openClient(options, { warn: (message) => context.warn(message), turn });
  const connection = new KafkaConnection(client, shared);
  try {
    await connection.open(signal);
    return connection;
  } catch (error) {
    await connection.close();
    throw hinted(error, options);
  }
}

function hinted(error: unknown, { tls, sasl }: ClientOptions): unknown {
  const missing = [...(tls ? [] : ['tls']), ...(sasl ? [] : ['sasl'])];
  if (!(error instanceof SinkError) || missing.length === 0 || !isStrange(error.cause)) return error;
  return new SinkError(error.code, `${error.message}; does its listener want ${missing.join(' or ')}?`, { cause: error.cause });
}

export class KafkaConnection implements BrokerConnection {
  readonly #client: KafkaClient;
  readonly #shared: Shared;
  readonly #producer: PartitionProducer;
  /** What kafkajs asks about together: an error of one of them comes as an answer about any. Bounded by what a sink sends to. */
  readonly #known = new Set<string>();
  #closed = false;

  constructor(client: KafkaClient, shared: Shared) {
    const { context, options, key } = shared;
    this.#client = client;
    this.#shared = shared;
    this.#producer = new PartitionProducer(client.kafka, {
      agent: context.agent,
      key: (message) => key.fill(message),
      compression: options.compression,
      requestTimeout: options.request_timeout,
    });
  }

  async open(signal: AbortSignal): Promise<void> {
    await this.#within(signal, 'cannot connect to Kafka', async () => {
      await this.#producer.connect();
      const { fixed } = this.#shared.topic;
      if (fixed !== undefined) await this.#look(fixed, signal);
    });
  }

  async write(batch: readonly Message[], signal: AbortSignal): Promise<void> {
    if (batch.length === 0) return;
    const progress: Progress = { confirmed: new Set(), failures: [] };
    try {
      await this.#within(signal, 'Kafka did not take a batch', () => this.#send(batch, progress, signal));
    } catch (error) {
      progress.failures.push(error as SinkError);
    }
    if (progress.failures.length === 0) return;
    const worst = worstOf(progress.failures);
    if (worst.code === 'transient') await this.close();
    throw new SinkError(worst.code, worst.message, { cause: worst.cause, confirmed: progress.confirmed });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client.close(new Error('the connection was closed'));
  }

  /** Runs a piece of work until the signal aborts, and then sees to it that it does nothing more. Throws `SinkError`. */
  async #within(signal: AbortSignal, what: string, work: () => Promise<void>): Promise<void> {
    if (this.#closed) throw new SinkError('transient', `${what}: the connection is closed`);
    const abort = (): void => {
      this.#closed = true;
      this.#client.close(new Error(describe(signal.reason)));
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    try {
      await abortable(work(), signal);
    } catch (error) {
      throw sinkError(error, what, this.#shared.topic.fixed);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #send(batch: readonly Message[], progress: Progress, signal: AbortSignal): Promise<void> {
    for (const [topic, indices] of this.#byTopic(batch, progress)) {
      try {
        await this.#sendTopic(topic, batch, indices, progress, signal);
      } catch (error) {
        const failure = this.#failure(error, topic);
        progress.failures.push(failure);
        // Another topic may be in order where this one is not, but not where the connection is gone.
        if (failure.code === 'transient') return;
      }
    }
  }

  /** A topic that others are known beside may be blamed for one of those. A new connection, which begins with it, will tell. */
  #failure(error: unknown, topic: string): SinkError {
    const what = `Kafka did not take a batch for the topic ${topic}`;
    const failure = sinkError(error, what, topic);
    if (failure.code !== 'misconfigured' || !this.#known.has(topic) || this.#known.size === 1) return failure;
    return new SinkError('transient', `${what}, or has lost another one: ${failure.message}`, { cause: error });
  }

  #byTopic(batch: readonly Message[], { failures }: Progress): Map<string, number[]> {
    const { topic: template } = this.#shared;
    const topics = new Map<string, number[]>();
    for (let i = 0; i < batch.length; i++) {
      let topic: string;
      try {
        topic = topicOf(template, batch[i] as Message);
      } catch (error) {
        failures.push(error as SinkError);
        continue;
      }
      const indices = topics.get(topic);
      if (indices) indices.push(i);
      else topics.set(topic, [i]);
    }
    return topics;
  }

  async #sendTopic(
    topic: string,
    batch: readonly Message[],
    indices: readonly number[],
    { confirmed, failures }: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const { topics } = this.#shared;
    const messages = indices.length === batch.length ? batch : indices.map((i) => batch[i] as Message);
    for (let from = 0; from < messages.length; ) {
      const { to, bytes } = this.#producer.fitting(messages, from, topics.bytes(topic));
      try {
        await this.#attempt(topic, from === 0 && to === messages.length ? messages : messages.slice(from, to), signal);
        for (let i = from; i < to; i++) confirmed.add(indices[i] as number);
      } catch (error) {
        if (!TOO_LARGE.has(protocolError(error) ?? '')) throw error;
        if (to - from > 1) {
          topics.tooLarge(topic, bytes);
          continue;
        }
        failures.push(sinkError(error, `Kafka does not take the event ${messages[from]?.id} of ${bytes} bytes`, topic));
      }
      from = to;
    }
  }

  /** One request, and more where the broker says what to do differently. None of it was taken then. */
  async #attempt(topic: string, messages: readonly Message[], signal: AbortSignal): Promise<void> {
    const { topics, context } = this.#shared;
    let stale = 0;
    for (;;) {
      const stamped = topics.stamped(topic);
      try {
        await this.#producer.send(topic, messages, stamped);
        topics.taken(topic);
        this.#known.add(topic);
        return;
      } catch (error) {
        const type = protocolError(error) ?? '';
        if (type === 'INVALID_TIMESTAMP' && stamped) {
          topics.unstamp(topic);
          context.warn(
            `Kafka refuses the time of events for the topic ${topic}, as it does when this machine's clock is wrong: ` +
              'records go without a timestamp; the header ce_time has it',
          );
        } else if (type === 'CORRUPT_MESSAGE' && topics.corrupt(topic)) {
          throw new SinkError('rejected', `Kafka finds the same records broken again and again for the topic ${topic}`, {
            cause: error,
          });
        } else if (isStale(error) && ++stale < STALE_ATTEMPTS) {
          if (type === 'UNKNOWN_TOPIC_OR_PARTITION') await this.#look(topic, signal);
          await this.#pause(signal, PAUSE_MS * 2 ** (stale - 1));
        } else throw error;
      }
    }
  }

  /** Makes sure that a topic is there, making it where that is asked for. */
  async #look(topic: string, signal: AbortSignal): Promise<void> {
    const { create_topics: create } = this.#shared.options;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#producer.look(topic);
        return;
      } catch (error) {
        if (!isStale(error) || attempt >= (create ? NEW_TOPIC_PAUSES : 1)) throw error;
        if (create && attempt === 0) await createTopic(this.#client, topic, this.#shared.options);
        await this.#pause(signal);
      }
    }
  }

  async #pause(signal: AbortSignal, ms = PAUSE_MS): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#shared.context.clock.after(ms, resolve);
    });
    signal.throwIfAborted();
  }
}

/** What is gone is to be tried again first; then what can be taken apart; then what waits for the operator. */
function worstOf(failures: readonly SinkError[]): SinkError {
  const order = ['transient', 'rejected', 'misconfigured', 'blocked'];
  return failures.toSorted((a, b) => order.indexOf(a.code) - order.indexOf(b.code))[0] as SinkError;
}
