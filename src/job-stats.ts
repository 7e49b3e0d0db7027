/** What is counted and measured of a job's samples. */

export interface JobStats {
  /** Samples begun. */
  samples: number;
  failures: number;
  /** Failures since the last success. */
  failuresInARow: number;
  /** Moments at which the sample before was still running. */
  overruns: number;
  timeouts: number;
  /** Moments that nothing noticed: a suspend or a jump of the clock skipped them, or the process was busy until the next. */
  missed: number;
  /** Duration of the last sample, in milliseconds. */
  duration: number;
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
  failuresInARow: 0,
  overruns: 0,
  timeouts: 0,
  missed: 0,
  duration: 0,
  lastSuccess: undefined,
  lastError: undefined,
  skew: undefined,
  maxSkew: undefined,
});
