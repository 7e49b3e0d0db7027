/** What is counted and measured of a job's samples. */
import { DeadlineExceeded } from './deadline.ts';
import { describe, errno, Malformed, Unavailable } from './errors.ts';

/**
 * Why a sample failed, in few words.
 *   timeout      it took too long
 *   malformed    a file did not hold what its format promises
 *   unavailable  what it reads is gone
 *   system       the kernel refused a call
 *   other        anything else; `lastError` says what
 */
export type SampleFailure = 'timeout' | 'malformed' | 'unavailable' | 'system' | 'other';
export const SAMPLE_FAILURES: readonly SampleFailure[] = ['timeout', 'malformed', 'unavailable', 'system', 'other'];

export function failureOf(error: unknown): SampleFailure {
  if (error instanceof DeadlineExceeded) return 'timeout';
  if (error instanceof Malformed) return 'malformed';
  if (error instanceof Unavailable) return 'unavailable';
  return errno(error) === undefined ? 'other' : 'system';
}

export interface JobStats {
  /** Samples begun. */
  samples: number;
  failures: number;
  /** The same by why; what never happened is left out. */
  failed: Partial<Record<SampleFailure, number>>;
  /** Failures since the last success. */
  failuresInARow: number;
  /** When the first of them began, while there are any: wall clock, in milliseconds. */
  failingSince: number | undefined;
  /** Moments at which the sample before was still running. */
  overruns: number;
  timeouts: number;
  /** Moments that nothing noticed: a suspend or a jump of the clock skipped them, or the process was busy until the next. */
  missed: number;
  /** Duration of the last sample, and of all together, in milliseconds. */
  duration: number;
  totalDuration: number;
  /** Wall clock of the last success, in milliseconds. */
  lastSuccess: number | undefined;
  lastError: string | undefined;
  /** How long after the first job of its group its last sample began, and the most that this was, in milliseconds. Undefined without a group. */
  skew: number | undefined;
  maxSkew: number | undefined;
}

export const noStats = (): JobStats => ({
  samples: 0,
  failures: 0,
  failed: {},
  failuresInARow: 0,
  failingSince: undefined,
  overruns: 0,
  timeouts: 0,
  missed: 0,
  duration: 0,
  totalDuration: 0,
  lastSuccess: undefined,
  lastError: undefined,
  skew: undefined,
  maxSkew: undefined,
});

/** `time` is when the sample began, on the wall clock in milliseconds. */
export function countFailure(stats: JobStats, error: unknown, time: number): void {
  const why = failureOf(error);
  stats.failures++;
  stats.failuresInARow++;
  stats.failingSince ??= time;
  stats.failed[why] = (stats.failed[why] ?? 0) + 1;
  stats.lastError = describe(error);
}
