import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import cgroup from '../../sensors/cgroup.ts';
import { Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import { hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { cgroups, mount, one, pids, TOP, V2 } from './support.ts';

describe('our own cgroup', () => {
  it('is found below a mount that shows the tree from further up', async () => {
    const { host } = hostOf({
      ...V2,
      'proc/self/cgroup': '0::/../sibling\n',
      'proc/self/mountinfo': mount('/sys/fs/cgroup', '/..'),
      ...cgroups({ '': 1, sibling: 2 }),
    });
    expect(pids(await sampleOnce(cgroup, host))).toEqual({ '/../sibling': 2 });
  });

  it('is found by names with backslashes and colons', async () => {
    const { host } = hostOf({
      ...V2,
      'proc/self/cgroup': '0::/dev-a\\x2db.slice/x:y\n',
      'proc/self/mountinfo': mount('/sys/fs/cgroup', '/dev-a\\134x2db.slice'),
      ...cgroups({ 'x:y': 3 }),
    });
    expect(pids(await sampleOnce(cgroup, host))).toEqual({ '/dev-a\\x2db.slice/x:y': 3 });
  });

  it('is the one of the container where the host is seen below a prefix, and paths name those of the host', async () => {
    const folder = temporaryFolder();
    const [own, hosts] = [join(folder, 'sys/fs/cgroup'), join(folder, 'host/sys/fs/cgroup')];
    writeFiles(folder, {
      'host/proc/self/cgroup': '0::/\n',
      'host/proc/self/mountinfo': mount(own, '/') + mount(hosts, '/../..'),
      'host/proc/uptime': '1.00 1.00\n',
      'sys/fs/cgroup/pids.current': '5\n',
      'host/sys/fs/cgroup/cgroup.procs': '1\n',
      'host/sys/fs/cgroup/system.slice/cron.service/pids.current': '6\n',
    });
    const host = new Host({
      proc: join(folder, 'host/proc'),
      sys: join(folder, 'host/sys'),
      root: join(folder, 'host'),
      platform: 'linux',
    });
    expect(pids(await sampleOnce(cgroup, host, { paths: ['system.slice/*'] }))).toEqual({
      '/': 5,
      '/system.slice/cron.service': 6,
    });
  });

  it('is not guessed where its names are not known', async () => {
    const files = { ...V2, 'proc/self/mountinfo': mount('/sys/fs/cgroup', '/../..'), ...cgroups({ '': 1, a: 2 }) };
    const { host } = hostOf(files);
    await expect(open(cgroup, host)).rejects.toThrow(/our own control group cannot be seen from here, because no mount shows it/);
    expect(pids(await sampleOnce(cgroup, host, { paths: ['a'] }))).toEqual({ '/a': 2 });
  });

  it('is not looked for above a mount', async () => {
    const { host } = hostOf({ ...V2, 'proc/self/cgroup': '0::/..\n', ...cgroups({ '': 1 }) });
    await expect(open(cgroup, host)).rejects.toThrow(Unavailable);
  });

  it('is found in another mount where one is not there, and paths in the mount that shows most', async () => {
    const { host } = hostOf({
      ...V2,
      'proc/self/cgroup': '0::/a/b\n',
      'proc/self/mountinfo': mount('/sys/fs/cgroup/b', '/a/b') + mount('/sys/fs/cgroup', '/a') + mount('/gone', '/'),
      ...cgroups({ b: 1, c: 2 }),
    });
    expect(pids(await sampleOnce(cgroup, host, { paths: ['*'] }))).toEqual({ '/a/b': 1, '/b': 1, '/c': 2 });
  });

  it('is looked for where the last mount at a point is', async () => {
    const { host } = hostOf({
      ...V2,
      'proc/self/mountinfo': `${mount('/sys/fs/cgroup', '/elsewhere')}${mount('/sys/fs/cgroup')}`,
      ...cgroups({ '': 1 }),
    });
    expect(pids(await sampleOnce(cgroup, host))).toEqual({ '/': 1 });
  });

  it('is read from the mount point of the container, wherever that is', async () => {
    const { host } = hostOf({ ...V2, 'proc/self/mountinfo': mount('/cgroup'), 'root/cgroup/pids.current': '8\n' });
    expect(pids(await sampleOnce(cgroup, host))).toEqual({ '/': 8 });
  });

  it('is another one for each version 1 controller', async () => {
    const { host } = hostOf({
      'proc/self/cgroup': '3:pids:/a\n2:cpu,cpuacct:/b\n1:name=systemd:/c\n',
      'proc/self/mountinfo':
        mount('/sys/fs/cgroup/pids', '/', 'cgroup', 'rw,pids') +
        mount('/sys/fs/cgroup/cpu,cpuacct', '/', 'cgroup', 'rw,cpu,cpuacct') +
        mount('/sys/fs/cgroup/systemd', '/', 'cgroup', 'rw,name=systemd'),
      'sys/fs/cgroup/pids/a/pids.current': '4\n',
      'sys/fs/cgroup/pids/b/pids.current': '9\n',
      'sys/fs/cgroup/cpu,cpuacct/b/cpuacct.stat': 'user 100\nsystem 200\n',
      'sys/fs/cgroup/systemd/c/cgroup.procs': '1\n',
    });
    const tables = await sampleOnce(cgroup, host);
    expect(pids(tables)).toEqual({ '/a': 4 });
    expect(rowsOf(tables, 'cgroup.cpu')).toEqual([
      { 'cgroup.path': '/b', 'cpu.mode': 'user', time: 1 },
      { 'cgroup.path': '/b', 'cpu.mode': 'system', time: 2 },
    ]);
    expect(one(tables, 'cgroup')).toEqual({ count: 2, omitted: 0 });
  });
});

describe('paths', () => {
  const tree = cgroups({
    '': 0,
    'system.slice': 1,
    'system.slice/a.service': 2,
    'system.slice/b.service': 3,
    'system.slice/c.mount': 4,
    'kubepods.slice/burstable/pod-1': 5,
    'kubepods.slice/burstable/pod-1/x': 6,
    '.hidden': 7,
    'dev-a\\x2db.slice': 8,
  });

  it.each([
    [['system.slice/*.service'], ['/system.slice/a.service', '/system.slice/b.service']],
    [['/system.slice/a.service/'], ['/system.slice/a.service']],
    [['system.slice/{a,c}.*'], ['/system.slice/a.service', '/system.slice/c.mount']],
    [
      ['system.slice/?.service', 'system.slice/a*'],
      ['/system.slice/a.service', '/system.slice/b.service'],
    ],
    [['kubepods.slice/burstable/**'], ['/kubepods.slice/burstable/pod-1', '/kubepods.slice/burstable/pod-1/x']],
    [['**/pod-*'], ['/kubepods.slice/burstable/pod-1']],
    [['**/burstable/**/x'], ['/kubepods.slice/burstable/pod-1/x']],
    [['dev-a\\x2db.slice'], ['/dev-a\\x2db.slice']],
    [['dev-a\\x2d*'], ['/dev-a\\x2db.slice']],
    [['*hidden'], ['/.hidden']],
    [['!system.slice', '!*.slice', 'gone', 'system.slice/gone/*'], []],
  ])('%j', async (paths, expected) => {
    const { host } = hostOf({ ...V2, ...tree });
    const found = Object.keys(pids(await sampleOnce(cgroup, host, { paths })));
    expect(found).toEqual(['/', ...expected]);
  });

  it('that name nothing count for nothing', async () => {
    const { host } = hostOf({ ...V2, ...tree });
    expect(one(await sampleOnce(cgroup, host, { paths: ['gone', 'system.slice/gone'] }), 'cgroup')).toEqual({
      count: 1,
      omitted: 0,
    });
  });

  it.each([
    ['system.slice/../secret', /has a \. or \.\. in it/],
    ['//', /names no cgroup/],
    ['{a/b,c}', /has braces that are not closed before the next \//],
  ])('refuses %s', (pattern, message) => {
    expect(cgroup.options.safeParse({ paths: [pattern] }).error?.message).toMatch(message);
  });

  it('beyond the limit are counted, the first by name are sampled', async () => {
    const { host } = hostOf({ ...V2, ...tree });
    const tables = await sampleOnce(cgroup, host, { paths: ['system.slice/*', 'system.slice', 'dev*'], limit: 3 });
    expect(Object.keys(pids(tables))).toEqual(['/', '/dev-a\\x2db.slice', '/system.slice']);
    expect(one(tables, 'cgroup')).toEqual({ count: 3, omitted: 3 });
  });

  it('are looked for again when so much time has passed, limits too', async () => {
    const { host, folder } = hostOf({ ...V2, ...cgroups({ a: 1 }), [`${TOP}/a/pids.max`]: '10\n' });
    const sampler = await open(cgroup, host, { paths: ['*'], rescan: '10s' });
    const first = rowsOf(await sample(sampler), 'cgroup.pids');
    expect(first).toEqual([{ 'cgroup.path': '/a', current: 1, limit: 10 }]);
    writeFiles(folder, { ...cgroups({ a: 2, b: 3 }), [`${TOP}/a/pids.max`]: 'max\n', 'proc/uptime': '109.99 1.00\n' });
    expect(rowsOf(await sample(sampler), 'cgroup.pids')).toEqual([{ 'cgroup.path': '/a', current: 2, limit: 10 }]);
    writeFiles(folder, { 'proc/uptime': '110.00 1.00\n' });
    expect(rowsOf(await sample(sampler), 'cgroup.pids')).toEqual([
      { 'cgroup.path': '/a', current: 2 },
      { 'cgroup.path': '/b', current: 3 },
    ]);
    await sampler.close?.();
  });

  it('follow our own cgroup when we are moved', async () => {
    const { host, folder } = hostOf({ ...V2, ...cgroups({ a: 1, b: 2 }), 'proc/self/cgroup': '0::/a\n' });
    const sampler = await open(cgroup, host, { rescan: '1s' });
    expect(pids(await sample(sampler))).toEqual({ '/a': 1 });
    writeFiles(folder, { 'proc/self/cgroup': '0::/b\n', 'proc/uptime': '101.00 1.00\n' });
    expect(pids(await sample(sampler))).toEqual({ '/b': 2 });
    await sampler.close?.();
  });
});
