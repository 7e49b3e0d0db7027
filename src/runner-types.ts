/** What a sink's runner is told, and what it shows. */
import type { LedgerView } from './ledger.ts';
import type { QueueOptions } from './queue.ts';

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
  readonly queuedBytes: number;
  /** Failures since the last success. */
  readonly failures: number;
  /** What the last failure was, while it lasts. */
  readonly reason: string | undefined;
  /** Answers that came after their deadline; what they confirmed is sent again. */
  readonly lateAnswers: number;
}
