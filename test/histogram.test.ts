/** Counting values in buckets, and what is estimated from the counts. */
import { expect, test } from 'vitest';
import { Histogram, quantile, sinceThen } from '../src/histogram.ts';

const of = (...values: number[]) => {
  const histogram = new Histogram([1, 10, 100]);
  for (const value of values) histogram.add(value);
  return histogram.view();
};

test.each<[string, number[], number, number | undefined]>([
  ['nothing', [], 0.5, undefined],
  ['one value: somewhere in its bucket', [5], 0.5, 5.5],
  ['all in one bucket: along it', [2, 3, 4, 5], 0.5, 5.5],
  ['the bucket in which the share is reached', [0.5, 0.5, 5, 50], 0.5, 1],
  ['the same, for more', [0.5, 0.5, 5, 50], 0.75, 10],
  ['all', [0.5, 0.5, 5, 50], 1, 100],
  ['above the last bound: that bound', [5, 5000], 0.99, 100],
])('a quantile of %s', (_, values, share, expected) => {
  expect(quantile(of(...values), share)).toBe(expected);
});

test('what came since an earlier look is that alone; of another histogram it is all', () => {
  const now = of(0.5, 5, 50, 5000);
  expect(sinceThen(now, of(0.5, 50))).toEqual({ bounds: [1, 10, 100], counts: [0, 1, 0, 1], count: 2, sum: 5005 });
  expect(sinceThen(now, undefined)).toBe(now);
  expect(sinceThen(of(5), now)).toEqual(of(5));
});
