import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Host } from '../../src/host.ts';
import { MountTable } from '../../src/statfs/mount-table.ts';
import { parseMounts, visibleMounts } from '../../src/statfs/mounts.ts';
import { Text } from '../../src/text.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

/** `id parent point`, and perhaps the filesystem's number and type. */
const mountinfo = (...mounts: string[]): string =>
  mounts
    .map((mount) => {
      const [id, parent, point, device = id, type = 'ext4'] = mount.split(' ');
      return `${id} ${parent} 8:${device} / ${point} rw - ${type} /dev/${id} rw\n`;
    })
    .join('');

describe('a line', () => {
  const [mount] = parseMounts(
    Text.of('36 35 98:0 /mnt1\\040x /mnt2\\134y ro,noatime master:1 shared:7 - ext\\0404 /dev/a\\011b rw,errors=continue\n'),
  );

  test('has its escapes undone and its tags passed over', () => {
    expect(mount).toMatchObject({ id: '36', parent: '35', device: '98:0', root: '/mnt1 x', point: '/mnt2\\y' });
    expect(mount).toMatchObject({ type: 'ext 4', source: '/dev/a\tb', readOnly: { here: true, whole: false } });
  });

  test.each([
    ['1 1 0:5 /  /root rw shared:8 - rootfs rootfs rw', { point: '/root', type: 'rootfs', source: 'rootfs' }],
    ['1 2 0:5 / /x rw  - tmpfs tmpfs rw,mode=700', { point: '/x', type: 'tmpfs', source: 'tmpfs' }],
    ['1 2 0:5 / /x rw - tmpfs  ro', { type: 'tmpfs', source: '', readOnly: { here: false, whole: true } }],
    ['1 2 0:5 / /with/a-hyphen rw a:- b - - cifs //s/P rw', { point: '/with/a-hyphen', type: '-', source: 'cifs' }],
    ['1 2 0:5 / - rw - x y rw', { point: '-', type: 'x', source: 'y' }],
    ['1 2 0:5 / /x rw,romeo - x y rw,zero', { readOnly: { here: false, whole: false } }],
  ])('%j', (line, expected) => {
    expect(parseMounts(Text.of(line))[0]).toMatchObject(expected);
  });
});

describe('of mounts', () => {
  test.each([
    ['at one point the later is seen', ['1 0 /', '2 1 /a', '3 1 /a'], ['1', '3']],
    ['at one point the upper is seen', ['1 0 /', '3 1 /a', '2 3 /a'], ['1', '2']],
    ['below another each is seen', ['1 0 /', '2 1 /a', '3 2 /a/b', '4 3 /a/b/c'], ['1', '2', '3', '4']],
    ['listed before what they are on each is seen', ['2 9 /a', '3 2 /a/b', '9 0 /'], ['9', '2', '3']],
    ['those under a later one are not seen', ['1 0 /', '2 1 /a/b', '3 1 /a'], ['1', '3']],
    ['those in what is under another are not seen', ['1 0 /', '2 1 /a', '3 2 /a/b', '4 2 /a'], ['1', '4']],
    ['at / the upper is seen', ['1 1 /', '2 1 /', '3 2 /a'], ['2', '3']],
    ['that are on what was under / none is seen', ['1 1 /', '2 1 /', '3 1 /a'], ['2']],
    ['whose parents are not listed each is seen', ['5 4 /a', '6 4 /a/b', '7 3 /c'], ['5', '7', '6']],
    ['a neighbour with a longer name is not below', ['1 0 /', '2 1 /a', '3 1 /ab'], ['1', '2', '3']],
  ])('%s', (_, mounts, expected) => {
    expect([...visibleMounts(parseMounts(Text.of(mountinfo(...mounts)))).values()].map(({ id }) => id)).toEqual(expected);
  });
});

describe('the table', () => {
  const tableOf = (files: Record<string, string>, root = '/'): MountTable => {
    const folder = temporaryFolder();
    writeFiles(folder, { ...files });
    return new MountTable(new Host({ proc: join(folder, 'proc'), root, platform: 'linux' }));
  };
  const seen = (table: MountTable): string[] => table.read().map(({ id, point }) => `${id} ${point}`);

  test('is that of process 1, as far as we see the same', () => {
    const first = mountinfo('1 0 /', '2 1 /home', '3 1 /tmp', '4 1 /boot');
    const own = mountinfo('11 0 / 1', '12 1 /home 99', '14 1 /boot 4', '15 1 /srv');
    expect(seen(tableOf({ 'proc/1/mountinfo': first, 'proc/self/mountinfo': own }))).toEqual(['1 /', '4 /boot']);
    expect(seen(tableOf({ 'proc/1/mountinfo': first }))).toEqual(['1 /', '2 /home', '3 /tmp', '4 /boot']);
  });

  test.each([
    ['process 1 has another root', { 'proc/1/mountinfo': mountinfo('1 0 /', '2 1 /home') }],
    ['process 1 cannot be seen', {}],
    ['process 1 has none', { 'proc/1/mountinfo': '' }],
  ])('is our own where %s', (_, files) => {
    const own = mountinfo('11 0 /', '12 11 /data');
    expect(seen(tableOf({ ...files, 'proc/self/mountinfo': own }))).toEqual(['11 /', '12 /data']);
  });

  test('of the host below a prefix is asked below it', () => {
    const table = tableOf(
      { 'proc/1/mountinfo': mountinfo('1 0 /', '2 1 /home'), 'proc/self/mountinfo': mountinfo('11 0 /', '12 11 /host') },
      '/host/',
    );
    expect(table.read().map(({ point, path }) => [point, path.replace(/(.)\/$/, '$1')])).toEqual([
      ['/', '/host'],
      ['/home', '/host/home'],
    ]);
  });

  test('of a container that has the host below a prefix is cut to it', () => {
    const own = mountinfo('11 0 /', '12 11 /host', '13 12 /host/home', '14 11 /hostage');
    const table = tableOf({ 'proc/self/mountinfo': own }, '/host');
    expect(seen(table)).toEqual(['12 /', '13 /home']);
    expect(table.read()[1]?.path).toBe('/host/home');
  });

  test('is parsed anew only when it changed', async () => {
    const folder = temporaryFolder();
    // In one turn the file is read once.
    const write = async (...mounts: string[]): Promise<void> =>
      await Promise.resolve(writeFiles(folder, { 'proc/1/mountinfo': mountinfo(...mounts) }));
    await write('1 0 /');
    const table = new MountTable(new Host({ proc: join(folder, 'proc'), platform: 'linux' }));
    const before = table.read();
    expect(table.read()).toBe(before);
    await write('2 0 /');
    expect(seen(table)).toEqual(['2 /']);
    // A longer table whose beginning is the same, and back.
    await write('2 0 /', '3 2 /a');
    expect(seen(table)).toEqual(['2 /', '3 /a']);
    await write('2 0 /');
    expect(seen(table)).toEqual(['2 /']);
    table.close();
  });

  test.each([
    ['ext4', true],
    ['zfs', true],
    ['overlay', true],
    ['nfs4', false],
    ['cifs', false],
    ['fuse', false],
    ['fuse.sshfs', false],
    ['9p', false],
    ['virtiofs', false],
    ['autofs', false],
    ['tomorrowfs', false],
  ])('%s, and what is below it, may be asked here: %s', (type, local) => {
    const table = tableOf({ 'proc/1/mountinfo': mountinfo('1 0 /', `2 1 /a 2 ${type}`, '3 2 /a/b/c', '4 1 /ab') });
    expect(table.read().map((place) => place.local)).toEqual([true, local, local, true]);
  });

  test('what is mounted over what may hang is not asked here', () => {
    const table = tableOf({ 'proc/1/mountinfo': mountinfo('1 0 /', '2 1 /a 2 autofs', '3 2 /a') });
    expect(table.read().map(({ id, local }) => [id, local])).toEqual([
      ['1', true],
      ['3', false],
    ]);
  });
});
