import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import cpu from '../../sensors/cpu.ts';
import { fixtureHost, hostOf, open, type PlainTable, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const stat = (...lines: string[]): Record<string, string> => ({ 'proc/stat': `cpu 0 0 0 0\n${lines.join('\n')}\nctxt 1\n` });
const timeOf = (tables: readonly PlainTable[], number: string, mode: string): unknown =>
  rowsOf(tables, 'system.cpu').find((row) => row['cpu.logical_number'] === number && row['cpu.mode'] === mode)?.['time'];

describe('cpu', () => {
  test('numbers of CPUs have gaps, and old kernels have seven columns', async () => {
    const rows = rowsOf(await sampleOnce(cpu, fixtureHost('cpu/traps')), 'system.cpu').filter((row) => 'time' in row);
    expect([...new Set(rows.map((row) => row['cpu.logical_number']))]).toEqual(['0', '2', '10']);
    expect(rows.filter((row) => row['cpu.logical_number'] === '10')).toHaveLength(7);
    expect(rows.filter((row) => row['cpu.logical_number'] === '0')).toHaveLength(10);
  });

  test("a guest's time is not counted in user and nice as well", async () => {
    const tables = await sampleOnce(cpu, fixtureHost('cpu/traps'));
    expect(timeOf(tables, '2', 'user')).toBe((47_869 - 40) / 100);
    expect(timeOf(tables, '2', 'guest')).toBe(0.4);
    expect(timeOf(tables, '2', 'nice')).toBe((23 - 5) / 100);
  });

  test('idle that goes back a little is held, so that no counter falls', async () => {
    const { host, folder } = hostOf(stat('cpu0 10 0 10 1000 50 0 0 0 0 0'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 11 0 10 999 49 0 0 0 0 0'));
    const tables = await sample(sampler);
    expect([timeOf(tables, '0', 'idle'), timeOf(tables, '0', 'iowait'), timeOf(tables, '0', 'user')]).toEqual([10, 0.5, 0.11]);
    await sampler.close?.();
  });

  test('a CPU whose idle falls far has been taken out and came back: it starts anew', async () => {
    const { host, folder } = hostOf(stat('cpu0 10 0 10 1000 50 0 0 0 0 0'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 1 0 1 5 2 0 0 0 0 0'));
    const tables = await sample(sampler);
    expect([timeOf(tables, '0', 'idle'), timeOf(tables, '0', 'iowait')]).toEqual([0.05, 0.02]);
    await sampler.close?.();
  });

  test('a CPU goes offline and comes back with another beside it', async () => {
    const two = ['cpu0 1 0 0 100', 'cpu1 2 0 0 200'];
    const { host, folder } = hostOf(stat(...two));
    const sampler = await open(cpu, host);
    const countOf = async (): Promise<unknown> => rowsOf(await sample(sampler), 'system.cpu.logical')[0]?.['count'];
    expect(await countOf()).toBe(2);
    writeFiles(folder, stat('cpu0 1 0 0 100'));
    expect(await countOf()).toBe(1);
    writeFiles(folder, stat(...two, 'cpu2 3 0 0 300'));
    const tables = await sample(sampler);
    expect(rowsOf(tables, 'system.cpu.logical')[0]?.['count']).toBe(3);
    expect(timeOf(tables, '2', 'idle')).toBe(3);
    await sampler.close?.();
  });

  test('cores are counted by the threads they share, or by package and core', async () => {
    const threads = {
      'sys/devices/system/cpu/cpu0/topology/thread_siblings_list': '0-1',
      'sys/devices/system/cpu/cpu1/topology/thread_siblings_list': '0-1',
    };
    const shared = hostOf({ ...stat('cpu0 1 0 0 1', 'cpu1 1 0 0 1'), ...threads });
    expect(rowsOf(await sampleOnce(cpu, shared.host), 'system.cpu.physical')).toEqual([{ count: 1 }]);
    expect(rowsOf(await sampleOnce(cpu, fixtureHost('cpu/traps')), 'system.cpu.physical')).toEqual([{ count: 2 }]);
    const untold = hostOf(stat('cpu0 1 0 0 1'));
    expect(rowsOf(await sampleOnce(cpu, untold.host), 'system.cpu.physical')).toEqual([]);
  });

  test.each([
    ['a word for a number', 'cpu0 1 two 3 4', /stat:2: "two" is not a number, in "cpu0 1 two 3 4"/],
    ['no CPU at all', 'something else', /stat:.*no line of a CPU/],
  ])('%s fails the sample with the excerpt', async (_, line, message) => {
    await expect(sampleOnce(cpu, hostOf(stat(line)).host)).rejects.toThrow(message);
  });

  test('a machine without /proc/stat is said, not failed again and again', async () => {
    const { host, folder } = hostOf(stat('cpu0 1 0 0 1'));
    rmSync(join(folder, 'proc'), { recursive: true });
    await expect(open(cpu, host)).rejects.toThrow(/stat is not there: CPU times needs it/);
  });
});
