import { describe, expect, test } from 'vitest';
import raid from '../../sensors/raid.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const FILE = 'proc/mdstat';

describe('raid', () => {
  test('states: degraded by a missing member, failed when it is not active', async () => {
    const rows = rowsOf(await sampleOnce(raid, fixtureHost('raid/traps')), 'hw').filter((row) => row['status'] === 1);
    expect(Object.fromEntries(rows.map((row) => [row['hw.id'], row['hw.state']]))).toEqual({
      md0: 'ok',
      md00: 'ok',
      md1: 'degraded',
      md2: 'ok',
      md3: 'ok',
      md4: 'ok',
      md127: 'failed',
      md126: 'ok',
      md5: 'failed',
    });
  });

  test('a recovery with sizes in bytes and times in seconds, and what only waits', async () => {
    const rows = rowsOf(await sampleOnce(raid, fixtureHost('raid/traps')), 'system.raid.sync');
    expect(rows).toEqual([
      {
        'system.device': 'md1',
        'raid.sync.action': 'recovery',
        'raid.sync.state': 'running',
        progress: 719000000 / 3906867712,
        done: 719000000 * 1024,
        total: 3906867712 * 1024,
        speed: 7640 * 1024,
        time_left: 1868.1 * 60,
      },
      { 'system.device': 'md2', 'raid.sync.action': 'resync', 'raid.sync.state': 'pending' },
      { 'system.device': 'md3', 'raid.sync.action': 'resync', 'raid.sync.state': 'delayed' },
      // An estimate that the kernel does not have is absent.
      {
        'system.device': 'md4',
        'raid.sync.action': 'check',
        'raid.sync.state': 'running',
        progress: 0,
        done: 0,
        total: 1993728 * 1024,
        speed: 0,
      },
    ]);
  });

  test('a disk that fails', async () => {
    const array = 'md0 : active raid1 sda1[0] sdb1[1]\n      248896 blocks [2/2] [UU]\n\n';
    const { host, folder } = hostOf({ [FILE]: array });
    const sampler = await open(raid, host);
    await sample(sampler);
    writeFiles(folder, { [FILE]: array.replace('sdb1[1]', 'sdb1[1](F)').replace('[2/2] [UU]', '[2/1] [U_]') });
    const tables = await sample(sampler);
    expect(rowsOf(tables, 'system.raid')[0]).toMatchObject({ wanted: 2, working: 1 });
    expect(rowsOf(tables, 'system.raid.member')).toContainEqual({
      'system.device': 'md0',
      'raid.member': 'sdb1',
      'raid.member.state': 'faulty',
      info: 1,
    });
    await sampler.close?.();
  });

  test('a machine without arrays has no rows, one without the driver says so, a malformed line fails the sample', async () => {
    expect(await sampleOnce(raid, hostOf({ [FILE]: 'Personalities : \nunused devices: <none>\n' }).host)).toEqual([]);
    await expect(open(raid, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/md_mod/);
    await expect(sampleOnce(raid, hostOf({ [FILE]: 'md0 : sleeping raid1 sda[0]\n' }).host)).rejects.toThrow(
      /mdstat:1: an array that is neither/,
    );
  });
});
