import { describe, expect, test } from 'vitest';
import paging from '../../sensors/paging.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, type PlainRow, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

describe('paging', () => {
  test('names of swap files are unescaped, and an empty device has no share', async () => {
    const rows = rowsOf(await sampleOnce(paging, fixtureHost('paging/traps')), 'system.paging').filter((row) => 'usage' in row);
    expect(rows.slice(0, 4)).toEqual([
      { 'system.device': '/dev/dm-2', 'system.paging.state': 'used', usage: 176 * 1024, utilization: 176 / 131_068 },
      { 'system.device': '/dev/dm-2', 'system.paging.state': 'free', usage: 130_892 * 1024, utilization: 130_892 / 131_068 },
      { 'system.device': '/var/swap file', 'system.paging.state': 'used', usage: 0, utilization: 0 },
      { 'system.device': '/var/swap file', 'system.paging.state': 'free', usage: 1_048_572 * 1024, utilization: 1 },
    ]);
    expect(rows[4]).not.toHaveProperty('utilization');
  });

  test('minor faults are all but the major ones', async () => {
    const rows = rowsOf(await sampleOnce(paging, fixtureHost('paging/traps')), 'system.paging').filter((row) => 'faults' in row);
    expect(rows.map((row) => row['faults'])).toEqual([507_162, 2_320_168_809 - 507_162]);
  });

  test('a key that starts like another is not taken for it, and one that is missing is absent', async () => {
    const [row] = rowsOf(await sampleOnce(paging, fixtureHost('paging/traps')), 'system.paging.reclaim') as [PlainRow];
    expect(row).toEqual({ scanned_kswapd: 400, scanned_direct: 7, stolen_kswapd: 390, refaults: 21 });
  });

  test('a machine without swap has no rows of it, and is fine', async () => {
    const tables = await sampleOnce(paging, hostOf({ 'proc/vmstat': 'pgfault 5\npgmajfault 1\n' }).host);
    expect(rowsOf(tables, 'system.paging').filter((row) => 'usage' in row)).toEqual([]);
  });

  test('a malformed line fails the sample', async () => {
    const files = {
      'proc/vmstat': 'pgfault 5\n',
      'proc/swaps': 'Filename Type Size Used Priority\n/dev/sda2 partition much 0 -2\n',
    };
    await expect(sampleOnce(paging, hostOf(files).host)).rejects.toThrow(/swaps:2: "much" is not a number/);
  });

  test('minor faults do not go back when major ones have begun and are not yet counted among all', async () => {
    const vmstat = (all: number, major: number) => ({ 'proc/vmstat': `pgfault ${all}\npgmajfault ${major}\n` });
    const { host, folder } = hostOf(vmstat(100, 10));
    const sampler = await open(paging, host);
    const faults = async (): Promise<unknown[]> => rowsOf(await sample(sampler), 'system.paging').map((row) => row['faults']);
    expect(await faults()).toEqual([10, 90]);
    writeFiles(folder, vmstat(101, 15));
    expect(await faults()).toEqual([15, 90]);
    writeFiles(folder, vmstat(108, 15));
    expect(await faults()).toEqual([15, 93]);
    // Another kernel, seen through the same path: it starts anew.
    writeFiles(folder, vmstat(50, 5));
    expect(await faults()).toEqual([5, 45]);
    await sampler.close?.();
  });

  test('reclaim by zone, stalls by zone and refaults by kind are added up', async () => {
    const reclaimOf = async (one: string): Promise<PlainRow | undefined> =>
      rowsOf(await sampleOnce(paging, fixtureHost(`paging/${one}`)), 'system.paging.reclaim')[0];
    expect(await reclaimOf('old-kernel')).toEqual({
      scanned_kswapd: 8642,
      scanned_direct: 10,
      stolen_kswapd: 4321,
      stolen_direct: 5,
      allocation_stalls: 6,
      refaults: 77,
    });
    expect(await reclaimOf('short-of-memory')).toMatchObject({ allocation_stalls: 32_100, refaults: 2_000_000, oom_kills: 3 });
  });

  test('swap is shown as it comes and goes, and without a vmstat', async () => {
    const head = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';
    const { host, folder } = hostOf({ 'proc/swaps': head });
    const sampler = await open(paging, host);
    expect(await sample(sampler)).toEqual([]);
    writeFiles(folder, { 'proc/swaps': `${head}/dev/sda2 partition 4 1 -2\n` });
    expect(rowsOf(await sample(sampler), 'system.paging').map((row) => row['usage'])).toEqual([1024, 3072]);
    writeFiles(folder, { 'proc/swaps': head });
    expect(await sample(sampler)).toEqual([]);
    await sampler.close?.();
  });

  test('a kernel that counts nothing of this has no tables', async () => {
    expect(await sampleOnce(paging, hostOf({ 'proc/vmstat': 'nr_free_pages 5\n' }).host)).toEqual([]);
  });

  test.each([
    ['pgfault many\n', /vmstat:1: "many" is not a number/],
    ['', /vmstat:1: the file is empty/],
  ])('a malformed vmstat fails the sample: %j', async (vmstat, message) => {
    const failure = await sampleOnce(paging, hostOf({ 'proc/vmstat': vmstat }).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });

  test('a machine with neither file is unavailable', async () => {
    await expect(open(paging, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(Unavailable);
  });
});
