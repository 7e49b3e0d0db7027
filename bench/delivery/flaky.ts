/** `flaky`: see `flaky-child.ts`, which is a process of its own because its memory is that of a service, with the flags of one. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Figure, imageMalloc } from '../measure.ts';

export function flaky(): Figure[] {
  const env = { ...process.env, ...imageMalloc };
  const { stdout, status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'flaky-child.ts')], {
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(`flaky-child.ts failed: ${stderr}`);
  return JSON.parse(stdout) as Figure[];
}
