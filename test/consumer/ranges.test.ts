/** Sets of numbers as ranges, against a Set. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RangeSet, sizeOfAll } from '../../src/consumer/ranges.ts';
import { SEED } from '../events.ts';

const numbers = fc.integer({ min: 1, max: 40 });
const range = fc.tuple(numbers, fc.integer({ min: 0, max: 9 })).map(([first, more]) => ({ first, last: first + more }));

test(`a range set holds what a set holds, in as few ranges as there can be (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(numbers, range), { maxLength: 40 }), fc.array(range, { maxLength: 6 }), (actions, asked) => {
      const [set, model] = [new RangeSet(), new Set<number>()];
      for (const action of actions) {
        if (typeof action === 'number') {
          expect(set.add(action)).toBe(!model.has(action));
          model.add(action);
        } else {
          set.addRange(action.first, action.last);
          for (let n = action.first; n <= action.last; n++) model.add(n);
        }
      }
      for (let n = 0; n <= 60; n++) expect(set.has(n)).toBe(model.has(n));
      expect(set.count).toBe(model.size);
      expect(set.highest).toBe(Math.max(0, ...model));
      const ranges = [...set];
      expect(set.ranges).toBe(ranges.length);
      // A number whose neighbour below is missing starts a range: there are no more ranges than these.
      expect(ranges.map(({ first }) => first)).toEqual([...model].filter((n) => !model.has(n - 1)).toSorted((a, b) => a - b));

      const ascending = new RangeSet();
      for (const { first, last } of asked) ascending.addRange(first, last);
      const { inside, outside } = set.split([...ascending]);
      for (const { first, last } of inside) for (let n = first; n <= last; n++) expect(model.has(n)).toBe(true);
      for (const { first, last } of outside) for (let n = first; n <= last; n++) expect(model.has(n)).toBe(false);
      expect(sizeOfAll(inside) + sizeOfAll(outside)).toBe(ascending.count);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test('a long stream without holes is one range, and numbers of any size are taken', () => {
  const set = new RangeSet();
  for (let n = 1; n <= 100_000; n++) set.add(n);
  set.add(Number.MAX_SAFE_INTEGER);
  expect([...set]).toEqual([
    { first: 1, last: 100_000 },
    { first: Number.MAX_SAFE_INTEGER, last: Number.MAX_SAFE_INTEGER },
  ]);
  set.forgetLowest(1);
  expect(set.ranges).toBe(1);
});
