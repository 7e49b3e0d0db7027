/** What tests of the sink `rabbitmq` share: messages, the sink as an operator configures it, and an independent reader of queues. */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { onTestFinished } from 'vitest';
import sink from '../../sinks/rabbitmq.ts';
import type { Broker, BrokerConnection, Message } from '../../src/broker.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { SinkError } from '../../src/errors.ts';

export function messageOf(n: number, changes: Partial<Message> = {}): Message {
  return {
    id: `agent-1/run-1/disk/${n}`,
    type: 'system.disk',
    time: 1_763_856_000_000.25,
    agent: 'agent-1',
    host: 'host-1',
    sensor: 'disk',
    contentType: 'application/json',
    body: Buffer.from(`{"n":${n}}`),
    lane: 0,
    seq: `run-1/0/${n}`,
    backfill: false,
    ...changes,
  };
}

export const messagesOf = (count: number, first = 0, changes: Partial<Message> = {}): Message[] =>
  Array.from({ length: count }, (_, i) => messageOf(first + i, changes));

export interface Opened {
  readonly broker: Broker;
  /** What the sink said of being blocked, in order. */
  readonly blocked: (string | undefined)[];
  readonly warnings: string[];
  /** Opens a connection that is closed with the test. */
  connect(signal?: AbortSignal): Promise<BrokerConnection>;
}

/** The sink with options as an operator writes them. */
export function openSink(options: Record<string, unknown>, clock: Clock = systemClock): Opened {
  const [blocked, warnings]: [(string | undefined)[], string[]] = [[], []];
  const context = {
    name: 'test',
    agent: 'agent-1',
    clock,
    warn: (message: string) => void warnings.push(message),
    blocked: (reason: string | undefined) => void blocked.push(reason),
  };
  const broker = sink.openBroker(context, sink.options.parse(options));
  onTestFinished(async () => await broker.close());
  return {
    broker,
    blocked,
    warnings,
    async connect(signal = patience()) {
      const connection = await broker.connect(signal);
      onTestFinished(async () => await connection.close());
      return connection;
    },
  };
}

/** Longer than any call here takes; a call that does not end fails its test by name. */
export const patience = (ms = 60_000): AbortSignal => AbortSignal.timeout(ms);

/** The `SinkError` that a call fails with; anything else fails the test. */
export async function failureOf(call: Promise<unknown>): Promise<SinkError> {
  const error = await call.then(
    () => new Error('the call succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof SinkError) return error;
  throw error;
}

/** The `SinkError` that a call fails with, or undefined when it succeeds. */
export const outcomeOf = async (call: Promise<unknown>): Promise<SinkError | undefined> =>
  await call.then(
    () => undefined,
    async (reason: Error) => await failureOf(Promise.reject(reason)),
  );

/** The options that lead to a broker's URL. */
export function optionsFor(url: string): Record<string, unknown> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const vhost = decodeURIComponent(pathname.slice(1));
  return {
    hosts: [`${hostname}:${port || 5672}`],
    ...(username !== '' && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(vhost !== '' && { vhost }),
  };
}

/** A client beside the sink, closed with the test; its own errors are not the test's. */
export async function adminOf(url: string): Promise<{ model: ChannelModel; channel: Channel }> {
  const model = await connect(url, { noDelay: true });
  model.on('error', () => {});
  const channel = await model.createChannel();
  channel.on('error', () => {});
  onTestFinished(async () => await model.close().catch(() => {}));
  return { model, channel };
}

export const freshName = (what: string): string => `${what}-${randomUUID()}`;

/** Everything in a queue, taken out. */
export async function takeAll(channel: Channel, queue: string): Promise<ConsumeMessage[]> {
  const { messageCount } = await channel.checkQueue(queue);
  const taken: ConsumeMessage[] = [];
  if (messageCount === 0) return taken;
  const { promise, resolve } = Promise.withResolvers<void>();
  const take = (message: ConsumeMessage | null): void => {
    if (message) taken.push(message);
    if (taken.length >= messageCount) resolve();
  };
  const { consumerTag } = await channel.consume(queue, take, { noAck: true });
  await promise;
  await channel.cancel(consumerTag);
  return taken;
}

/** The ids in a queue, in order. */
export const idsIn = async (channel: Channel, queue: string): Promise<string[]> =>
  (await takeAll(channel, queue)).map(({ properties }) => String(properties.messageId));

export const idsOf = (messages: readonly Message[]): string[] => messages.map(({ id }) => id);

/** The first of each id: what a consumer has that removes repeats. */
export const withoutRepeats = (ids: readonly string[]): string[] => [...new Set(ids)];

/**
 * Writes a batch as delivery does: again after a failure, on a new connection, without what was confirmed, until all of it is. Each attempt
 * has `deadlineMs`. Yields the failures.
 */
export async function deliver(opened: Opened, batch: readonly Message[], deadlineMs: number): Promise<SinkError[]> {
  const failures: SinkError[] = [];
  let rest = batch;
  const until = performance.now() + 100_000;
  while (performance.now() < until) {
    let connection: BrokerConnection | undefined;
    try {
      const signal = AbortSignal.timeout(deadlineMs);
      connection = await opened.broker.connect(signal);
      await connection.write(rest, signal);
      return failures;
    } catch (error) {
      if (!(error instanceof SinkError)) throw error;
      failures.push(error);
      const { confirmed } = error;
      if (confirmed) rest = rest.filter((_, index) => !confirmed.has(index));
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await connection?.close();
    }
  }
  throw new Error(`not delivered: ${failures.at(-1)?.message}`);
}

/** Sockets of this process to a port, those included that wait for their peer to end. */
export function socketsTo(port: number): number {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] };
  return handles.call(process).filter((handle) => handle instanceof Socket && handle.remotePort === port).length;
}
