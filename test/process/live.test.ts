/** The sensors on the processes of the machine that the test runs on: a real one is born, works and ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import processes from '../../sensors/processes.ts';
import { Host } from '../../src/host.ts';
import type { Sampler } from '../../src/sensor.ts';
import { open, rowsOf, sample, sampleOnce } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { by } from './proc-folder.ts';

const SHELL = '/bin/sh';
const live = process.platform === 'linux' && existsSync('/proc/self/stat') && existsSync(SHELL);
const name = live ? 'on this machine' : 'on this machine (skipped: it has no /proc or no shell)';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Burns CPU, writes, says `ready`, and then waits for its end. */
const WORK = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo ready; read -r line';

/** A shell under a name that no other process has, so that it can be found. */
function start(folder: string, name: string, script: string): Promise<ChildProcess & { pid: number }> {
  const command = join(folder, name);
  copyFileSync(SHELL, command);
  const child = spawn(command, ['-c', script], { argv0: 'sh', stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', () => resolve(child as ChildProcess & { pid: number }));
  });
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}

const cpu = (tables: Awaited<ReturnType<typeof sample>>, group: string): number => {
  const times = by(tables, 'process.cpu', 'process.group.name', 'cpu.mode');
  return Number(times[`${group} user`]?.['time']) + Number(times[`${group} system`]?.['time']);
};

describe.skipIf(!live)(name, () => {
  it('a process is seen as it is, and keeps its part of a group when it is killed', async () => {
    const command = `tide${process.pid}`;
    const sampler: Sampler = await open(sensor, new Host(), { groups: { g: { names: command } } });
    expect(by(await sample(sampler), 'process', 'process.group.name')['g']?.['count']).toBe(0);
    const child = await start(temporaryFolder(), command, WORK);
    const alone = by(await sampleOnce(sensor, new Host(), { names: command }), 'process', 'process.pid')[String(child.pid)];
    expect(alone).toMatchObject({
      'process.executable.name': command,
      'thread.count': 1,
      'unix.file_descriptor.count': readdirSync(`/proc/${child.pid}/fd`).length,
      defunct: 0,
    });
    expect(alone?.['memory.usage']).toBeGreaterThan(0);
    expect(Math.abs(Number(alone?.['start_time']) - Date.now() / 1000)).toBeLessThan(3600);

    const during = await sample(sampler);
    expect(by(during, 'process', 'process.group.name')['g']).toMatchObject({ count: 1, 'thread.count': 1 });
    expect(cpu(during, 'g')).toBeGreaterThan(0);
    await end(child);
    const after = await sample(sampler);
    expect(by(after, 'process', 'process.group.name')['g']).toMatchObject({ count: 0, 'memory.usage': 0 });
    for (const [key, row] of Object.entries(by(during, 'process.disk', 'process.group.name', 'disk.io.direction'))) {
      expect(by(after, 'process.disk', 'process.group.name', 'disk.io.direction')[key]).toEqual(row);
    }
    expect(cpu(after, 'g')).toBe(cpu(during, 'g'));
    await sampler.close?.();
  });

  it('what the children of a process used between two samples is counted', async () => {
    const command = `ebb${process.pid}`;
    const busy = 'j=0; while [ $j -lt 300000 ]; do j=$((j+1)); done';
    // Each subshell is a process of its own, born and waited for between the samples.
    const script = `echo ready; read -r line; (${busy}); (${busy}); echo done; read -r line`;
    const child = await start(temporaryFolder(), command, script);
    const samplers = await Promise.all(
      [true, false].map((children) => open(sensor, new Host(), { groups: { g: { names: command } }, children })),
    );
    const both = async (): Promise<number[]> => {
      const samples = [];
      for (const sampler of samplers) samples.push(cpu(await sample(sampler), 'g'));
      return samples;
    };
    const before = await both();
    const done = new Promise((seen) => child.stdout?.once('data', seen));
    child.stdin?.write('go\n');
    await done;
    const after = await both();
    expect((after[0] as number) - (before[0] as number)).toBeGreaterThan((after[1] as number) - (before[1] as number));
    for (const sampler of samplers) await sampler.close?.();
  });

  it('processes are counted by state, and agree with the list', async () => {
    const tables = await sampleOnce(processes, new Host());
    const states = by(tables, 'system.process', 'process.state');
    expect(Number(states['running']?.['count'])).toBeGreaterThanOrEqual(1);
    expect(states['unknown']?.['count']).toBe(0);
    const [totals] = rowsOf(tables, 'system.process').filter((row) => row['created'] !== undefined);
    expect(Number(totals?.['created'])).toBeGreaterThan(1);
    expect(Number(totals?.['limit'])).toBeGreaterThan(1);
  });
});
