import { describe, expect, test } from 'vitest';
import paging from '../../sensors/paging.ts';
import { fixtureHost, hostOf, type PlainRow, rowsOf, sampleOnce } from '../support.ts';

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
});
