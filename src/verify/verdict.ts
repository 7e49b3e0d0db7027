/** What an audit comes to: one word for programs, one sentence for people. */
import type { AuditedStream, AuditResult } from './audit.ts';

/**
 *   empty       no events were read: nothing can be said
 *   complete    everything is there, once or more often, in order
 *   explained   what is missing, the sink said that it lost, and why
 *   partial     files, of which nobody said that they take everything: numbers are missing that a sink may not have selected
 *   unfinished  nothing is wrong as far as it was read, but not all could be read
 *   faulty      out of order, missing without an explanation, or unreadable
 */
export type Verdict = 'empty' | 'complete' | 'explained' | 'partial' | 'unfinished' | 'faulty';

export interface Judged {
  readonly verdict: Verdict;
  /** A sentence for each fault, or one that says that there is none. */
  readonly sentences: readonly string[];
  /** Sums over all streams. */
  readonly totals: Totals;
}

export interface Totals {
  readonly arrived: number;
  readonly lost: number;
  readonly unexplained: number;
  readonly disorder: number;
  readonly awaited: number;
  readonly backfilled: number;
}

export const lostOf = ({ lost }: AuditedStream): number => Object.values(lost).reduce((sum, events) => sum + events, 0);
export const disorderOf = ({ outOfOrder, backfilledOutOfOrder, afterNewerRun }: AuditedStream): number =>
  outOfOrder + backfilledOutOfOrder + afterNewerRun;

export interface Terms {
  readonly by: 'sequence' | 'id';
  /** Of files: they take everything, so that a missing number is a loss. */
  readonly complete: boolean;
  /** All of it was read. */
  readonly whole: boolean;
}

export function judge(result: AuditResult, { by, complete, whole }: Terms): Judged {
  const { streams, broken, conflicts, events, notices } = result;
  const sum = (of: (stream: AuditedStream) => number): number => streams.reduce((total, stream) => total + of(stream), 0);
  const totals: Totals = {
    arrived: sum(({ arrived }) => arrived),
    lost: sum(lostOf),
    unexplained: sum(({ unexplained }) => unexplained),
    disorder: sum(disorderOf),
    awaited: sum(({ awaited }) => awaited),
    backfilled: sum(({ backfilled }) => backfilled),
  };
  const { lost, unexplained, disorder, awaited } = totals;
  if (events + notices + broken.count === 0)
    return { verdict: 'empty', sentences: ['There is no event of tidegate in it.'], totals };
  const missing = by === 'sequence' || complete;
  const faults: string[] = [];
  if (missing && unexplained > 0) faults.push(`${count(unexplained, 'event')} missing, and nothing explains it.`);
  if (disorder > 0) faults.push(`${count(disorder, 'event')} out of order.`);
  if (broken.count > 0) faults.push(`${count(broken.count, 'message')} cannot be read.`);
  if (conflicts.count > 0) {
    faults.push(
      `${count(conflicts.count, 'number')} stand for more than one event: two sinks of one agent, or two agents of one name, write here. ` +
        'Give them different topics, queues or names; until then nothing can be proved.',
    );
  }
  if (faults.length > 0) return { verdict: 'faulty', sentences: faults, totals };
  if (!whole)
    return { verdict: 'unfinished', sentences: ['In order as far as it was read, and not all of it could be read.'], totals };
  const still = awaited > 0 ? ` ${count(awaited, 'event')} more exist and have not arrived: they may still be in a spool.` : '';
  if (!missing && unexplained > 0) {
    const sentence = `In order. ${count(unexplained, 'number')} are not in it: the sink did not select them, or they are lost; --complete says that it takes everything.`;
    return { verdict: 'partial', sentences: [sentence], totals };
  }
  if (lost > 0) {
    return {
      verdict: 'explained',
      sentences: [`In order, and complete but for ${count(lost, 'event')} whose loss the sink explains.${still}`],
      totals,
    };
  }
  return { verdict: 'complete', sentences: [`Complete, and in order.${still}`], totals };
}

/** `1 event`, `2 events`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
