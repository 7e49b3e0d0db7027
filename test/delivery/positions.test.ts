/** Which places of a lane's log are held, against a Set. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Positions, type Span, spansOf } from '../../src/delivery/positions.ts';
import { SEED } from '../events.ts';

/** Gives places, or empties those held ones that a share of the way through them and a number say. */
const action = fc.oneof(
  fc.record({ give: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), count: fc.integer({ min: 1, max: 6 }) }),
);

/** Held places that follow on each other, from one of them on. */
function run(held: readonly number[], at: number, count: number): Span | undefined {
  const first = held[Math.min(held.length - 1, Math.floor(at * held.length))];
  if (first === undefined) return undefined;
  let to = first + 1;
  while (to - first < count && held.includes(to)) to++;
  return { from: first, to };
}

function expectSame(positions: Positions, model: ReadonlySet<number>, given: number): void {
  const held = [...model].toSorted((a, b) => a - b);
  expect(positions.end).toBe(given);
  expect(positions.head).toBe(held[0] ?? given);
  expect(positions.count).toBe(held.length);
  const holes = Array.from({ length: given - positions.head }, (_, i) => positions.head + i).filter((place) => !model.has(place));
  // As few spans as there can be, in order, neither empty nor touching.
  expect(positions.holes).toEqual(spansOf(holes));
  for (let from = 0; from <= given; from += 3) {
    for (const to of [from, from + 1, from + 7, given + 2]) {
      const within = held.filter((place) => place >= from && place < to);
      expect(positions.held(from, to)).toBe(within.length);
      expect(positions.heldSpans({ from, to })).toEqual(spansOf(within));
    }
  }
}

test(`places are held and emptied as in a set, whatever the order (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const [positions, model] = [new Positions(), new Set<number>()];
      let given = 0;
      for (const one of actions) {
        if ('give' in one) {
          for (let i = 0; i < one.give; i++) {
            expect(positions.give()).toBe(given);
            model.add(given++);
          }
        } else {
          const span = run(
            [...model].toSorted((a, b) => a - b),
            one.at,
            one.count,
          );
          if (!span) continue;
          positions.empty(span);
          for (let place = span.from; place < span.to; place++) model.delete(place);
        }
        expectSame(positions, model, given);
      }
      // What was kept on disk is what there was.
      expectSame(new Positions(positions.head, positions.end, positions.holes), model, given);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('the head passes every hole that it reaches', () => {
  const positions = new Positions(10, 20);
  positions.empty({ from: 12, to: 14 });
  positions.empty({ from: 16, to: 18 });
  expect(positions.head).toBe(10);
  positions.empty({ from: 10, to: 12 });
  expect(positions.head).toBe(14);
  positions.empty({ from: 14, to: 16 });
  expect([positions.head, positions.count, positions.holes]).toEqual([18, 2, []]);
});

test('a hole that fills the gap between two makes one of three', () => {
  const positions = new Positions(0, 10);
  positions.empty({ from: 2, to: 4 });
  positions.empty({ from: 6, to: 8 });
  positions.empty({ from: 4, to: 6 });
  expect(positions.holes).toEqual([{ from: 2, to: 8 }]);
  expect(positions.count).toBe(4);
});
