/** Tools that are shell scripts, for what a real one would do. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support.ts';

/** The path of a tool that runs this script. */
export function standIn(script: string, folder = temporaryFolder(), name = 'tool'): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A tool that writes this text and ends with this code. */
export function writes(text: string, code = 0): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'text'), text);
  return standIn(`cat ${join(folder, 'text')}\nexit ${code}`, folder);
}

/** Process ids that scripts wrote into a file, one a line. */
export const pidsIn = (file: string): number[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];

/** Whether a process still does anything: one that was killed stays a zombie where nobody waits for it. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
