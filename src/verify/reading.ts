/** What `tidegate verify` reads from, whatever it is: a topic, a queue, files. */
import type { Envelope } from '../consumer/message.ts';

export interface Reading {
  /** What is read, for people: `kafka topic telemetry, 3 partitions`. */
  readonly what: string;
  /** How much there is, and of what; undefined when nobody knows. */
  readonly total: number | undefined;
  readonly unit: 'messages' | 'bytes';
  /** first: what was before the first message is gone, or was not asked for, and is not missing. */
  readonly from: 'start' | 'first';
  /**
   * Hands over every message, in the order in which they are stored, and says how far it is. Ends early when the signal aborts, without an
   * error. Throws `UsageError` when it cannot go on.
   */
  read(take: (message: Envelope) => void, progress: (done: number) => void, signal: AbortSignal): Promise<void>;
  /** What an operator should know of what was read: sentences. Final once `read` has resolved. */
  remarks(): readonly string[];
  /** Whether all of it could be read; final once `read` has resolved. What was not is said in the remarks. */
  whole(): boolean;
  /** Lets go of everything. */
  close(): Promise<void>;
}

/** Exit code when what is to be read is not there, EX_NOINPUT of sysexits.h. */
export const EXIT_NO_INPUT = 66;
/** Exit code when a broker cannot be reached, or does not let us in, EX_UNAVAILABLE of sysexits.h. */
export const EXIT_UNAVAILABLE = 69;
/** Exit code for a wrong command line, EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;
