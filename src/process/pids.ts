import { Unavailable } from '../errors.ts';
import type { Host } from '../host.ts';

const ZERO = 48;
const NINE = 57;

/** The folders of `/proc` that are numbers, in ascending order. Throws `Unavailable` when there is none. */
export function pids(host: Host): string[] {
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
