/**
 * One opened sink with a deadline on every call.
 *
 * `write` connects first when need be. After a call that outlasted its deadline the session is of no use any more: an old connection
 * must not answer for a new one, so whoever holds it makes another.
 */
import type { Clock } from './clock.ts';
import { DeadlineExceeded, withDeadline } from './deadline.ts';
import type { TideEvent } from './event.ts';
import type { Sink } from './sink.ts';
import type { SinkCounts } from './sink-counts.ts';

/** How long the end waits for a sink to let go, in milliseconds: one that hangs in a call does not. */
export const CLOSE_MS = 2000;

export class SinkSession {
  readonly #sink: Sink;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #counts: SinkCounts;
  /** Aborted once at most, since that ends the session; but a `close` after it must not be aborted from the start. */
  #controller = new AbortController();
  #connected = false;

  /** `timeout` in milliseconds; `counts` is told how each call ended, and of writes that were confirmed after it. */
  constructor(sink: Sink, timeout: number, clock: Clock, counts: SinkCounts) {
    this.#sink = sink;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#counts = counts;
  }

  async connect(): Promise<void> {
    if (this.#connected) return;
    await this.#counted([], async () => await this.#call('connect', (signal) => this.#sink.connect(signal)));
    this.#connected = true;
  }

  /** Resolves once the destination is responsible for all of the batch. */
  async write(batch: readonly TideEvent[]): Promise<void> {
    await this.connect();
    const began = this.#clock.monotonic();
    const late = (): void => {
      this.#counts.lateAnswers++;
    };
    await this.#counted(batch, async () => await this.#call('write', (signal) => this.#sink.write(batch, signal), late));
    this.#counts.wrote(batch, this.#clock.wall(), this.#clock.monotonic() - began);
  }

  async #counted(batch: readonly TideEvent[], call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#counts.failed(error, batch, this.#clock.wall());
      throw error;
    }
  }

  /** Lets go of the connection, within `ms`. Rejects when the sink fails to, which changes nothing. */
  async close(ms = this.#timeout): Promise<void> {
    this.#connected = false;
    await this.#call('close', () => this.#sink.close(), undefined, ms);
  }

  #call(what: string, work: (signal: AbortSignal) => Promise<void>, late?: () => void, ms = this.#timeout): Promise<void> {
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
    return withDeadline(this.#clock, ms, what, work, late, this.#controller);
  }
}

/** Whether after this failure a session must be made anew. */
export const endsSession = (error: unknown): boolean => error instanceof DeadlineExceeded;
