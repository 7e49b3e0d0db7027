/** Files that do not answer: a pipe without a writer makes a reader wait as a process' lock does. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import { SlowFiles } from '../../src/process/slow-files.ts';
import { hostAt, hostOf, open, rowsOf, sample } from '../support.ts';
import { ProcFolder } from './proc-folder.ts';

const pipes: string[] = [];

/** Makes a pipe in place of a file. */
function stuck(path: string): string {
  execFileSync('mkfifo', [path]);
  pipes.push(path);
  return path;
}

/** Lets go of whoever reads the pipe: a writer comes, and leaves without a word. */
function release(path: string): void {
  closeSync(openSync(path, 'r+'));
}

/** Puts an empty file there instead. */
function unstick(path: string): void {
  pipes.splice(pipes.indexOf(path), 1);
  release(path);
  rmSync(path);
  writeFileSync(path, '');
}

const soon = (ms: number): AbortSignal => AbortSignal.timeout(ms);

afterEach(() => {
  for (const path of pipes.splice(0)) release(path);
});

describe('a file that does not answer', () => {
  it('is late at the deadline, and so are all others until it answered', async () => {
    const { host, folder } = hostOf({ 'proc/good': 'here\n' });
    const files = new SlowFiles(host);
    const pipe = stuck(join(folder, 'proc/stuck'));
    const good = join(folder, 'proc/good');
    expect(String(await files.read(good, soon(5000)))).toBe('here\n');
    expect(await files.read(pipe, soon(20))).toBe('late');
    expect(await files.read(good, soon(5000))).toBe('late');
    release(pipe);
    let answer = await files.read(good, soon(5000));
    for (let i = 0; i < 1000 && answer === 'late'; i++) {
      await new Promise((done) => setTimeout(done, 5));
      answer = await files.read(good, soon(5000));
    }
    expect(String(answer)).toBe('here\n');
  });

  it('is none when it is not there, and late when the deadline is over already', async () => {
    const { host, folder } = hostOf({ 'proc/good': 'here\n' });
    const files = new SlowFiles(host);
    expect(await files.read(join(folder, 'proc/none'), soon(5000))).toBe('none');
    expect(await files.read(join(folder, 'proc/good'), AbortSignal.abort())).toBe('late');
  });

  it('tells who records of what is read', async () => {
    const read: string[] = [];
    const { folder } = hostOf({ 'proc/good': 'here\n' });
    await new SlowFiles(hostAt(folder, { onRead: (path) => read.push(path) })).read(join(folder, 'proc/good'), soon(5000));
    expect(read).toEqual([join(folder, 'proc/good')]);
  });
});

describe('a process whose memory is locked', () => {
  it('is there without its proportional memory, and the sample is not lost', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: {} });
    machine.files({ 'proc/1/smaps_rollup': 'Rss: 8 kB\nPss: 4 kB\n' });
    stuck(join(machine.folder, 'proc/5/smaps_rollup'));
    const sampler = await open(sensor, machine.host, { pss: true });
    const aborted = await sampler.sample(soon(50), 0);
    expect(aborted.find(({ schema }) => schema.type === 'process')?.rows).toBe(2);
    expect(rowsOf(await sample(sampler), 'process.memory')).toEqual([]);
    await sampler.close?.();
  });

  it('is asked for its arguments again, and what other selectors choose is there meanwhile', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { name: 'init' }, 5: { name: 'stuck', command: '' }, 6: { name: 'java', command: 'java -jar shop.jar' } });
    rmSync(join(machine.folder, 'proc/5/cmdline'));
    const pipe = stuck(join(machine.folder, 'proc/5/cmdline'));
    const sampler = await open(sensor, machine.host, { pattern: 'shop', names: 'init' });
    const names = async (): Promise<unknown[]> => {
      const tables = await sample(sampler);
      return rowsOf(tables, 'process')
        .map((row) => row['process.executable.name'])
        .filter((name) => name !== undefined);
    };
    await sampler.sample(soon(50), 0);
    expect(await names()).toEqual(['init']);
    unstick(pipe);
    let seen = await names();
    for (let i = 0; i < 1000 && seen.length < 2; i++) {
      await new Promise((done) => setTimeout(done, 5));
      seen = await names();
    }
    expect(seen).toEqual(['init', 'java']);
    await sampler.close?.();
  });

  it('is not reported after the sensor was closed', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {} });
    stuck(join(machine.folder, 'proc/1/smaps_rollup'));
    const sampler = await open(sensor, machine.host, { pss: true });
    const sampling = sampler.sample(soon(50), 0);
    await sampler.close?.();
    expect(await sampling).toEqual([]);
  });
});
