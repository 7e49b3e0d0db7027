/**
 * The connections of a broker sink: one for each lane that is in flight.
 *
 *   (none) ──acquire: connect──▶ leased ──release──▶ free ──acquire──▶ leased
 *                                  └──discard──▶ closed
 *
 * A connection that failed or outlasted a deadline is closed and never used again: what it may still do must not mix with what follows.
 */
import type { Broker, BrokerConnection } from '../broker.ts';
import type { Clock } from '../clock.ts';

export class Pool {
  readonly #broker: Broker;
  readonly #free: BrokerConnection[] = [];
  readonly #leased = new Set<BrokerConnection>();
  #closed = false;
  #onEmpty: (() => void) | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** A connection of one's own until it is released or discarded. The last one used comes first, so that others may grow idle. */
  async acquire(signal: AbortSignal): Promise<BrokerConnection> {
    const connection = this.#free.pop() ?? (await this.#broker.connect(signal));
    if (signal.aborted || this.#closed) {
      void connection.close().catch(() => {});
      throw signal.aborted ? (signal.reason as Error) : new Error('the sink is closed');
    }
    this.#leased.add(connection);
    return connection;
  }

  release(connection: BrokerConnection): void {
    if (!this.#leased.delete(connection)) return;
    if (this.#closed) void connection.close().catch(() => {});
    else this.#free.push(connection);
    if (this.#leased.size === 0) this.#onEmpty?.();
  }

  /** Closes a connection that failed, waiting for nothing, and the free ones, which are likely to be no better. */
  discard(connection: BrokerConnection): void {
    this.#leased.delete(connection);
    for (const one of [connection, ...this.#free.splice(0)]) void one.close().catch(() => {});
    if (this.#leased.size === 0) this.#onEmpty?.();
  }

  /** Another pool has taken over: closes what is free now and what is leased when it is released, but no later than in `ms`. */
  async retire(ms: number, clock: Clock): Promise<void> {
    this.#closed = true;
    for (const one of this.#free.splice(0)) void one.close().catch(() => {});
    if (this.#leased.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(ms, resolve);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    await this.close();
  }

  /** Closes them all. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#free.splice(0), ...this.#leased];
    this.#leased.clear();
    await Promise.allSettled(all.map(async (connection) => await connection.close()));
    await this.#broker.close();
  }
}
