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
