import { expect, test } from 'vitest';
import { choosePlaces } from '../../src/statfs/choose.ts';
import { place } from './stand-in.ts';

const none = (): boolean => false;

test.each([
  ['where its own root is mounted', ['/@home /b', '/ /srv/a'], '/srv/a'],
  ['where least of it is left out', ['/@/var /b', '/@ /srv/a'], '/srv/a'],
  ['at the shortest mount point', ['/ /srv/a', '/ /b', '/ /c'], '/b'],
  ['at /, whatever of it is there', ['/ /top', '/@ /', '/ /a'], '/'],
])('a filesystem that is mounted more than once is reported %s', (_, mounts, expected) => {
  const places = mounts.map((mount) => {
    const [root = '', point = ''] = mount.split(' ');
    return { ...place(point), root, device: '0:40' };
  });
  const choice = { exclude: none, exclude_types: none, exclude_devices: none };
  expect(choosePlaces(places, choice).map(({ point }) => point)).toEqual([expected]);
});
