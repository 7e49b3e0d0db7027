/**
 * One broker of each kind for a whole run of vitest, started when the first test file asks for it.
 *
 * Test files run in processes of their own, so the brokers belong to the process that starts those: it listens on a port of loopback
 * for the name of a kind, and answers with where its broker is, or why there is none, as JSON. A run that asks for none starts none.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { TestProject } from 'vitest/node';
import type { BrokerKind } from './missing.ts';

/** Where a shared broker is: `host:port` of Kafka, a URL of RabbitMQ. */
export type SharedAnswer = { at: string } | { error: string };

declare module 'vitest' {
  interface ProvidedContext {
    /** The port where shared brokers are asked for. */
    brokers: number;
  }
}

interface Started {
  at: string;
  close(): Promise<void>;
}

const START: Record<BrokerKind, () => Promise<Started>> = {
  async Kafka() {
    const { KafkaCluster } = await import('./kafka.ts');
    const kafka = await KafkaCluster.start();
    return { at: kafka.brokers[0] as string, close: async () => await kafka.close() };
  },
  async RabbitMQ() {
    const { Rabbitmq } = await import('./rabbitmq.ts');
    const rabbitmq = await Rabbitmq.start();
    return { at: rabbitmq.first.url, close: async () => await rabbitmq.close() };
  },
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const starting = new Map<BrokerKind, Promise<Started>>();
  const server = await serve(async (kind) => {
    const started = starting.get(kind) ?? START[kind]();
    starting.set(kind, started);
    return (await started).at;
  });
  project.provide('brokers', (server.address() as AddressInfo).port);
  return async () => {
    server.close();
    const ended = await Promise.allSettled(starting.values());
    await Promise.all(ended.map(async (one) => (one.status === 'fulfilled' ? await one.value.close() : undefined)));
  };
}

async function serve(find: (kind: BrokerKind) => Promise<string>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').once('data', (line: string) => {
      const answer = (value: SharedAnswer): void => void socket.end(JSON.stringify(value));
      find(line.trim() as BrokerKind).then(
        (at) => answer({ at }),
        (error: unknown) => answer({ error: (error as Error).message }),
      );
    });
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return server;
}
