import { expect, it } from 'vitest';
import { osRelease } from '../../src/system/about.ts';

it.each([
  ['NAME=Fedora', 'Fedora'],
  ['NAME="Debian GNU/Linux"', 'Debian GNU/Linux'],
  ['NAME=\'a "b"\'', 'a "b"'],
  ['NAME="a \\"b\\" \\$c \\\\ \\`d"', 'a "b" $c \\ `d'],
  ['NAME=', ''],
  ['NAME=""', ''],
  ['  NAME=x  ', 'x'],
  ['# NAME=x\nNAME=y', 'y'],
  ['NAME=x\nNAME=y', 'y'],
  ['nonsense\nNAME=a=b', 'a=b'],
  ['OTHER_NAME=x', undefined],
  ['', undefined],
])('%j', (text, expected) => {
  expect(osRelease(text).get('NAME')).toBe(expected);
});
