/** What a sample of a command comes to. */
import type { Mapping } from '../json/mapping.ts';
import type { Nagios } from './nagios.ts';
import type { Ending } from './process-group.ts';
import type { Sample } from './samples.ts';

export type FailureKind = 'start' | 'status' | 'signal' | 'timeout' | 'output' | 'format' | 'silence' | 'ended';

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

/** Counts since the sensor was opened. */
export interface Counts {
  runs: number;
  failures: number;
  timeouts: number;
  overruns: number;
  records: number;
  discarded: number;
}

export const noCounts = (): Counts => ({ runs: 0, failures: 0, timeouts: 0, overruns: 0, records: 0, discarded: 0 });

export interface CommandResult {
  /** Undefined as long as nothing is known. */
  readonly up: boolean | undefined;
  readonly running: boolean;
  readonly status: number | undefined;
  /** Of the run in seconds: to its end, or up to now. */
  readonly duration: number | undefined;
  /** What was printed, in bytes. */
  readonly size: number | undefined;
  readonly failure: Failure | undefined;
  readonly counts: Readonly<Counts>;
  readonly filled: ReturnType<Mapping['fill']>;
  readonly nagios: Nagios | undefined;
  /** With format prometheus. */
  readonly samples: readonly Sample[] | undefined;
}

export interface CommandSampler {
  sample(signal: AbortSignal, time: number): Promise<CommandResult>;
  close(): Promise<void>;
}

/** Why a run that nobody ended has not done what it should; undefined when it has. */
export function failureOf(ending: Ending, statuses: readonly number[]): Failure | undefined {
  const { unstarted, signal, status, said } = ending;
  const words = said.trim().split('\n')[0]?.slice(0, 200) ?? '';
  const because = words === '' ? '' : `: ${words}`;
  if (unstarted !== undefined) return { kind: 'start', message: unstarted };
  if (signal !== undefined) return { kind: 'signal', message: `it was ended by ${signal}${because}` };
  if (status !== undefined && statuses.includes(status)) return undefined;
  return { kind: 'status', message: `it has ended with status ${status}${because}` };
}
