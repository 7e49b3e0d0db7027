/** Helpers that stand in for the real one: scripts that answer as a test says, and note that they ran. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../../src/statfs/mount-table.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

export type Command = readonly [string, ...string[]];

/**
 * A helper whose `answer(path, number)` is this JavaScript; what it returns is written, if it is text. `start` runs at its start.
 * It says `ready` behind its answers to the first questions, so that these are in when its parent's deadline starts. `pids` are
 * those of all that were started, in order.
 */
export function standIn(answer: string, start = ''): { command: Command; folder: string; pids: () => number[] } {
  const folder = temporaryFolder();
  const log = join(folder, 'pids');
  const script = `
    import { appendFileSync, existsSync } from 'node:fs';
    import { createInterface } from 'node:readline';
    const FOLDER = ${JSON.stringify(folder)};
    const say = (text) => process.stdout.write(text);
    const answer = (path, number) => { ${answer} };
    appendFileSync(${JSON.stringify(log)}, process.pid + '\\n');
    ${start}
    let ready = false;
    createInterface({ input: process.stdin })
      .on('line', (line) => {
        const number = line.slice(0, line.indexOf(' '));
        const said = answer(JSON.parse(line.slice(number.length + 1)), number);
        if (said !== undefined) say(said);
        if (!ready) setImmediate(() => say('ready\\n'));
        ready = true;
      })
      .on('close', () => process.exit());`;
  writeFiles(folder, { 'helper.mjs': script });
  const pids = (): number[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map(Number) : []);
  return { command: [process.execPath, join(folder, 'helper.mjs')], folder, pids };
}

/** An answer of these sizes, for a stand-in. */
export const SIZES = `return number + ' 1000 500 400 100 50\\n';`;
export const SIZE = { size: { size: 1000, free: 500, available: 400, inodes: 100, inodesFree: 50 } };

/** A remote mount at this path. */
export const place = (path: string, line = path): Place => ({
  id: '1',
  parent: '0',
  device: path,
  root: '/',
  point: path,
  readOnly: { whole: false, here: false },
  options: { whole: 'rw', here: 'rw' },
  mode: 'rw',
  type: 'nfs4',
  source: `server:${path}`,
  line,
  path,
  local: false,
});

export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
