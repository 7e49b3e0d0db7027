/** Reads topics of Kafka from their beginning, or from a time, to where they end when reading begins. */

import type { Admin } from 'kafkajs';
import picomatch from 'picomatch';
import { SinkError, type SinkErrorCode, UsageError } from '../errors.ts';
import { type KafkaClient, openClient } from '../kafka/client.ts';
import { isStrange, sinkError } from '../kafka/errors.ts';
import { type ClientOptions, clientOptions } from '../kafka/options.ts';
import { nearest } from '../nearest.ts';
import { fetchAll, type Part } from './kafka-fetch.ts';
import { EXIT_NO_INPUT, EXIT_UNAVAILABLE, EXIT_USAGE, type Reading } from './reading.ts';

/** A broker that restarts, and a leader that moves, are waited for this long. */
const PATIENCE_MS = 30_000;
/** How long one answer may take. */
const TIMEOUT_MS = 10_000;
const GLOB = /[*?[\]{}]/;

export interface KafkaReadingOptions {
  /** Unix time in milliseconds: what was written before is not read. */
  readonly since?: number | undefined;
  /** How long there may be no progress, in milliseconds; 30 s without it. */
  readonly patience?: number;
  /** How long a broker may take to answer, in milliseconds; 10 s without it. */
  readonly timeout?: number;
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password_file: string } | undefined;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

/** Finds the topics and where they end. Throws `UsageError`. */
export async function openKafka(
  { brokers, topics: names }: { readonly brokers: readonly string[]; readonly topics: readonly string[] },
  { since, sasl, tls, patience = PATIENCE_MS, timeout = TIMEOUT_MS }: KafkaReadingOptions,
): Promise<Reading> {
  const parsed = clientOptions.safeParse({
    brokers,
    client_id: 'tidegate-verify',
    request_timeout: `${timeout}ms`,
    ...(sasl && { sasl }),
    ...(tls && { tls }),
  });
  if (!parsed.success) throw new UsageError(parsed.error.issues.map(({ message }) => message).join('; '), EXIT_USAGE);
  const remarks: string[] = [];
  const client = await reached(parsed.data, async () => await openClient(parsed.data, { warn: (text) => remarks.push(text) }));
  const close = async (): Promise<void> => client.close(new Error('closed'));
  try {
    const admin = client.kafka.admin();
    const found = await reached(parsed.data, async () => {
      await admin.connect();
      return await partsOf(admin, names, since);
    });
    if (found.cut && since === undefined) {
      remarks.push(
        'The topic no longer holds its beginning (retention): what was before the first message of a stream is not judged.',
      );
    }
    const total = found.parts.reduce((sum, { next, end }) => sum + end - next, 0);
    return {
      what: `kafka ${found.topics.length === 1 ? 'topic' : 'topics'} ${found.topics.join(', ')}, ${found.parts.length} partitions`,
      total,
      unit: 'messages',
      from: found.cut ? 'first' : 'start',
      read: async (take, progress, signal) =>
        await readAll(client, parsed.data, found.parts, { take, progress, signal, remarks, patience }),
      remarks: () => remarks,
      whole: () => true,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Found {
  readonly topics: readonly string[];
  readonly parts: Part[];
  /** What was written first is not read. */
  readonly cut: boolean;
}

async function partsOf(admin: Admin, names: readonly string[], since: number | undefined): Promise<Found> {
  const all = await admin.listTopics();
  const topics = [...new Set(names.flatMap((name) => topicsOf(name, all)))].toSorted();
  const parts: Part[] = [];
  let cut = since !== undefined;
  for (const topic of topics) {
    const begin = since === undefined ? [] : await admin.fetchTopicOffsetsByTimestamp(topic, since);
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
      // -1: nothing was written since.
      const from = begin.find((one) => one.partition === partition)?.offset;
      const next = from === undefined ? Number(low) : from === '-1' ? Number(high) : Number(from);
      if (Number(low) > 0) cut = true;
      parts.push({ topic, partition, next, end: Number(high) });
    }
  }
  return { topics, parts, cut };
}

function topicsOf(name: string, all: readonly string[]): string[] {
  if (all.includes(name)) return [name];
  // Topics of Kafka's own are never meant by a glob.
  const found = GLOB.test(name) ? all.filter((topic) => !topic.startsWith('__') && picomatch.isMatch(topic, name)) : [];
  if (found.length > 0) return found;
  const near = nearest(name, all);
  const remedy = near === undefined ? 'create it, or give the user the right to Describe it' : `did you mean ${near}?`;
  throw new UsageError(`there is no topic ${name} there; ${remedy}`, EXIT_NO_INPUT);
}

interface Into {
  readonly take: Parameters<Reading['read']>[0];
  readonly progress: Parameters<Reading['read']>[1];
  readonly signal: AbortSignal;
  readonly remarks: string[];
  readonly patience: number;
}

async function readAll(client: KafkaClient, options: ClientOptions, parts: Part[], into: Into): Promise<void> {
  const { take, progress, signal, remarks, patience } = into;
  let done = 0;
  const passed = (offsets: number): void => progress((done += offsets));
  const remark = (text: string): void => void remarks.push(text);
  const abort = (): void => client.close(new Error('stopped'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await reached(
      options,
      async () => await fetchAll(client, parts, { take, passed, remark }, { patience, timeout: options.request_timeout, signal }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Runs what talks to the cluster, and says for people why it failed. */
async function reached<T>({ brokers }: ClientOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = sinkError(error, `cannot read from ${brokers.join(', ')}`);
    throw new UsageError(`${message}; ${remedyOf(code, error)}`, EXIT_UNAVAILABLE);
  }
}

function remedyOf(code: SinkErrorCode, error: unknown): string {
  if (code === 'misconfigured' || error instanceof SinkError) return 'see --username, --password-file, --mechanism, --tls, --ca';
  if (isStrange(error)) return 'does its listener want --tls, or --username with --password-file?';
  return 'is a broker running there, and does it listen on this port?';
}
