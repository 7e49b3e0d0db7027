/**
 * Real brokers for tests. What a test file takes from here:
 *
 * - `describeShared` and `sharedKafka` or `sharedRabbitmq`: one broker for the whole run, or the one that `TIDEGATE_TEST_KAFKA` or
 *   `TIDEGATE_TEST_AMQP` gives. Use names of your own for topics and queues, and leave the broker as it was.
 * - `describeOwn` and `KafkaCluster.start` or `Rabbitmq.start`: a broker of the file's own, to kill, freeze, stop and configure.
 * - `Proxy`: the faults of a network, before either.
 *
 * Importing this gives the file the time that a broker needs; where one must be installed first, that is minutes, once.
 */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, inject, vi } from 'vitest';
import type { SharedAnswer } from './global-setup.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import { type BrokerKind, GIVEN } from './missing.ts';

export { KafkaCluster } from './kafka.ts';
export { Proxy } from './proxy.ts';
export { Rabbitmq, type RabbitmqNode } from './rabbitmq.ts';

/** How long a test may take, and a hook, which may have to install a broker, in milliseconds. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

const given = (kind: BrokerKind): string | undefined => process.env[GIVEN[kind]] || undefined;
const left = (): boolean => process.env['TIDEGATE_TEST_BROKERS'] === 'skip';

function whyNot(kind: BrokerKind, own: boolean): string | undefined {
  if (given(kind) !== undefined) return own ? `needs a ${kind} of its own, and ${GIVEN[kind]} gives one` : undefined;
  return left() ? `needs ${kind}, and TIDEGATE_TEST_BROKERS=skip leaves it out` : undefined;
}

function describeIf(why: string | undefined, name: string, tests: () => void): void {
  describe.skipIf(why !== undefined)(why === undefined ? name : `${name} (skipped: ${why})`, tests);
}

/** Tests that use the shared broker of a kind, or the given one. */
export function describeShared(kind: BrokerKind, name: string, tests: () => void): void {
  describeIf(whyNot(kind, false), name, tests);
}

/** Tests that start a broker of a kind of their own; skipped where one is given, for that one must not be killed. */
export function describeOwn(kind: BrokerKind, name: string, tests: () => void): void {
  describeIf(whyNot(kind, true), name, tests);
}

/** The Kafka that all test files share. */
export async function sharedKafka(): Promise<{ brokers: string[]; admin: KafkaAdmin }> {
  const brokers = (given('Kafka') ?? (await ask('Kafka'))).split(',');
  return { brokers, admin: new KafkaAdmin(brokers) };
}

/** The RabbitMQ that all test files share. */
export async function sharedRabbitmq(): Promise<{ url: string }> {
  return { url: given('RabbitMQ') ?? (await ask('RabbitMQ')) };
}

async function ask(kind: BrokerKind): Promise<string> {
  const socket = connect({ port: inject('brokers'), host: '127.0.0.1' });
  socket.write(`${kind}\n`);
  const answer = JSON.parse(await text(socket)) as SharedAnswer;
  if ('error' in answer) throw new Error(answer.error);
  return answer.at;
}
