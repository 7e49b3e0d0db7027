/** Series that a page has twice are found wherever they stand: the first is taken, the others are counted. */
import { describe, expect, test } from 'vitest';
import { read, samplesOf } from './support.ts';

/** Values of the rows, and how many items repeat one. */
function outcome(page: string, options?: Parameters<typeof read>[1]): { values: number[]; repeated: number } {
  const reading = read(page, options);
  return { values: samplesOf(reading).map(({ value }) => value), repeated: reading.page.repeated };
}

/** Lines of a name over some label sets, numbered on from a value. */
const lines = (name: string, sets: readonly string[], from: number): string =>
  sets.map((set, i) => `${name}${set} ${from + i}\n`).join('');

const [A, B, C, D] = ['{x="1"}', '{x="2"}', '{x="3",y="1"}', '{y="1"}'];

describe('a series that is there twice', () => {
  test.each([
    ['at once', lines('a', [A, B, B, C], 1), [1, 2, 4], 1],
    ['later under the same name', lines('a', [A, B, C, A], 1), [1, 2, 3], 1],
    ['behind another name', lines('a', [A, B], 1) + lines('b', [A, B], 3) + lines('a', [C, A], 5), [1, 2, 3, 4, 5], 1],
    ['under the second of two names', lines('a', [A, B], 1) + lines('b', [B, A, B], 3), [1, 2, 3, 4], 1],
    ['with its labels in another order', `a{x="1",y="2"} 1\na{y="2",x="1"} 2\n`, [1], 1],
    ['with a comma more', `a{x="1"} 1\na{x="1",} 2\n`, [1], 1],
    ['with blanks', `a{x="1"} 1\na{ x = "1" } 2\n`, [1], 1],
    ['without labels', 'a 1\nb 2\na 3\na{} 4\n', [1, 2], 2],
    ['with empty braces first', 'a{} 1\na 2\n', [1], 1],
    ['with a quoted name', 'a{x="1"} 1\n{"a",x="1"} 2\n', [1], 1],
    ['behind one with a timestamp', 'a{x="1"} 1 1000\na{x="1"} 2\na{x="1"} 3\n', [1, 2], 1],
  ])('%s', (_, page, values, repeated) => {
    expect(outcome(page)).toEqual({ values, repeated });
  });

  test('is none when it only looks like one', () => {
    const page = lines('a', [A, B, C, D, ''], 1) + lines('b', [D, C, '', B, A], 6) + lines('a_sum', [C, A], 11);
    expect(outcome(page)).toEqual({ values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], repeated: 0 });
  });

  test('between those of a histogram, whose names take turns', () => {
    const one = (x: string, from: number): string =>
      `h_bucket{x="${x}",le="1"} ${from}\nh_bucket{x="${x}",le="+Inf"} ${from + 1}\nh_sum{x="${x}"} ${from + 2}\nh_count{x="${x}"} ${from + 3}\n`;
    const head = '# TYPE h histogram\n';
    expect(outcome(`${head}${one('1', 1)}${one('2', 5)}`)).toEqual({ values: [1, 2, 3, 4, 5, 6, 7, 8], repeated: 0 });
    expect(outcome(`${head}${one('2', 1)}${one('1', 5)}g{x="1"} 9\n${one('1', 10)}`)).toEqual({
      values: [1, 2, 3, 4, 5, 6, 7, 8, 9],
      repeated: 4,
    });
  });

  test('on a page of many, in whatever order they come', () => {
    const sets = Array.from({ length: 3000 }, (_, i) => `{x="${(i * 1999) % 3000}",y="${i % 7}"}`);
    const page = lines('a', sets, 0) + lines('b', sets.toReversed(), 3000) + lines('a', sets.slice(0, 10), 6000);
    const { values, repeated } = outcome(page);
    expect(repeated).toBe(10);
    expect(values).toEqual(Array.from({ length: 6000 }, (_, i) => i));
    // The same along the page before, with its series elsewhere.
    const { page: before } = read(page);
    const moved = lines('b', sets, 0) + lines('a', [...sets, ...sets.slice(5, 8)], 3000);
    expect(outcome(moved, { before: [before] })).toEqual({ values: Array.from({ length: 6000 }, (_, i) => i), repeated: 3 });
  });

  test('beside those that are dropped', () => {
    const policy = {
      keeps: (name: string) => name !== 'b',
      shape: (name: string) => name !== 'b',
      count: () => {},
    };
    const page = lines('a', [A, B], 1) + lines('b', [A, A, B], 3) + lines('c', [B, A, B], 6) + 'b{x="9"} 9 1000\nc{x="9"} 10\n';
    const { page: kept } = read(page, { policy });
    expect(outcome(page, { policy })).toEqual({ values: [1, 2, 6, 7, 10], repeated: 1 });
    expect(kept.timed).toBe(false);
  });
});
