/** Writes a lane batch after batch as delivery does: what failed is written again over a new connection, but for what was confirmed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection, Message } from '../../src/broker.ts';
import { message } from './messages.ts';
import { readTopic } from './read.ts';
import { eventually, type Opened } from './sink-support.ts';

export interface LaneOptions {
  readonly batch: number;
  /** Deadline of a connect and of a write, in milliseconds. */
  readonly deadline: number;
}

export class Lane {
  /** Numbers that were confirmed, in order. */
  readonly confirmed: number[] = [];
  readonly failures: string[] = [];
  readonly #sink: Opened;
  readonly #lane: number;
  readonly #options: LaneOptions;
  #stop = false;
  #running: Promise<void> | undefined;

  constructor(sink: Opened, lane: number, options: LaneOptions) {
    this.#sink = sink;
    this.#lane = lane;
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { batch: size, deadline } = this.#options;
    let connection: BrokerConnection | undefined;
    for (let first = 1; !this.#stop; first += size) {
      const numbers = Array.from({ length: size }, (_, i) => first + i);
      let batch: Message[] = numbers.map((n) => message(n, { lane: this.#lane, seq: `r/${this.#lane}/${n}` }));
      const failures = await eventually(async () => {
        connection ??= await this.#sink.broker.connect(AbortSignal.timeout(deadline));
        try {
          await connection.write(batch, AbortSignal.timeout(deadline));
        } catch (error) {
          const { confirmed } = error as { confirmed?: ReadonlySet<number> };
          batch = batch.filter((_, i) => !confirmed?.has(i));
          await connection.close();
          connection = undefined;
          throw error;
        }
      });
      this.failures.push(...failures.map(({ message: why }) => why));
      this.confirmed.push(...numbers);
      await sleep(2);
    }
    await connection?.close();
  }
}

/** Numbers of each lane that a topic has, in the order in which they are first seen. */
export async function numbersIn(brokers: readonly string[], topic: string, lanes: number, records: number): Promise<number[][]> {
  const seen: Set<number>[] = Array.from({ length: lanes }, () => new Set());
  for (const { headers } of await readTopic(brokers, topic, records)) {
    const [, lane, n] = headers['tidegate-seq']?.split('/') ?? [];
    seen[Number(lane)]?.add(Number(n));
  }
  return seen.map((numbers) => [...numbers]);
}
