/** Tools that are shell scripts, for what a real one would do. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.ts';

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
