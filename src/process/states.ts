/** States of processes that one sensor has just read of `/proc/PID/stat`, for another that is sampled in the same turn of the event loop. */
import type { Host } from '../host.ts';

/** The letter of a process' state as ASCII code, when it was read in this turn. */
export type StateOf = (pid: string) => number | undefined;

const KEY = 'states of processes';

/** Tells of the states that were read in this turn. */
export function shareStates(host: Host, stateOf: StateOf): void {
  const before = sharedStates(host);
  host.turn.keep(KEY, before ? (pid: string) => before(pid) ?? stateOf(pid) : stateOf);
}

/** What was shared in this turn, if anything was. */
export function sharedStates(host: Host): StateOf | undefined {
  const known = host.turn.get(KEY);
  return typeof known === 'function' ? (known as StateOf) : undefined;
}
