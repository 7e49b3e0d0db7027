/** What a sink's runner is told, and what it shows. */
import type { LedgerView } from './ledger.ts';
import type { QueueOptions } from './queue.ts';
import type { SinkCountsView } from './sink-counts.ts';

export interface RunnerOptions {
  readonly queue: QueueOptions;
  readonly batch: {
    readonly max_events: number;
    /** In bytes, as events estimate their encoded size. */
    readonly max_bytes: number;
    /** The least time between two writes of batches that are not full, in milliseconds. */
    readonly wait: number;
  };
  /** Deadline of each call to the sink, in milliseconds. */
  readonly timeout: number;
  /** Delay after a failure: from `initial` doubling to `max`, in milliseconds, each made up to half shorter at random. */
  readonly backoff: { readonly initial: number; readonly max: number };
}

/** What a runner shows of itself. */
export interface RunnerStatus {
  readonly state: 'idle' | 'sending' | 'waiting' | 'stopped';
  readonly ledger: LedgerView;
  /** When events were last dropped but for an operator's wish, as Unix time in milliseconds. */
  readonly lostAt: number | undefined;
  readonly queuedBytes: number;
  /** When the oldest event in memory was sampled, as Unix time in milliseconds; undefined without any. */
  readonly oldest: number | undefined;
  /** Failures since the last success. */
  readonly failures: number;
  /** When it began to fail, while it does, as Unix time in milliseconds. */
  readonly failingSince: number | undefined;
  /** What the last failure was, while it lasts. */
  readonly reason: string | undefined;
  /** Answers that came after their deadline; what they confirmed is sent again. */
  readonly lateAnswers: number;
  /** What is counted of its calls. */
  readonly counts: SinkCountsView;
}

/** What a sink threw, which may be anything, `undefined` too. */
export interface Failure {
  readonly error: unknown;
}
