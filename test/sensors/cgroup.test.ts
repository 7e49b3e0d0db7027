import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import cgroup from '../../sensors/cgroup.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import type { Sampler } from '../../src/sensor.ts';
import { cgroups, mount, one, pids, TOP, V2 } from '../cgroup/support.ts';
import { expectGolden, fixtureHost, hostOf, open, type PlainTable, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

describe('golden', () => {
  it.each([
    ['v1-hybrid', {}],
    ['v1-docker', {}],
    ['v2-container', {}],
    ['v2-systemd', { paths: ['system.slice', 'system.slice/*.service', 'user.slice/**/*.service'] }],
  ])('%s', async (name, options) => {
    expectGolden(`cgroup/${name}/expected.json`, await sampleOnce(cgroup, fixtureHost(`cgroup/${name}`), options));
  });
});

describe('a cgroup that goes', () => {
  it('away between two searches is skipped', async () => {
    const { host, folder } = hostOf({ ...V2, ...cgroups({ '': 1, a: 2, b: 3 }), [`${TOP}/a/pids.max`]: '10\n' });
    const sampler = await open(cgroup, host, { paths: ['*'] });
    expect(pids(await sample(sampler))).toEqual({ '/': 1, '/a': 2, '/b': 3 });
    rmSync(join(folder, TOP, 'a'), { recursive: true });
    expect(pids(await sample(sampler))).toEqual({ '/': 1, '/b': 3 });
    await sampler.close?.();
  });

  it('away while it is read gives what was read', async () => {
    const { host, folder } = hostOf({ ...V2, ...cgroups({ a: 1 }), [`${TOP}/a/pids.events`]: 'max 3\n' });
    const sampler = await open(cgroup, host, { paths: ['a'] });
    expect(one(await sample(sampler), 'cgroup.pids')).toEqual({ 'cgroup.path': '/a', current: 1, limit_events: 3 });
    // Reading a folder fails with a system error, as reading a removed cgroup does.
    rmSync(join(folder, TOP, 'a/pids.events'));
    mkdirSync(join(folder, TOP, 'a/pids.events'));
    expect(one(await sample(sampler), 'cgroup.pids')).toEqual({ 'cgroup.path': '/a', current: 1 });
    await sampler.close?.();
  });
});

describe('our own cgroup', () => {
  it('is read through files that stay open, those of a cgroup that we left are closed', async () => {
    const own = { ...V2, 'proc/self/cgroup': '0::/a\n', ...cgroups({ a: 1, b: 2 }), [`${TOP}/a/pids.events`]: 'max 3\n' };
    const opened: string[] = [];
    const onRead = (path: string, kind: string): void => void (kind === 'file' && opened.push(path.slice(path.indexOf(TOP))));
    const { host, folder } = hostOf(own, { onRead });
    const sampler = await open(cgroup, host, { rescan: '10s' });
    for (let i = 0; i < 3; i++) {
      writeFiles(folder, { [`${TOP}/a/pids.current`]: `${i}\n` });
      expect(one(await sample(sampler), 'cgroup.pids')).toEqual({ 'cgroup.path': '/a', current: i, limit_events: 3 });
    }
    expect(opened.filter((path) => path === `${TOP}/a/pids.current`)).toHaveLength(1);
    // A search finds files that came, and that we are elsewhere now.
    writeFiles(folder, { [`${TOP}/a/memory.current`]: '7\n', 'proc/uptime': '110.00 1.00\n' });
    expect(one(await sample(sampler), 'cgroup.memory')).toEqual({ 'cgroup.path': '/a', usage: 7 });
    writeFiles(folder, { 'proc/self/cgroup': '0::/b\n', 'proc/uptime': '120.00 1.00\n' });
    expect(pids(await sample(sampler))).toEqual({ '/b': 2 });
    writeFiles(folder, { 'proc/self/cgroup': '0::/a\n', 'proc/uptime': '130.00 1.00\n' });
    expect(pids(await sample(sampler))).toEqual({ '/a': 2 });
    expect(opened.filter((path) => path === `${TOP}/a/pids.current`)).toHaveLength(2);
    await sampler.close?.();
  });
});

describe('files', () => {
  const read = async (files: Record<string, string>): Promise<PlainTable[]> => {
    const inTop = Object.entries({ ...files, 'cgroup.procs': '1\n' }).map(([name, content]) => [join(TOP, name), content]);
    return await sampleOnce(cgroup, hostOf({ ...V2, ...Object.fromEntries(inTop) }).host);
  };

  it('that are empty say nothing', async () => {
    const names = [
      'cpu.stat',
      'cpu.max',
      'memory.current',
      'memory.stat',
      'memory.events',
      'io.stat',
      'pids.current',
      'cpu.pressure',
    ];
    const blank = { 'memory.peak': '\n', 'memory.max': '\n' };
    expect(await read({ ...blank, ...Object.fromEntries(names.map((name) => [name, ''])) })).toEqual([
      { type: 'cgroup', rows: [{ count: 1, omitted: 0 }] },
    ]);
  });

  it.each([
    [{ 'cpu.max': 'max 100000\n', 'cpu.stat': 'nr_periods 1\n' }, 'cgroup.cpu', { periods: 1 }],
    [{ 'cpu.max': '25000 50000\n' }, 'cgroup.cpu', { limit: 0.5 }],
    [
      { 'memory.current': '1\n', 'memory.max': 'max\n', 'memory.high': 'max\n', 'memory.swap.max': 'max\n' },
      'cgroup.memory',
      { usage: 1 },
    ],
    [{ 'memory.current': '10\n', 'memory.stat': 'inactive_file 11\n' }, 'cgroup.memory', { usage: 10, working_set: 0 }],
    // The keys of one are the start of the other's.
    [{ 'memory.stat': 'anon_thp 1\nanon 2\nfile_mapped 3\nfile 4\n' }, 'cgroup.memory', { anon: 2, file: 4 }],
    [{ 'memory.events': 'low 0\nmax 1\noom_kill 2\noom 3\n' }, 'cgroup.memory.events', { low: 0, max: 1, oom: 3, oom_kill: 2 }],
    [{ 'pids.current': '3', 'pids.max': '18446744073709551615' }, 'cgroup.pids', { current: 3, limit: 2 ** 64 }],
    [
      { 'cpu.pressure': 'some avg10=100.00 avg60=50.50 avg300=0.01 total=18446744073709\n' },
      'cgroup.pressure',
      { 'pressure.resource': 'cpu', 'pressure.scope': 'some', avg10: 1, avg60: 0.505, avg300: 0.0001, time: 18446744.073709 },
    ],
    [{ 'io.stat': '8:0 rbytes=5\n' }, 'cgroup.disk', { 'system.device': '8:0', 'disk.io.direction': 'read', io: 5 }],
  ])('%j', async (files, type, expected) => {
    const row = one(await read(files), type);
    expect(row).toEqual({ 'cgroup.path': '/', ...expected });
  });

  it('of version 1 write no limit as -1 or as a large number of pages', async () => {
    const controllers = ['cpu', 'memory'];
    const { host } = hostOf({
      'proc/self/cgroup': '2:memory:/\n1:cpu:/\n',
      'proc/self/mountinfo': controllers.map((name) => mount(`/sys/fs/cgroup/${name}`, '/', 'cgroup', `rw,${name}`)).join(''),
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 0\nnr_throttled 0\nthrottled_time 0\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '5\n',
      // Pages of 64 KiB.
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854710272\n',
      'sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '9223372036854710272\n',
    });
    const tables = await sampleOnce(cgroup, host);
    expect(one(tables, 'cgroup.cpu')).toEqual({ 'cgroup.path': '/', periods: 0, throttled_periods: 0, throttled_time: 0 });
    expect(one(tables, 'cgroup.memory')).toEqual({ 'cgroup.path': '/', usage: 5 });
  });

  it('of version 1 before 4.16 count disk I/O without those below', async () => {
    const { host } = hostOf({
      'proc/self/cgroup': '1:blkio:/\n',
      'proc/self/mountinfo': mount('/sys/fs/cgroup/blkio', '/', 'cgroup', 'rw,blkio'),
      'proc/diskstats': '   8      16 sdb 1 0 0 0\n   8       0 sda 1 0 0 0\n',
      'sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes': '8:0 Read 7\n8:0 Total 7\nTotal 7\n',
    });
    expect(rowsOf(await sampleOnce(cgroup, host), 'cgroup.disk')).toEqual([
      { 'cgroup.path': '/', 'system.device': 'sda', 'disk.io.direction': 'read', io: 7 },
    ]);
  });

  it('name a device anew after each search, and every time where there is no uptime', async () => {
    const files = { ...V2, [`${TOP}/io.stat`]: '8:0 rbytes=1\n', 'proc/diskstats': '8 0 sda 1\n' };
    const { host, folder } = hostOf(files);
    const device = async (sampler: Sampler) => one(await sample(sampler), 'cgroup.disk')['system.device'];
    const sampler = await open(cgroup, host);
    expect(await device(sampler)).toBe('sda');
    writeFiles(folder, { 'proc/diskstats': '8 0 vda 1\n' });
    expect(await device(sampler)).toBe('sda');
    await sampler.close?.();
    rmSync(join(folder, 'proc/uptime'));
    expect(await device(sampler)).toBe('vda');
    writeFiles(folder, { 'proc/diskstats': '8 0 vdb 1\n' });
    expect(await device(sampler)).toBe('vdb');
  });

  it.each([
    [{ 'memory.current': 'lots\n' }, /memory\.current:1: "lots" is not a number/],
    [{ 'cpu.max': '100000\n' }, /cpu\.max:1: no column 2/],
    [{ 'io.stat': 'rbytes=1 8:0\n' }, /io\.stat:1: no device number before its statistics/],
    [{ 'io.stat': '8:0 rbytes=x\n' }, /io\.stat:1: "x" is not a number/],
    [{ 'cpu.stat': 'usage_usec 1\nuser_usec \n' }, /cpu\.stat/],
    [{ 'io.pressure': 'some avg10=1\n' }, /io\.pressure:1: no column 3/],
  ])('that are malformed fail the sample: %j', async (files, message) => {
    const failure = await read(files as Record<string, string>).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });
});

describe('unavailable', () => {
  it.each([
    ['without Linux', V2, { platform: 'darwin' as const }, /control groups are a part of Linux; this is darwin/],
    ['without a cgroup filesystem', { 'proc/self/mountinfo': mount('/sys', '/', 'sysfs') }, {}, /lists no cgroup filesystem/],
    ['without a mountinfo', { 'proc/uptime': '1 1\n' }, {}, /lists no cgroup filesystem/],
  ])('%s', async (_, files, options, message) => {
    const failure = await open(cgroup, hostOf(files, options).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(message);
  });
});
