/** Opens the sink as delivery does, without delivery around it. */
import { onTestFinished } from 'vitest';
import sink from '../../sinks/kafka.ts';
import type { Broker, BrokerConnection, BrokerContext, Message } from '../../src/broker.ts';
import { SinkError } from '../../src/errors.ts';
import { context } from './messages.ts';

export interface Opened {
  readonly broker: Broker;
  readonly warnings: readonly string[];
  /** A connection that is closed after the test. */
  connect(signal?: AbortSignal): Promise<BrokerConnection>;
}

/** The sink with options as an operator writes them. */
export function openSink(options: object, changes: Partial<BrokerContext> = {}): Opened {
  const said = context(changes);
  const broker = sink.openBroker(said, sink.options.parse({ connect_timeout: '2s', request_timeout: '5s', ...options }));
  return {
    broker,
    warnings: said.warnings,
    async connect(signal = AbortSignal.timeout(30_000)) {
      const connection = await broker.connect(signal);
      onTestFinished(async () => await connection.close());
      return connection;
    },
  };
}

/** Writes with a deadline, in milliseconds. */
export async function write(connection: BrokerConnection, batch: readonly Message[], ms = 30_000): Promise<void> {
  await connection.write(batch, AbortSignal.timeout(ms));
}

/** What a call fails with; it must be a `SinkError`. */
export async function failureOf(call: Promise<unknown>): Promise<SinkError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw new Error('failed with something else than a SinkError', { cause: error });
  }
  throw new Error('did not fail');
}

/** Tries until it works, as delivery does; resolves with the failures before that. */
export async function eventually(attempt: () => Promise<void>, ms = 60_000): Promise<SinkError[]> {
  const failures: SinkError[] = [];
  const until = performance.now() + ms;
  for (;;) {
    try {
      await attempt();
      return failures;
    } catch (error) {
      if (!(error instanceof SinkError) || performance.now() > until) throw error;
      failures.push(error);
      await new Promise((done) => setTimeout(done, 200));
    }
  }
}
