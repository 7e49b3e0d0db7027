/** Whose places those of a lane's disk are, against a list of every place. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extend, partsOf, type Segment, trimmed } from '../../src/delivery/segments.ts';
import { SEED } from '../events.ts';

/** Entries that runs wrote, one run after another, each numbered with gaps. */
const written = fc
  .array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 })
  .map((runs) =>
    runs.flatMap((steps, run) => {
      let n = 0;
      return steps.map((step) => ({ run: `run${run}`, n: (n += step) }));
    }),
  );

function segmentsOf(entries: readonly { run: string; n: number }[]): readonly Segment[] {
  let segments: readonly Segment[] = [];
  for (const [place, { run, n }] of entries.entries()) segments = extend(segments, place, run, n);
  return segments;
}

test(`a span is cut where runs begin, and every part knows its run and numbers (seed ${SEED})`, () => {
  fc.assert(
    fc.property(written, fc.nat(50), fc.nat(50), (entries, from, length) => {
      const segments = segmentsOf(entries);
      const to = Math.min(entries.length, from + length);
      const parts = partsOf(segments, from, to);
      const places = parts.flatMap((part) =>
        Array.from({ length: part.to - part.from }, (_, i) => ({ place: part.from + i, part })),
      );
      expect(places.map(({ place }) => place)).toEqual(Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i));
      for (const { place, part } of places) {
        const entry = entries[place] as { run: string; n: number };
        const mine = entries.filter(({ run }) => run === entry.run).map(({ n }) => n);
        expect(part).toMatchObject({ run: entry.run, first: mine[0], last: mine.at(-1) });
      }
      expect(new Set(parts.map(({ run }) => run)).size).toBe(parts.length);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test(`what ended below the head is forgotten, and nothing else (seed ${SEED})`, () => {
  fc.assert(
    fc.property(written, fc.nat(50), (entries, head) => {
      const segments = segmentsOf(entries);
      const left = trimmed(segments, head);
      const needed = new Set(entries.slice(head).map(({ run }) => run));
      // The last run says what was written last, even when nothing of it is left.
      needed.add((entries.at(-1) as { run: string }).run);
      expect(left.map(({ run }) => run)).toEqual([...needed]);
      expect(partsOf(left, head, entries.length)).toEqual(partsOf(segments, head, entries.length));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test('more of the last run only moves its end; the former list is as it was', () => {
  const one = extend([], 7, 'a', 3, 5);
  const two = extend(one, 10, 'a', 6, 9);
  const three = extend(two, 14, 'b', 1);
  expect(one).toEqual([{ from: 7, run: 'a', first: 3, last: 5 }]);
  expect(three).toEqual([
    { from: 7, run: 'a', first: 3, last: 9 },
    { from: 14, run: 'b', first: 1, last: 1 },
  ]);
  expect(trimmed([], 5)).toEqual([]);
});

test('places before the first segment are taken for its own, and those that nobody knows for an unknown run', () => {
  expect(partsOf([{ from: 5, run: 'a', first: 6, last: 9 }], 2, 7)).toEqual([{ from: 2, to: 7, run: 'a', first: 6, last: 9 }]);
  expect(partsOf([], 2, 7)).toEqual([{ from: 2, to: 7, run: 'unknown', first: 1, last: 5 }]);
  expect(partsOf([], 7, 7)).toEqual([]);
});
