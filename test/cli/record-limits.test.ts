import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import cgroup from '../../sensors/cgroup.ts';
import system from '../../sensors/system.ts';
import { filesystemSizes, record } from '../../src/cli/record.ts';
import { UsageError } from '../../src/errors.ts';
import { Host, type HostOptions } from '../../src/host.ts';
import { fixtureHost, type PlainTable, sampleOnce, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { recordOf } from './record-support.ts';

describe('limits', () => {
  const files = { 'proc/a': 'x'.repeat(100), 'proc/b': 'y'.repeat(101), 'proc/c': 'z'.repeat(60), 'proc/d': 'small' };
  const ask = (host: Host): void => {
    for (const name of ['a', 'b', 'c', 'd']) host.read(host.procPath(name));
    host.list(host.procPath(''));
  };

  it('leave out a file that is too long, and say so', async () => {
    const { replay, skipped, files: count, bytes } = await recordOf(files, ask, { fileBytesMax: 100 });
    expect(skipped).toEqual([{ path: expect.stringMatching(/proc\/b$/) as string, why: 'it is longer than 100 bytes' }]);
    expect([count, bytes]).toEqual([3, 165]);
    expect(replay.read(replay.procPath('b'))).toBeUndefined();
    expect(replay.list(replay.procPath(''))?.sort()).toEqual(['a', 'b', 'c', 'd', 'uptime']);
  });

  it('leave out what would make it too large, and say so', async () => {
    const { replay, skipped, bytes } = await recordOf(files, ask, { bytesMax: 110 });
    expect(skipped.map(({ path, why }) => [path.slice(-6), why])).toEqual([
      ['proc/b', 'the recording would be larger than 110 bytes'],
      ['proc/c', 'the recording would be larger than 110 bytes'],
    ]);
    expect(bytes).toBe(105);
    expect(replay.read(replay.procPath('d'))).toBe('small');
  });

  it('leave out what is no file, and do not wait for it', async () => {
    const { replay, skipped } = await recordOf({ 'sys/pipe': 'x' }, (host, machine) => {
      host.read(host.sysPath('pipe'));
      rmSync(join(machine, 'sys/pipe'));
      execFileSync('mkfifo', [join(machine, 'sys/pipe')]);
    });
    expect(skipped.map(({ why }) => why)).toEqual(['it is no file']);
    expect(replay.exists(replay.sysPath('pipe'))).toBe(false);
  });
});

describe('sizes of filesystems', () => {
  const MOUNTS =
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:5 / /gone rw - tmpfs tmpfs rw\n24 22 0:6 / /auto rw - autofs auto rw\n';
  /** A machine that is no recording, whose `/` is a folder here. */
  const machineOf = (folder: string): Host =>
    new Host({ proc: join(folder, 'proc'), sys: join(folder, 'sys'), root: join(folder, 'root'), platform: 'linux' });

  it('are asked for, and what does not answer is told', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'proc/self/mountinfo': MOUNTS, 'root/auto/x': '' });
    const { statfs, skipped } = await filesystemSizes(machineOf(folder));
    expect(Object.keys(statfs)).toEqual(['/']);
    expect(statfs['/']?.size).toBeGreaterThan(0);
    expect(statfs['/']?.free).toBeLessThanOrEqual(statfs['/']?.size as number);
    expect(skipped).toEqual([{ path: '/gone', why: 'its size is not known: ENOENT' }]);
  });

  it.each([
    ['nonsense\n', /the sizes of filesystems are not known: .*mountinfo:1/],
    [undefined, /the sizes of filesystems are not known: .*mountinfo/],
  ])('are not known with the mounts %j, and the rest is recorded', async (mounts, why) => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'proc/a': 'A', ...(mounts === undefined ? {} : { 'proc/self/mountinfo': mounts }) });
    const { statfs, skipped } = await filesystemSizes(machineOf(folder));
    expect(statfs).toEqual({});
    expect(skipped.map((entry) => entry.why)).toEqual([expect.stringMatching(why)]);
  });

  it('of a recorded machine are those that were recorded', async () => {
    const size = { size: 5, free: 4, available: 3, inodes: 2, inodesFree: 1 };
    const recording = { name: 'recorded', statfs: { '/data': size } };
    const { folder, replay } = await recordOf({}, () => {}, {}, { recording });
    expect(JSON.parse(readFileSync(join(folder, 'host.json'), 'utf8'))).toEqual(recording);
    expect(replay.recording?.statfs['/data']).toEqual(size);
  });
});

describe('refuses', () => {
  const sample = async (): Promise<void> => {};

  it('a folder that is not empty, and leaves it as it is', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'mine'), 'precious');
    const attempt = record(folder, ({ onRead }) => fixtureHost('system/laptop', { onRead }), sample);
    await expect(attempt).rejects.toThrow(`${folder} is not empty: a recording needs a folder of its own`);
    await expect(attempt).rejects.toBeInstanceOf(UsageError);
    expect(readdirSync(folder)).toEqual(['mine']);
  });

  it('a file, and takes an empty folder', async () => {
    const folder = temporaryFolder();
    const host = (options: HostOptions) => fixtureHost('system/laptop', options);
    await record(folder, host, sample);
    expect(readdirSync(folder)).toEqual(['host.json']);
    await expect(record(join(folder, 'host.json'), host, sample)).rejects.toThrow(/host\.json cannot be made/);
  });

  it('a machine that is no Linux, before it makes anything', async () => {
    const folder = join(temporaryFolder(), 'recording');
    const host = () => fixtureHost('system/laptop', { platform: 'darwin' });
    await expect(record(folder, host, sample)).rejects.toThrow('a recording holds /proc and /sys, which darwin has not');
    expect(existsSync(folder)).toBe(false);
  });
});

const LIVE = process.platform === 'linux' && existsSync('/proc/self/clear_refs');

describe.skipIf(!LIVE)('this machine (skipped where it has no /proc)', () => {
  it('replays what does not move', async () => {
    const folder = join(temporaryFolder(), 'recording');
    const sample = async (host: Host): Promise<PlainTable[]> => [
      ...(await sampleOnce(system, host)),
      ...(await sampleOnce(cgroup, host).catch(() => [])),
    ];
    let original: PlainTable[] = [];
    const recorded = await record(
      folder,
      (options) => new Host(options),
      async (host) => {
        original = await sample(host);
        // A file of the kernel's that is there and cannot be read.
        expect(host.read('/proc/self/clear_refs')).toBeUndefined();
      },
    );
    const replay = Host.recorded(folder);
    const again = await sample(replay);
    const still = (tables: PlainTable[]) => ({
      about: tables[1],
      boot: tables[0]?.rows[0]?.['boot_time'],
      types: tables.map(({ type, rows }) => [type, rows.map((row) => row['cgroup.path'])]),
    });
    expect(still(again)).toEqual(still(original));
    expect(replay.name).toBe(new Host().name);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(recorded.files).toBeGreaterThan(2);
    const why = recorded.skipped.find(({ path }) => path.endsWith('/clear_refs'))?.why;
    expect(why).toMatch(/^it cannot be read: E[A-Z]+$/);
    expect(replay.read(replay.procPath('self/clear_refs'))).toBeUndefined();
    expect(replay.recording?.statfs['/']?.size).toBeGreaterThan(0);
  });
});
