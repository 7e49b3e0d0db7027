import { describe, expect, test } from 'vitest';
import memory from '../../sensors/memory.ts';
import { fixtureHost, hostOf, type PlainRow, rowsOf, sampleOnce } from '../support.ts';

describe('memory', () => {
  test.each(['recorded', 'traps'])('the states add up to the limit: %s', async (one) => {
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
    ['Dirty:', /no column 1/],
  ])('%s fails the sample', async (line, message) => {
    const { host } = hostOf({ 'proc/meminfo': `MemTotal: 10 kB\nMemFree: 4 kB\nHugePages_Total: 70\n${line}\n` });
    await expect(sampleOnce(memory, host)).rejects.toThrow(message);
  });

  test('a file without MemTotal is malformed', async () => {
    await expect(sampleOnce(memory, hostOf({ 'proc/meminfo': 'Buffers: 1 kB\n' }).host)).rejects.toThrow(
      /no MemTotal or no MemFree/,
    );
  });
});
