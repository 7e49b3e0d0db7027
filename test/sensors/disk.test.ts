import { describe, expect, test } from 'vitest';
import disk from '../../sensors/disk.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const line = (name: string, reads: number): string => `8 0 ${name} ${reads} 0 8 5 0 0 0 0 0 1 2\n`;

describe('disk', () => {
  test('14, 18 and 20 columns in one file', async () => {
    const rows = rowsOf(await sampleOnce(disk, fixtureHost('disk/traps')), 'system.disk').filter(
      (row) => 'disk.io.direction' in row,
    );
    const directions = (device: string): unknown[] =>
      rows.filter((row) => row['system.device'] === device).map((row) => row['disk.io.direction']);
    expect(directions('sda')).toEqual(['read', 'write']);
    expect(directions('sdb')).toEqual(['read', 'write', 'discard']);
    expect(directions('sdc')).toEqual(['read', 'write', 'discard', 'flush']);
    expect(rows.find((row) => row['system.device'] === 'sdc' && row['disk.io.direction'] === 'flush')).toEqual({
      'system.device': 'sdc',
      'disk.io.direction': 'flush',
      operations: 127,
      operation_time: 0.182,
    });
  });

  test('a sector is 512 bytes, a time is milliseconds, and the size is known where /sys has it', async () => {
    const rows = rowsOf(await sampleOnce(disk, fixtureHost('disk/traps')), 'system.disk').filter(
      (row) => row['system.device'] === 'sda',
    );
    expect(rows[0]).toMatchObject({
      io: 1_003_346_126 * 512,
      operations: 25_354_637,
      merged: 34_367_663,
      operation_time: 18_492.372,
    });
    expect(rows[2]).toEqual({
      'system.device': 'sda',
      io_time: 9653.88,
      weighted_io_time: 82_621.804,
      pending_operations: 0,
      limit: 500_118_192 * 512,
    });
  });

  test('partitions, loop and RAM disks are left out unless asked for', async () => {
    const names = async (options: object): Promise<unknown[]> => [
      ...new Set(
        rowsOf(await sampleOnce(disk, fixtureHost('disk/traps'), options), 'system.disk').map((row) => row['system.device']),
      ),
    ];
    expect(await names({})).toEqual(['sda', 'sdb', 'sdc', 'cciss/c0d0']);
    expect(await names({ partitions: true, exclude: [] })).toEqual(['ram0', 'loop0', 'sda', 'sda1', 'sdb', 'sdc', 'cciss/c0d0']);
    expect(await names({ include: ['sd*'], exclude: ['sdb'] })).toEqual(['sda', 'sdc']);
  });

  test('a partition is known by its name, whatever /sys says', async () => {
    const names = [
      'sda',
      'sda1',
      'sdaa',
      'nvme0n1',
      'nvme0n1p1',
      'nvme0n10',
      'dm-1',
      'dm-10',
      'mmcblk0',
      'mmcblk0p2',
      'cciss/c0d0',
      'cciss/c0d0p1',
    ];
    const { host } = hostOf({ 'proc/diskstats': names.map((name) => line(name, 1)).join('') });
    const seen = rowsOf(await sampleOnce(disk, host), 'system.disk').filter((row) => 'io_time' in row);
    expect(seen.map((row) => row['system.device'])).toEqual([
      'sda',
      'sdaa',
      'nvme0n1',
      'nvme0n10',
      'dm-1',
      'dm-10',
      'mmcblk0',
      'cciss/c0d0',
    ]);
  });

  test('a disk that grows while it is used is seen within a minute of samples', async () => {
    const { host, folder } = hostOf({ 'proc/diskstats': line('sda', 1), 'sys/class/block/sda/size': '8\n' });
    const sampler = await open(disk, host);
    const limit = async (): Promise<unknown> =>
      rowsOf(await sample(sampler), 'system.disk').find((row) => 'limit' in row)?.['limit'];
    expect(await limit()).toBe(8 * 512);
    writeFiles(folder, { 'sys/class/block/sda/size': '16\n' });
    for (let i = 0; i < 60; i++) await limit();
    expect(await limit()).toBe(16 * 512);
    await sampler.close?.();
  });

  test('a disk comes, goes and changes its line', async () => {
    const { host, folder } = hostOf({ 'proc/diskstats': line('sda', 1) });
    const sampler = await open(disk, host);
    const reads = async (): Promise<unknown[]> =>
      rowsOf(await sample(sampler), 'system.disk')
        .filter((row) => row['disk.io.direction'] === 'read')
        .map((row) => [row['system.device'], row['operations']]);
    expect(await reads()).toEqual([['sda', 1]]);
    writeFiles(folder, { 'proc/diskstats': line('sdb', 2) + line('sda', 3) });
    expect(await reads()).toEqual([
      ['sdb', 2],
      ['sda', 3],
    ]);
    writeFiles(folder, { 'proc/diskstats': line('sda', 4) });
    expect(await reads()).toEqual([['sda', 4]]);
    await sampler.close?.();
  });

  test.each([
    ['8 0 sda 1 2\n', /diskstats:1: no column/],
    ['8 0 sda 1 0 8 5 0 0 0 0 x 1 2\n', /"x" is not a number/],
  ])('%j fails the sample', async (content, message) => {
    await expect(sampleOnce(disk, hostOf({ 'proc/diskstats': content }).host)).rejects.toThrow(message);
  });
});
