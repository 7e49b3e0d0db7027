/** TCP connections by state, from `/proc/net/tcp` and `tcp6`: https://docs.kernel.org/networking/proc_net_tcp.html */
import type { Text } from '../text.ts';

/** The names of the conventions, by the kernel's number; 12, a request, is written as 3. */
export const TCP_STATES = [
  'established',
  'syn_sent',
  'syn_received',
  'fin_wait_1',
  'fin_wait_2',
  'time_wait',
  'closed',
  'close_wait',
  'last_ack',
  'listen',
  'closing',
] as const;

/** The column of the state, in hexadecimal: `0: 0500000A:0016 00000000:0000 0A …`. */
const STATE_COLUMN = 3;

/** Adds the connections of one file to the counts by state. A state that is not known here is not counted. Throws `Malformed`. */
export function countStates(text: Text, counts: number[]): void {
  for (const row of text.rows()) {
    if (row.line === 1 || row.count === 0) continue;
    const state = row.text(STATE_COLUMN);
    if (!/^[0-9A-F]{2}$/.test(state)) throw row.malformed(`${JSON.stringify(state)} is not the state of a connection`);
    const index = Number.parseInt(state, 16) - 1;
    if (counts[index] !== undefined) counts[index]++;
  }
}

/** Connections are counted at every so many samples, and once in so many milliseconds at most. */
export const STATES_EVERY = 10;
const STATES_EVERY_MS = 60_000;

/**
 * When connections are due to be counted: the kernel looks through its whole table for them, which has 262,144 places on a machine with
 * 24 GiB and takes 7 ms, whatever is in it.
 */
export class StateTurns {
  /** Samples since they were counted last; before the first, enough. */
  #uncounted = STATES_EVERY;
  /** In the milliseconds of a sample's time. */
  #countedAt = Number.NEGATIVE_INFINITY;

  isDue(time: number): boolean {
    // A clock that was set back must not put it off.
    return ++this.#uncounted >= STATES_EVERY && Math.abs(time - this.#countedAt) >= STATES_EVERY_MS;
  }

  counted(time: number): void {
    [this.#uncounted, this.#countedAt] = [0, time];
  }
}
