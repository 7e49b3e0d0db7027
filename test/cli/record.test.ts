import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import cgroup from '../../sensors/cgroup.ts';
import system from '../../sensors/system.ts';
import { record } from '../../src/cli/record.ts';
import { Host } from '../../src/host.ts';
import { fixtureHost, sampleOnce, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { everything, filesBelow, recordOf } from './record-support.ts';

describe('a recording', () => {
  it.each([
    ['cgroup/v1-docker', {}],
    ['cgroup/v1-hybrid', {}],
    ['cgroup/v2-container', {}],
    ['cgroup/v2-systemd', { paths: ['system.slice/*.service', 'user.slice/**'] }],
    ['system/laptop', {}],
    ['system/debian-vm', {}],
  ])('replays as the machine was: %s', async (fixture, options) => {
    const folder = join(temporaryFolder(), 'recording');
    const sensor = fixture.startsWith('cgroup') ? cgroup : system;
    const sample = async (host: Host) => await sampleOnce(sensor as typeof cgroup, host, options);
    const original = await sample(fixtureHost(fixture));
    const { files, bytes, skipped } = await record(folder, ({ onRead }) => fixtureHost(fixture, { onRead }), sample);
    expect(await sample(Host.recorded(folder))).toEqual(original);
    expect(skipped).toEqual([]);
    expect(files).toBeGreaterThan(2);
    expect(bytes).toBeGreaterThan(20);
  });

  it('holds what was asked for and nothing else', async () => {
    const files = { 'proc/a': 'A', 'proc/b': 'B', 'root/etc/c': 'C', 'root/etc/d': 'D', 'sys/e': 'E' };
    const { folder, machine, ...counted } = await recordOf(files, (host) => {
      host.proc('a').read();
      host.reader().maybe(host.sysPath('e'));
      expect(host.read(host.mountPath('/etc/c'))).toBe('C');
      host.read(host.mountPath('/etc/gone'));
    });
    expect(
      filesBelow(folder)
        .map((file) => file.slice(folder.length))
        .sort(),
    ).toEqual(['/host.json', '/proc/a', '/root/etc/c', '/sys/e']);
    expect(counted).toMatchObject({ files: 3, bytes: 3, skipped: [] });
    expect(readFileSync(join(machine, 'proc/b'), 'utf8')).toBe('B');
  });

  it('has the content that a file has now', async () => {
    const { replay } = await recordOf({ 'proc/a': 'then' }, (host, machine) => {
      host.read(host.procPath('a'));
      writeFileSync(join(machine, 'proc/a'), 'now');
    });
    expect(replay.read(replay.procPath('a'))).toBe('now');
  });

  it('lists the names that the machine lists, of the same kinds', async () => {
    const files = {
      'proc/dir/folder/deep/x': '',
      'proc/dir/file': 'not read',
      'proc/dir/read': 'read',
      'proc/dir/link': '-> folder/deep',
      'proc/dir/dangling': '-> nowhere',
    };
    const kinds = (host: Host) =>
      host
        .entries(host.procPath('dir'))
        ?.map((entry) => `${entry.name} ${entry.isDirectory()} ${entry.isSymbolicLink()}`)
        .sort();
    let original: unknown;
    const { replay, folder } = await recordOf(files, (host) => {
      original = kinds(host);
      host.read(host.procPath('dir/read'));
      host.exists(host.procPath('dir/folder'));
    });
    expect(kinds(replay)).toEqual(original);
    expect(replay.list(replay.procPath('dir'))?.sort()).toEqual(['dangling', 'file', 'folder', 'link', 'read']);
    expect(replay.list(replay.procPath('dir/folder'))).toEqual([]);
    expect(readFileSync(join(folder, 'proc/dir/file'), 'utf8')).toBe('');
    expect(replay.read(replay.procPath('dir/read'))).toBe('read');
  });

  it('has what was only looked for', async () => {
    const { replay } = await recordOf({ 'sys/file': 'x', 'sys/folder/y': '' }, (host) => {
      for (const name of ['file', 'folder', 'gone']) host.exists(host.sysPath(name));
    });
    expect(['file', 'folder', 'gone'].map((name) => replay.exists(replay.sysPath(name)))).toEqual([true, true, false]);
    expect(replay.list(replay.sysPath('folder'))).toEqual([]);
  });

  it('passes over what is gone by the time that it is copied', async () => {
    const { replay, skipped } = await recordOf({ 'proc/12/stat': 'x', 'proc/13/stat': 'y' }, (host, machine) => {
      host.list(host.procPath('12'));
      host.read(host.procPath('12/stat'));
      host.read(host.procPath('13/stat'));
      rmSync(join(machine, 'proc/12'), { recursive: true });
    });
    expect(skipped).toEqual([]);
    expect(replay.list(replay.procPath('12'))).toBeUndefined();
    expect(replay.read(replay.procPath('13/stat'))).toBe('y');
  });
});

describe('links', () => {
  it('that lead to a folder are recorded, and so are the files that were reached through them', async () => {
    const files = {
      'sys/class/net/eth0': '-> ../../devices/pci0/virtio1/net/eth0',
      'sys/devices/pci0/virtio1/net/eth0/speed': '1000\n',
      'sys/devices/pci0/virtio1/net/eth0/device': '-> ../../../virtio1',
      'sys/devices/pci0/virtio1/driver': '-> ../../../bus/virtio/drivers/virtio_net',
      'proc/self': '-> 77',
      'proc/77/cgroup': '0::/\n',
    };
    const answers = (host: Host): unknown[] => [
      host.list(host.sysPath('class/net')),
      host.link(host.sysPath('class/net/eth0')),
      host.read(host.sysPath('class/net/eth0/speed')),
      host.link(host.sysPath('class/net/eth0/device/driver')),
      host.read(host.procPath('self/cgroup')),
      host.read(host.procPath('77/cgroup')),
      host.exists(host.procPath('self/gone')),
    ];
    let original: unknown;
    const {
      replay,
      folder,
      files: count,
    } = await recordOf(files, (host) => {
      original = answers(host);
    });
    expect(answers(replay)).toEqual(original);
    expect(count).toBe(2);
    expect(original).toContain('../../../bus/virtio/drivers/virtio_net');
    expect(readlinkSync(join(folder, 'proc/self'))).toBe('77');
    expect(existsSync(join(folder, 'proc/77/cgroup'))).toBe(true);
  });

  it('that are absolute stay within the recording when something was read through them', async () => {
    const { replay, folder } = await recordOf({ 'root/x': '' }, (host, machine) => {
      writeFiles(machine, { 'root/run/utmp': Buffer.alloc(0), 'root/run/note': 'n', 'root/var/run': `-> ${machine}/root/run` });
      host.link(host.mountPath('/var/run'));
      expect(host.read(host.mountPath('/var/run/note'))).toBe('n');
    });
    expect(readlinkSync(join(folder, 'root/var/run'))).toBe('../run');
    expect(replay.read(replay.mountPath('/var/run/note'))).toBe('n');
  });

  it('from one part of the recording to another still lead there', async () => {
    const machine = temporaryFolder();
    writeFiles(machine, { 'proc/77/mounts': 'M', 'proc/self': '-> 77', 'etc/mtab': '-> ../proc/self/mounts' });
    const folder = join(temporaryFolder(), 'recording');
    // As on a real machine, /proc is below the root.
    const places = { proc: join(machine, 'proc'), sys: join(machine, 'sys'), root: machine, platform: 'linux' } as const;
    const sample = async (host: Host): Promise<void> => expect(host.read(host.mountPath('/etc/mtab'))).toBe('M');
    await record(folder, ({ onRead }) => new Host({ ...places, onRead, recording: { name: 'x', statfs: {} } }), sample);
    const replay = Host.recorded(folder);
    expect(readlinkSync(join(folder, 'root/etc/mtab'))).toBe('../../proc/self/mounts');
    expect(replay.read(replay.mountPath('/etc/mtab'))).toBe('M');
  });

  it('that were only read say what they said, and what they lead to is not copied', async () => {
    const files = { 'proc/77/exe': '-> /usr/bin/env', 'sys/driver': '-> /usr/bin/env', 'sys/near': '-> real', 'sys/real': 'R' };
    const links = (host: Host) =>
      [host.procPath('77/exe'), host.sysPath('driver'), host.sysPath('near')].map((path) => host.link(path));
    const { replay, folder } = await recordOf(files, (host) => {
      links(host);
      host.link(host.sysPath('real'));
    });
    expect(links(replay)).toEqual(['/usr/bin/env', '/usr/bin/env', 'real']);
    expect(filesBelow(folder)).toHaveLength(1);
  });

  it("of a process into another's view of the machine are folders when something was read there", async () => {
    const { replay } = await recordOf({ 'proc/77/stat': '' }, (host, machine) => {
      writeFiles(machine, { 'container/etc/os-release': 'ID=inside', 'proc/77/root': `-> ${machine}/container` });
      host.link(host.procPath('77/root'));
      expect(host.read(host.procPath('77/root/etc/os-release'))).toBe('ID=inside');
    });
    expect(replay.read(replay.procPath('77/root/etc/os-release'))).toBe('ID=inside');
  });

  it('of what a process has open are names alone, unless they were read', async () => {
    const files = {
      'proc/77/fd/0': '-> /home/someone/diary',
      'proc/77/fd/1': '-> socket:[5]',
      'proc/77/cwd': '-> /home/someone',
    };
    const { replay, folder } = await recordOf(files, (host) => {
      host.list(host.procPath('77/fd'));
      host.list(host.procPath('77'));
      host.link(host.procPath('77/fd/1'));
    });
    expect(replay.list(replay.procPath('77/fd'))?.sort()).toEqual(['0', '1']);
    expect(replay.link(replay.procPath('77/fd/1'))).toBe('socket:[5]');
    expect(replay.link(replay.procPath('77/fd/0'))).toBeUndefined();
    expect(replay.list(replay.procPath('77'))?.sort()).toEqual(['cwd', 'fd']);
    expect(replay.link(replay.procPath('77/cwd'))).toBeUndefined();
    expect(everything(folder)).not.toContain('someone');
  });

  it('that lead out of what is recorded, in a circle or nowhere are not followed', async () => {
    const outside = temporaryFolder();
    writeFiles(outside, { secret: 'S' });
    const files = { 'sys/out': `-> ${outside}/secret`, 'sys/a': '-> b', 'sys/b': '-> a', 'sys/dangling': '-> nowhere' };
    const { folder, replay, skipped } = await recordOf(files, (host) => {
      for (const name of ['out', 'a', 'dangling']) host.read(host.sysPath(name));
      host.read(join(outside, 'secret'));
    });
    expect(everything(folder)).not.toContain('S');
    expect(['out', 'a', 'dangling'].map((name) => replay.read(replay.sysPath(name)))).toEqual([undefined, undefined, undefined]);
    expect(skipped).toEqual([
      { path: join(outside, 'secret'), why: 'a link leads to it, out of what is recorded' },
      { path: join(outside, 'secret'), why: 'it is neither below /proc, /sys nor the root of the host' },
    ]);
  });
});
