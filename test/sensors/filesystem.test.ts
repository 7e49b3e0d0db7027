import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import filesystem, { Filesystems } from '../../sensors/filesystem.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import type { Sampler } from '../../src/sensor.ts';
import { RemoteSizes } from '../../src/statfs/remote.ts';
import { FakeClock } from '../clock.ts';
import { SIZES, standIn } from '../statfs/stand-in.ts';
import {
  expectGolden,
  fixtureHost,
  hostOf,
  open,
  type PlainRow,
  type PlainTable,
  rowsOf,
  sample,
  sampleOnce,
  writeFiles,
} from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const POINT = 'system.filesystem.mountpoint';
const points = (tables: readonly PlainTable[]): unknown[] => [
  ...new Set(rowsOf(tables, 'system.filesystem').map((row) => row[POINT])),
];

const opened: Sampler[] = [];
afterEach(async () => {
  for (const sampler of opened.splice(0)) await sampler.close?.();
});

describe('golden', () => {
  test.each([
    ['server', {}],
    ['container', {}],
    ['bindmount', { root: '/host' }],
  ])('%s', async (name, options) => {
    expectGolden(`filesystem/${name}/expected.json`, await sampleOnce(filesystem, fixtureHost(`filesystem/${name}`, options)));
  });
});

test('a recorded machine has all answers: nothing is asked, and nothing waited for', async () => {
  const sampler = await open(filesystem, fixtureHost('filesystem/server'));
  opened.push(sampler);
  expect(sampler.sample(new AbortController().signal, 0)).toBeInstanceOf(Array);
});

describe('options', () => {
  test.each([
    [{ include: '/mnt/*' }, ['/mnt/My Backup\t\\x', '/mnt/cold', '/mnt/nfs', '/mnt/nfs/cache']],
    [{ include: '/{run,data,srv/data}' }, ['/run', '/srv/data']],
    [{ include: '/data' }, ['/data']],
    [{ include: ['/', '/home*'], exclude: '/home' }, ['/', '/home/.snapshots']],
    [{ include: '/snap/*' }, []],
    [{ include: '/snap/*', exclude_types: [] }, ['/snap/core22/1122']],
    [{ include_types: 'nfs*' }, ['/mnt/nfs']],
    [{ exclude_types: ['*'] }, ['/']],
    [{ exclude_types: ['*'], exclude: ['/'] }, []],
    [{ include: '/net', exclude_types: [] }, []],
    [{ include_devices: '/dev/sd?1' }, ['/boot/efi', '/home', '/mnt/My Backup\t\\x', '/mnt/cold', '/opt/a']],
    [{ include_devices: '/dev/sd*', exclude_devices: '/dev/sd[a-d]*' }, ['/opt/a']],
    [{ include: '/var/*', exclude: [] }, []],
    [{ include: '/var/*', exclude: [], exclude_types: [] }, ['/var/lib/docker/overlay2/3f/merged']],
  ])('%j', async (options, expected) => {
    expect(points(await sampleOnce(filesystem, fixtureHost('filesystem/server'), options))).toEqual(expected);
  });

  test.each([{ statfs_timeout: '1ms' }, { retry_hung: '0s' }, { exclude_type: 'nfs' }])('%j is refused', (options) => {
    expect(filesystem.options.safeParse(options).success).toBe(false);
  });
});

describe('mountinfo', () => {
  const line = (point: string, id = 30): string => `${id} 1 8:${id} / ${point} rw - ext4 /dev/sda${id} rw\n`;
  const recording = {
    name: 'small',
    statfs: Object.fromEntries(
      ['/a', '/b'].map((point) => [point, { size: 4, free: 3, available: 2, inodes: 0, inodesFree: 0 }]),
    ),
  };

  test('is followed as mounts come and go', async () => {
    const { host, folder } = hostOf({ 'proc/1/mountinfo': line('/a') }, { recording });
    const sampler = await open(filesystem, host);
    opened.push(sampler);
    expect(points(await sample(sampler))).toEqual(['/a']);
    expect(points(await sample(sampler))).toEqual(['/a']);
    writeFiles(folder, { 'proc/1/mountinfo': line('/a') + line('/b', 31) });
    expect(points(await sample(sampler))).toEqual(['/a', '/b']);
    writeFiles(folder, { 'proc/1/mountinfo': line('/b', 31) });
    expect(points(await sample(sampler))).toEqual(['/b']);
    writeFiles(folder, { 'proc/1/mountinfo': '' });
    expect(await sample(sampler)).toEqual([]);
  });

  test.each([
    ['30 1 8:1 / /a rw - \n', /mountinfo:1: no filesystem type behind a dash/],
    ['30 1 8:1 / /a rw ext4 /dev/sda1 rw\n', /mountinfo:1: no filesystem type behind a dash/],
    [`${line('/a')}hello\n`, /mountinfo:2: no filesystem type behind a dash/],
  ])('%j fails the sample, every time', async (content, message) => {
    const { host, folder } = hostOf({ 'proc/1/mountinfo': line('/a') }, { recording });
    const sampler = await open(filesystem, host);
    opened.push(sampler);
    writeFiles(folder, { 'proc/1/mountinfo': content });
    for (let i = 0; i < 2; i++) {
      const failure = await sample(sampler).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Malformed);
      expect(String(failure)).toMatch(message);
    }
    writeFiles(folder, { 'proc/1/mountinfo': line('/a') });
    expect(points(await sample(sampler))).toEqual(['/a']);
  });
});

/** A host whose mount points are folders of this machine, so that statfs answers. */
describe('statfs', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, 'mnt', name);
  for (const name of ['local', 'nfs/below', 'fuse']) mkdirSync(at(name), { recursive: true });

  const line = (id: number, name: string, type: string): string => `${id} 1 8:${id} / ${at(name)} rw - ${type} ${name} rw\n`;
  const host = (mountinfo: string): Host => {
    writeFiles(folder, { 'proc/1/mountinfo': mountinfo });
    return new Host({ proc: join(folder, 'proc'), platform: 'linux' });
  };
  const withStandIn = (mountinfo: string, answer: string) => {
    const clock = new FakeClock();
    const helper = standIn(answer);
    const remote = new RemoteSizes({ timeoutMs: 2000, retryMs: 600_000, clock, command: helper.command });
    const sampler = new Filesystems(host(mountinfo), filesystem.options.parse({}), remote);
    opened.push(sampler);
    return { sampler, clock, pids: helper.pids };
  };
  const whole = (tables: readonly PlainTable[]): PlainRow[] => rowsOf(tables, 'system.filesystem').filter((row) => 'hung' in row);
  const brief = (tables: readonly PlainTable[]): unknown[] =>
    whole(tables).map((row) => [row['system.device'], row['limit'] !== undefined, row['hung'], row['failed']]);

  test('of local filesystems is asked here, and sample returns at once', async () => {
    const { sampler, pids } = withStandIn(line(30, 'local', 'ext4'), SIZES);
    const tables = sampler.sample(new AbortController().signal);
    expect(tables).toBeInstanceOf(Array);
    const { blocks, bsize, bfree, bavail } = statfsSync(at('local'));
    const [row] = whole(await sample(sampler));
    expect(row).toMatchObject({ limit: blocks * bsize, hung: 0, failed: 0 });
    const usage = rowsOf(await sample(sampler), 'system.filesystem').flatMap((one) => (one['usage'] as number | undefined) ?? []);
    expect(usage.reduce((sum, one) => sum + one, 0)).toBe(blocks * bsize);
    expect(usage[2]).toBe((bfree - bavail) * bsize);
    expect(pids()).toEqual([]);
  });

  test('of all others, and of local ones below them, is asked in the helper', async () => {
    const mounts = line(30, 'local', 'xfs') + line(31, 'nfs', 'nfs4') + line(32, 'nfs/below', 'ext4') + line(33, 'fuse', 'new');
    const { sampler } = withStandIn(mounts, SIZES);
    const limits = whole(await sample(sampler)).map((row) => [row['system.device'], row['limit'] === 1000]);
    expect(limits).toEqual([
      ['local', false],
      ['nfs', true],
      ['nfs/below', true],
      ['fuse', true],
    ]);
  });

  test('of the real helper is the same', async () => {
    const sampler = await open(filesystem, host(line(31, 'nfs', 'nfs4')));
    opened.push(sampler);
    const [row] = whole(await sample(sampler));
    const { blocks, bsize } = statfsSync(at('nfs'));
    expect(row).toMatchObject({ 'system.device': 'nfs', limit: blocks * bsize, hung: 0, failed: 0 });
  });

  test('that does not answer says so, and costs the others nothing', async () => {
    const mounts = line(30, 'local', 'ext4') + line(31, 'nfs', 'nfs4') + line(33, 'fuse', 'fuse.sshfs');
    const { sampler, clock } = withStandIn(mounts, `if (!path.endsWith('/nfs')) ${SIZES}`);
    const tables = sample(sampler);
    await vi.waitFor(() => expect(clock.next).toBe(2000), { timeout: 20_000, interval: 10 });
    await clock.advance(2000);
    const expected = [
      ['local', true, 0, 0],
      ['nfs', false, 1, 0],
      ['fuse', true, 0, 0],
    ];
    expect(brief(await tables)).toEqual(expected);
    expect(brief(await sample(sampler))).toEqual(expected);
  });

  test('of which all hang needs no promise', async () => {
    const { sampler, clock } = withStandIn(line(31, 'nfs', 'nfs4'), '');
    const tables = sample(sampler);
    await vi.waitFor(() => expect(clock.next).toBe(2000), { timeout: 20_000, interval: 10 });
    await clock.advance(2000);
    expect(brief(await tables)).toEqual([['nfs', false, 1, 0]]);
    expect(sampler.sample(new AbortController().signal)).toBeInstanceOf(Array);
    expect(brief(await sample(sampler))).toEqual([['nfs', false, 1, 0]]);
  });

  test.each([
    ['ESTALE', [['nfs', false, 0, 1]]],
    ['EIO', [['nfs', false, 0, 1]]],
    ['EACCES', []],
    ['ENOENT', []],
  ])('of which the answer is %s', async (error, expected) => {
    const { sampler } = withStandIn(line(31, 'nfs', 'nfs4'), `return number + ' ${error}\\n';`);
    expect(brief(await sample(sampler))).toEqual(expected);
  });

  test('of a mount that is gone is left out', async () => {
    mkdirSync(at('gone'));
    const { sampler } = withStandIn(line(30, 'local', 'ext4') + line(31, 'gone', 'ext4'), SIZES);
    expect(brief(await sample(sampler))).toHaveLength(2);
    rmSync(at('gone'), { recursive: true });
    expect(brief(await sample(sampler))).toEqual([['local', true, 0, 0]]);
  });
});

describe('unavailable', () => {
  test.each([
    [
      'without Linux',
      { 'proc/1/mountinfo': '' },
      { platform: 'darwin' as const },
      /mounts are read from Linux' \/proc; this is darwin/,
    ],
    ['without a table', { 'proc/uptime': '1 1\n' }, {}, /neither .*\/proc\/1\/mountinfo nor .*\/proc\/self\/mountinfo is there/],
  ])('%s', async (_, files, options, message) => {
    const failure = await open(filesystem, hostOf(files, options).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(message);
  });
});
