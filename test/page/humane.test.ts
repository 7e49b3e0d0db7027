/** Numbers in words. The page's modules run in Node where they touch no document. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support.ts';

type Words = Record<'bytes' | 'duration' | 'perSecond' | 'percent' | 'brief' | 'digits', (value: number) => string> & {
  relative: (moment: number, now: number) => string;
  listed: (names: string[]) => string;
  quantity: (value: unknown, unit: string, name: string) => string;
};
const words = (await import(join(REPOSITORY, 'src/page/humane.mjs'))) as Words;

test.each([
  ['bytes', 0, '0 B'],
  ['bytes', 999, '999 B'],
  ['bytes', 3_200_000_000, '3.2 GB'],
  ['bytes', 999_999, '1 MB'],
  ['duration', 0.4, '0.4 ms'],
  ['duration', 12_000, '12 seconds'],
  ['duration', 1000, '1 second'],
  ['duration', 41 * 60_000 + 20_000, '41 minutes'],
  ['duration', 125 * 60_000, '2 hours 5 minutes'],
  ['duration', 26 * 3_600_000, '26 hours'],
  ['duration', 74 * 3_600_000, '3 days'],
  ['perSecond', 0, '0'],
  ['perSecond', 0.01, '< 0.1'],
  ['perSecond', 34.2, '34'],
  ['percent', 0.012, '1.2 %'],
  ['brief', 12_400, '12.4k'],
  ['brief', 950, '950'],
  ['digits', 100, '100'],
  ['digits', 0.5, '0.5'],
] as const)('%s of %d is %s', (how, value, said) => {
  expect(words[how](value)).toBe(said);
});

test('moments are relative', () => {
  expect(words.relative(0, 400)).toBe('just now');
  expect(words.relative(0, 41 * 60_000)).toBe('41 minutes ago');
  expect(words.relative(12_000, 0)).toBe('in 12 seconds');
});

test('what is Unix time is said as a moment', () => {
  for (const name of ['timestamp', 'start_time', 'last_success', 'modified', 'since'])
    expect(words.quantity(1_763_856_000, 's', name), name).toMatch(/2[23] Nov 2025/);
});

test('lists end', () => {
  expect(words.listed(['a'])).toBe('a');
  expect(words.listed(['a', 'b', 'c'])).toBe('a, b and c');
  expect(words.listed(['a', 'b', 'c', 'd'])).toBe('a, b and 2 more');
});

test.each([
  [81_920, 'By', 'io', '81.9 kB'],
  [0.123, '1', 'utilization', '12 %'],
  [3, '{operation}', 'count', '3'],
  [0.0015, 's', 'duration', '1.5 ms'],
  [7200, 's', 'since_last', '2 h'],
  [null, 'By', 'io', '–'],
  ['NaN', '1', 'x', 'NaN'],
  ['+Inf', 's', 'x', '∞'],
] as const)('%s %s of %s is %s', (value, unit, name, said) => {
  expect(words.quantity(value, unit, name)).toBe(said);
});
