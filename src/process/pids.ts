import { Unavailable } from '../errors.ts';
import type { Host } from '../host.ts';

const ZERO = 48;
const NINE = 57;

/** The folders of `/proc` that are numbers, in ascending order; listed once in a turn. Throws `Unavailable` when there is none. */
export function pids(host: Host): readonly string[] {
  const path = host.procPath('');
  const known = host.turn.get(path);
  if (Array.isArray(known)) return known;
  const found = listPids(host);
  host.turn.keep(path, found);
  return found;
}

function listPids(host: Host): string[] {
  const names = host.list(host.procPath('')) ?? [];
  const found: string[] = [];
  let [before, sorted] = [0, true];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first < ZERO || first > NINE) continue;
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (pid < before) sorted = false;
    before = pid;
    found.push(name);
  }
  if (found.length === 0)
    throw new Unavailable(`no process is seen in ${host.procPath('')}, because it has no folder that is a number`);
  return sorted ? found : found.sort((a, b) => Number(a) - Number(b));
}
