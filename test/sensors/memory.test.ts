import { describe, expect, test } from 'vitest';
import memory from '../../sensors/memory.ts';
import { Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, type PlainRow, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

describe('memory', () => {
  test.each(['recorded', 'traps', 'hugepages'])('the states add up to the limit: %s', async (one) => {
    const rows = rowsOf(await sampleOnce(memory, fixtureHost(`memory/${one}`)), 'system.memory');
    const limit = rows.find((row) => 'limit' in row)?.['limit'];
    const states = rows.filter((row) => 'usage' in row);
    const sum = (field: string): number => states.reduce((total, row) => total + Number(row[field]), 0);
    expect(sum('usage')).toBe(limit);
    expect(sum('utilization')).toBeCloseTo(1, 12);
  });

  test('an old kernel lacks MemAvailable and slabs; what it lacks is absent', async () => {
    const tables = await sampleOnce(memory, fixtureHost('memory/traps'));
    const [linux] = rowsOf(tables, 'system.memory.linux') as [PlainRow];
    expect(linux).not.toHaveProperty('available');
    expect(linux['active']).toBe(2_233_416 * 1024);
    expect(rowsOf(tables, 'system.memory.linux.slab')).toEqual([]);
  });

  test('huge pages are counts, and have no unit in the file', async () => {
    const rows = rowsOf(await sampleOnce(memory, fixtureHost('memory/traps')), 'system.memory.linux.hugepages');
    expect(rows).toEqual([
      { 'system.memory.linux.hugepages.state': 'used', usage: 9, utilization: 0.75 },
      { 'system.memory.linux.hugepages.state': 'free', usage: 3, utilization: 0.25 },
      { limit: 12, page_size: 2 * 2 ** 20, reserved: 2, surplus: 1 },
    ]);
  });

  test('without a pool of huge pages no share is made up', async () => {
    const { host } = hostOf({ 'proc/meminfo': 'MemTotal: 10 kB\nMemFree: 4 kB\nHugePages_Total: 0\nHugePages_Free: 0\n' });
    for (const row of rowsOf(await sampleOnce(memory, host), 'system.memory.linux.hugepages'))
      expect(row).not.toHaveProperty('utilization');
  });

  test.each([
    ['HugePages_Free: sixtynine', /"sixtynine" is not a number/],
    ['Dirty:', /meminfo:4: no column 2, in "Dirty:"/],
  ])('%s fails the sample', async (line, message) => {
    const { host } = hostOf({ 'proc/meminfo': `MemTotal: 10 kB\nMemFree: 4 kB\nHugePages_Total: 70\n${line}\n` });
    await expect(sampleOnce(memory, host)).rejects.toThrow(message);
  });

  test('a file without MemTotal is malformed', async () => {
    await expect(sampleOnce(memory, hostOf({ 'proc/meminfo': 'Buffers: 1 kB\n' }).host)).rejects.toThrow(
      /no MemTotal or no MemFree/,
    );
  });

  test("a cache larger than what is not free is the whole machine's: used is then all that is not free", async () => {
    const { host } = hostOf({ 'proc/meminfo': 'MemTotal: 100 kB\nMemFree: 40 kB\nBuffers: 0 kB\nCached: 70 kB\n' });
    expect(rowsOf(await sampleOnce(memory, host), 'system.memory')[0]).toEqual({
      'system.memory.state': 'used',
      usage: 60 * 1024,
      utilization: 0.6,
    });
  });

  test('each sample is of its own, also when the kernel writes other lines', async () => {
    const { host, folder } = hostOf({ 'proc/meminfo': 'MemTotal: 10 kB\nMemFree: 4 kB\nDirty: 1 kB\n' });
    const sampler = await open(memory, host);
    const linux = async (): Promise<PlainRow[]> => rowsOf(await sample(sampler), 'system.memory.linux');
    expect(await linux()).toEqual([{ dirty: 1024 }]);
    writeFiles(folder, { 'proc/meminfo': 'MemTotal: 10 kB\nMemFree: 4 kB\nActive: 1 kB\nMapped: 2 kB\n' });
    expect(await linux()).toEqual([{ active: 1024, mapped: 2048 }]);
    await sampler.close?.();
  });

  test('a machine without meminfo is unavailable', async () => {
    await expect(open(memory, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(Unavailable);
  });
});
