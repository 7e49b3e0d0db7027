import { describe, expect, test } from 'vitest';
import mounts from '../../sensors/mounts.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, sensorContext, writeFiles } from '../support.ts';

const FILE = 'proc/1/mountinfo';
const ROOT = '21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n';
const DATA = '30 21 8:2 / /data rw - xfs /dev/sdb1 rw,noquota\n';
const cells = {
  'system.device': '/dev/sdb1',
  'system.filesystem.mountpoint': '/data',
  'system.filesystem.type': 'xfs',
  'system.filesystem.mode': 'rw',
  'mount.root': '/',
};

describe('mounts', () => {
  test('a mount, a remount and an unmount are events; what is there at the start is none', async () => {
    const { host, folder } = hostOf({ [FILE]: ROOT });
    const sampler = await open(mounts, host);
    const events = async () => (await sample(sampler)).slice(1);
    expect(await events()).toEqual([]);
    expect(await events()).toEqual([]);
    writeFiles(folder, { [FILE]: ROOT + DATA });
    expect(await events()).toEqual([
      { type: 'system.mount.mounted', rows: [{ ...cells, 'mount.options': 'rw,noquota', info: 1 }] },
    ]);
    // The kernel makes it read-only because of errors.
    writeFiles(folder, { [FILE]: ROOT + DATA.replace('rw,noquota', 'ro,noquota') });
    const readOnly = { ...cells, 'system.filesystem.mode': 'ro', 'mount.options': 'rw,ro,noquota' };
    expect(await events()).toEqual([
      { type: 'system.mount.remounted', rows: [{ ...readOnly, 'mount.options.before': 'rw,noquota', info: 1 }] },
    ]);
    writeFiles(folder, { [FILE]: ROOT });
    expect(await events()).toEqual([{ type: 'system.mount.unmounted', rows: [{ ...readOnly, info: 1 }] }]);
    await sampler.close?.();
  });

  test('one over its like is unmounted, and its number goes to another', async () => {
    const { host, folder } = hostOf({ [FILE]: ROOT + DATA + DATA.replace('30 21', '31 30') });
    const sampler = await open(mounts, host);
    expect(rowsOf(await sample(sampler), 'system.mount').at(-1)).toEqual({ ...cells, info: 2 });
    writeFiles(folder, { [FILE]: ROOT + DATA + DATA.replace('30 21', '31 21').replace('/data', '/other') });
    expect((await sample(sampler)).map(({ type }) => type)).toEqual([
      'system.mount',
      'system.mount.unmounted',
      'system.mount.mounted',
    ]);
    await sampler.close?.();
  });

  test('patterns leave out points and types; a network of a container is left out by itself', async () => {
    const points = async (options: object) =>
      rowsOf(await sampleOnce(mounts, fixtureHost('mounts/traps'), options), 'system.mount').map(
        (row) => row['system.filesystem.mountpoint'],
      );
    expect(await points({ exclude: '/var/lib/docker/*' })).toEqual([
      '/',
      '/sys',
      '/mnt/bind',
      '/mnt/with blank\ttab',
      '/mnt/nfs',
      '/mnt/empty',
    ]);
    expect(await points({ include: '/run/*', exclude_types: [] })).toEqual(['/run/netns/a']);
  });

  test('a storm is cut, and said', async () => {
    const said: string[] = [];
    const { host, folder } = hostOf({ [FILE]: ROOT });
    const sampler = await open(mounts, host, {}, sensorContext({ warn: (message) => said.push(message) }));
    await sample(sampler);
    const many = Array.from({ length: 250 }, (_, index) => `${100 + index} 21 0:${index} / /m/${index} rw - tmpfs t rw\n`);
    writeFiles(folder, { [FILE]: ROOT + many.join('') });
    expect(await sample(sampler)).toHaveLength(201);
    expect(said).toEqual(['250 mounts changed at once; 200 of them are reported as events']);
    await sampler.close?.();
  });

  test('with hidepid there is our own table, and without any it says so', async () => {
    expect(await sampleOnce(mounts, hostOf({ 'proc/self/mountinfo': ROOT }).host)).toHaveLength(1);
    await expect(open(mounts, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(
      /neither .*1\/mountinfo nor .*self\/mountinfo can be/,
    );
    await expect(sampleOnce(mounts, hostOf({ [FILE]: 'hello\n' }).host)).rejects.toThrow(/mountinfo:1: no filesystem type/);
  });
});
