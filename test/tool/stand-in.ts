/** Executables that stand in for vendors' tools: shell scripts, which note each start, so that a test knows of processes that live and died. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.ts';

export interface StandIn {
  readonly path: string;
  readonly folder: string;
  /** Process ids of all starts, in order; those that the script notes with `note $!` are in it too. */
  pids(): number[];
}

/** A tool that is this shell script; `$FOLDER` is a folder of its own. */
export function standInTool(name: string, script: string): StandIn {
  const folder = temporaryFolder();
  const path = join(folder, name);
  const log = join(folder, 'pids');
  writeFileSync(path, `#!/bin/sh\nFOLDER='${folder}'\nnote() { echo "$1" >> '${log}'; }\nnote $$\n${script}\n`);
  chmodSync(path, 0o755);
  const pids = (): number[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map(Number) : []);
  return { path, folder, pids };
}

/** Whether a process lives. One that has ended and was not yet asked for is dead. */
export function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until something holds, as real processes make it; fails after 20 s, which no test takes when it is right. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const until = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > until) throw new Error(`${what}: not within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
