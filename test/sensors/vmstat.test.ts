import { describe, expect, test } from 'vitest';
import vmstat from '../../sensors/vmstat.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const VMSTAT = 'proc/vmstat';

describe('vmstat', () => {
  test('a pattern of keys; amounts apart from what is counted', async () => {
    const tables = await sampleOnce(vmstat, fixtureHost('vmstat/traps'), { keys: ['nr_dirt*', 'pgfault', '*future*'] });
    expect(rowsOf(tables, 'system.vmstat')).toEqual([
      { 'vmstat.key': 'nr_dirty', value: 12 },
      { 'vmstat.key': 'nr_dirty_threshold', value: 1300000 },
      { 'vmstat.key': 'nr_dirtied', count: 2 ** 64 },
      { 'vmstat.key': 'pgfault', count: 9 },
      { 'vmstat.key': 'unknown_future_key', count: 1 },
    ]);
  });

  test('keys that move between two samples are found again', async () => {
    const { host, folder } = hostOf({ [VMSTAT]: 'numa_hit 1\nthp_split 2\n' });
    const sampler = await open(vmstat, host);
    await sample(sampler);
    writeFiles(folder, { [VMSTAT]: 'thp_split 3\nnew 9\nnuma_hit 4\n' });
    expect(rowsOf(await sample(sampler), 'system.vmstat')).toEqual([
      { 'vmstat.key': 'thp_split', count: 3 },
      { 'vmstat.key': 'numa_hit', count: 4 },
    ]);
    await sampler.close?.();
  });

  test.each([
    ['', /the file is empty/],
    ['numa_hit many\n', /vmstat:1: "many" is not a number/],
  ])('%j fails the sample', async (text, message) => {
    await expect(sampleOnce(vmstat, hostOf({ [VMSTAT]: text }).host)).rejects.toThrow(message);
  });

  test('without the file it says so', async () => {
    await expect(open(vmstat, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/vmstat is not there/);
  });
});
