/**
 * What is counted of a sink's calls: how long until events are confirmed, and what failed, by cause.
 *
 * Events of one sample have one time, so that a batch costs an addition for each moment in it and not for each event.
 */
import { DeadlineExceeded } from './deadline.ts';
import { codeOf, SinkError, type SinkErrorCode } from './errors.ts';
import { Histogram, type HistogramView } from './histogram.ts';

/** Why a call failed: what the sink said of it, or that its deadline was over. */
export type Cause = 'timeout' | SinkErrorCode;
export const CAUSES: readonly Cause[] = ['timeout', 'transient', 'blocked', 'rejected', 'misconfigured'];

/** From a millisecond to an hour, which a spool may take. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
];

export interface FailedCalls {
  readonly attempts: number;
  /** Events of these calls that were not taken: all but those that were rejected alone are sent again. */
  readonly events: number;
}

export interface SinkCountsView {
  /** From the moment of an event's sample to its confirmation, in milliseconds. */
  readonly latency: HistogramView;
  /** From the call that writes a batch to its confirmation, in milliseconds. */
  readonly writes: HistogramView;
  readonly failed: Readonly<Record<Cause, FailedCalls>>;
}

/** What of an event, or of a message that carries one, is read. */
interface Timed {
  /** Unix time in milliseconds. */
  readonly time: number;
}

export class SinkCounts {
  readonly #latency = new Histogram(LATENCY_BOUNDS_MS);
  readonly #writes = new Histogram(LATENCY_BOUNDS_MS);
  readonly #failed = Object.fromEntries(CAUSES.map((cause) => [cause, { attempts: 0, events: 0 }])) as Record<
    Cause,
    { attempts: number; events: number }
  >;
  /** Answers that came after their deadline. */
  lateAnswers = 0;

  /** A batch was confirmed at this Unix time, `took` milliseconds after it was written. */
  wrote(batch: readonly Timed[], now: number, took: number): void {
    this.#writes.add(took);
    this.#confirmed(batch, now);
  }

  /** A call failed with a batch, or with none where nothing was written. What the error says is confirmed counts as such. */
  failed(error: unknown, batch: readonly Timed[], now: number): void {
    const confirmed = error instanceof SinkError ? error.confirmed : undefined;
    const failed = this.#failed[error instanceof DeadlineExceeded ? 'timeout' : codeOf(error)];
    failed.attempts++;
    failed.events += batch.length - (confirmed?.size ?? 0);
    if (confirmed !== undefined && confirmed.size > 0)
      this.#confirmed(
        batch.filter((_, i) => confirmed.has(i)),
        now,
      );
  }

  #confirmed(batch: readonly Timed[], now: number): void {
    for (let i = 0; i < batch.length; ) {
      const { time } = batch[i] as Timed;
      const first = i++;
      while (i < batch.length && batch[i]?.time === time) i++;
      // The wall clock may have been set back since.
      this.#latency.add(Math.max(0, now - time), i - first);
    }
  }

  view(): SinkCountsView {
    const failed = Object.fromEntries(CAUSES.map((cause) => [cause, { ...this.#failed[cause] }]));
    return {
      latency: this.#latency.view(),
      writes: this.#writes.view(),
      failed: failed as Record<Cause, FailedCalls>,
    };
  }
}
