/** Writes batches over the connections of a pool: each call with a deadline, counted, and a span where what it carries is traced. */

import type { Message } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { codeOf } from '../errors.ts';
import type { SinkCounts } from '../sink-counts.ts';
import type { Span, Tracing } from '../tracing.ts';
import type { Pool } from './pool.ts';

export interface WriterParts {
  /** The sink's name. */
  readonly name: string;
  readonly clock: Clock;
  /** On which deadlines run: it stands still while the broker asks to wait. */
  readonly deadlines: Clock;
  readonly counts: SinkCounts;
  readonly tracing: Tracing | undefined;
}

export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Writes a batch over a connection of its own. Both calls take `timeout` milliseconds at most, and a connection that outlasts it is destroyed. */
  async write(pool: Pool, timeout: number, batch: readonly Message[]): Promise<void> {
    const { clock, counts } = this.#parts;
    const span = this.#begin(batch);
    try {
      await this.#write(pool, timeout, batch);
      span?.end();
    } catch (error) {
      counts.failed(error, batch.filter(isNumbered), clock.wall());
      span?.end(error);
      throw error;
    }
  }

  async #write(pool: Pool, timeout: number, batch: readonly Message[]): Promise<void> {
    const { clock, deadlines, counts } = this.#parts;
    const connection = await withDeadline(deadlines, timeout, 'connect', (signal) => pool.acquire(signal));
    const late = (): void => {
      counts.lateAnswers++;
    };
    const began = clock.monotonic();
    try {
      await withDeadline(deadlines, timeout, 'write', (signal) => connection.write(batch, signal), late);
    } catch (error) {
      if (codeOf(error) === 'rejected') pool.release(connection);
      else pool.discard(connection);
      throw error;
    }
    counts.wrote(batch.every(isNumbered) ? batch : batch.filter(isNumbered), clock.wall(), clock.monotonic() - began);
    pool.release(connection);
  }

  #begin(batch: readonly Message[]): Span | undefined {
    const { tracing, name } = this.#parts;
    if (!tracing) return undefined;
    const traced = new Set<string>();
    for (const { traceparent } of batch) if (traceparent !== undefined) traced.add(traceparent);
    return traced.size === 0 ? undefined : tracing.write(name, traced, batch.length);
  }
}

/** A notice of losses is no event that was sampled. */
const isNumbered = ({ seq }: Message): boolean => seq !== undefined;
