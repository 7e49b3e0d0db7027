/** A process that does not run is asked less, and whatever it does when it runs again is in the next sample. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import { Host } from '../../src/host.ts';
import { ProcessFiles } from '../../src/process/file.ts';
import { keepsSchedule, Schedule } from '../../src/process/schedule.ts';
import { hostOf, open, type PlainRow, sample, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { by } from './proc-folder.ts';

const AT_REST = '1200300 4500 12\n';

describe('a process of which a file says when it ran', () => {
  const { host, folder } = hostOf({ 'proc/7/schedstat': AT_REST });
  const write = (text: string): void => writeFiles(folder, { 'proc/7/schedstat': text });
  const schedule = (): Schedule => {
    write(AT_REST);
    return new Schedule(host.procPath('7'), new ProcessFiles(host, 0));
  };

  it('rests from the second time on that its numbers are the same, until they are others', () => {
    const process = schedule();
    const asked = (): boolean => process.rested();
    expect([asked(), asked(), asked()]).toEqual([false, true, true]);
    for (const other of ['1200301 4500 12\n', '1200301 4500 13\n', '1200301 4500 130\n']) {
      write(other);
      expect([asked(), asked()]).toEqual([false, true]);
    }
  });

  it('begins anew when everything is to be read', () => {
    const process = schedule();
    expect([process.rested(), process.rested(), process.forget(), process.rested(), process.rested()]).toEqual([
      false,
      true,
      undefined,
      false,
      true,
    ]);
  });

  it('never rests where there is no such file, or one that is longer than it may be', () => {
    const process = schedule();
    write(`${'1'.repeat(80)}\n`);
    for (let i = 0; i < 4; i++) expect(process.rested()).toBe(false);
    const without = new Schedule(host.procPath('8'), new ProcessFiles(host, 0));
    for (let i = 0; i < 4; i++) expect(without.rested()).toBe(false);
  });
});

describe('a kernel', () => {
  it.each([
    ['1200300 4500 12\n', true],
    // Without the counting, and without the file.
    ['0 0 0\n', false],
    [undefined, false],
  ])('that says %j of a process keeps the numbers: %s', (text, keeps) => {
    const { folder } = hostOf(text === undefined ? { 'proc/self/stat': '' } : { 'proc/self/schedstat': text });
    expect(keepsSchedule(new Host({ proc: join(folder, 'proc') }))).toBe(keeps);
  });

  it('that was recorded has them not, nor one that is being recorded', () => {
    const { host, folder } = hostOf({ 'proc/self/schedstat': AT_REST });
    expect(keepsSchedule(host)).toBe(false);
    expect(keepsSchedule(new Host({ proc: join(folder, 'proc'), onRead: () => {} }))).toBe(false);
  });
});

const SHELL = '/bin/sh';
const live = existsSync(SHELL) && existsSync('/proc/self/io') && keepsSchedule(new Host());

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A shell that does what it is told, and says when it has and waits for more. */
async function obedient(): Promise<{ pid: number; tell: (command: string) => Promise<void> }> {
  const child = spawn(SHELL, ['-c', 'echo ready; while read -r line; do eval "$line"; echo done; done'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const { pid, stdin, stdout } = child;
  if (pid === undefined) throw new Error('there is no shell');
  const heard = async (): Promise<void> => {
    await new Promise((seen) => stdout.once('data', seen));
    while (!/^\d+ \(sh\) S /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise((again) => setTimeout(again, 1));
  };
  await heard();
  const tell = async (command: string): Promise<void> => {
    const done = heard();
    stdin.write(`${command}\n`);
    await done;
  };
  return { pid, tell };
}

function said(pid: number): Record<string, unknown> {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const number = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(io)?.[1]);
  return {
    read: { io: number('read_bytes'), operations: number('syscr') },
    write: { io: number('write_bytes'), operations: number('syscw') },
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

describe.skipIf(!live)(
  live ? 'a process on this machine' : 'a process on this machine (skipped: it does not say when one ran)',
  () => {
    it('is told of as it is, in the first sample after it slept through several', async () => {
      const { pid, tell } = await obedient();
      const file = join(temporaryFolder(), 'file');
      writeFileSync(file, 'a line\n');
      const sampler = await open(sensor, new Host(), { names: 'sh', limit: 100_000 });
      const shown = async (): Promise<Record<string, unknown>> => {
        const tables = await sample(sampler);
        const disk = by(tables, 'process.disk', 'process.pid', 'disk.io.direction');
        const numbers = ({ io, operations }: PlainRow): unknown => ({ io, operations });
        return {
          read: numbers(disk[`${pid} read`] as PlainRow),
          write: numbers(disk[`${pid} write`] as PlainRow),
          files: by(tables, 'process', 'process.pid')[String(pid)]?.['unix.file_descriptor.count'],
        };
      };
      // Before each of these steps it slept through samples.
      for (const command of [
        ':',
        `exec 7<${file}`,
        'read -r line <&7',
        `echo more >>${file}`,
        'exec 7<&-',
        '(exec 7</dev/null)',
        ':',
      ]) {
        for (let i = 0; i < 6; i++) expect(await shown()).toEqual(said(pid));
        await tell(command);
      }
      expect(await shown()).toEqual(said(pid));
      await sampler.close?.();
    });
  },
);
