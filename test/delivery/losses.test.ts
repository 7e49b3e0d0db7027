/** What a lane lost and has not told yet, against a count of every number that was lost. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Losses, type LossRange, type LossReason } from '../../src/delivery/losses.ts';
import { SEED } from '../events.ts';

const REASONS: readonly LossReason[] = ['queue_full', 'spool_full', 'expired', 'dead_lettered'];
const RANGES_MAX = 1000;

const lost = (ranges: readonly LossRange[]): number => ranges.reduce((sum, { events }) => sum + (events ?? 0), 0);
const rows = (losses: Losses): [string, string, number, number | undefined, number | undefined][] =>
  losses.all().map(({ run, reason, first, last, events }) => [run, reason, first, last, events]);

/** Numbers of each run that ranges speak of, with how often. A range of fewer events than numbers speaks of all its numbers. */
const speaksOf = (ranges: readonly LossRange[], run: string, n: number): boolean =>
  ranges.some((range) => range.run === run && range.first <= n && n <= (range.last ?? 0));

test('numbers that follow on each other for one reason are one range', () => {
  const losses = new Losses();
  losses.add('a', 'queue_full', 1);
  losses.add('a', 'queue_full', 2);
  losses.add('a', 'expired', 3);
  // A range of another reason or run in between is no hindrance.
  losses.add('b', 'queue_full', 3);
  losses.add('a', 'queue_full', 3, 7, 2);
  losses.add('a', 'queue_full', 9);
  expect(rows(losses)).toEqual([
    ['a', 'queue_full', 1, 7, 4],
    ['a', 'expired', 3, 3, 1],
    ['b', 'queue_full', 3, 3, 1],
    ['a', 'queue_full', 9, 9, 1],
  ]);
});

test('what has no end is never continued, nor merged with what follows', () => {
  const losses = new Losses();
  losses.addOpen('a', 5, 20);
  losses.add('a', 'unclean_stop', 6);
  expect(rows(losses)).toEqual([
    ['a', 'unclean_stop', 5, undefined, undefined],
    ['a', 'unclean_stop', 6, 6, 1],
  ]);
  for (let n = 10; n < 10 + 4 * RANGES_MAX; n += 2) losses.add('a', 'queue_full', n);
  expect(losses.all()[0]).toEqual({ run: 'a', reason: 'unclean_stop', first: 5, last: undefined, events: undefined, window: 20 });
});

test('ranges of runs that take turns are merged, too', () => {
  const losses = new Losses();
  for (let n = 1; n <= 4 * RANGES_MAX; n += 2) for (const run of ['a', 'b']) losses.add(run, 'spool_full', n);
  expect(losses.all().length).toBeLessThanOrEqual(RANGES_MAX);
  for (const run of ['a', 'b']) expect(lost(losses.all().filter((range) => range.run === run))).toBe(2 * RANGES_MAX);
});

test('told losses are gone, kept ones come first again, and what came meanwhile waits', () => {
  const losses = new Losses();
  losses.add('a', 'queue_full', 1);
  expect([losses.any, losses.dirty]).toEqual([true, true]);
  losses.dirty = false;
  expect(losses.take()).toHaveLength(1);
  expect(losses.any).toBe(false);
  losses.add('a', 'queue_full', 2);
  // What is being told is still to be on disk: nobody has confirmed it.
  expect(rows(losses)).toEqual([
    ['a', 'queue_full', 1, 1, 1],
    ['a', 'queue_full', 2, 2, 1],
  ]);
  losses.keep();
  expect(losses.take().map(({ first }) => first)).toEqual([1, 2]);
  losses.dirty = false;
  losses.told();
  expect([losses.any, losses.dirty, losses.all()]).toEqual([false, true, []]);
});

test('telling nothing leaves nothing to write', () => {
  const losses = new Losses();
  losses.take();
  losses.told();
  losses.take();
  losses.keep();
  expect(losses.dirty).toBe(false);
});

test('what the disk kept goes in front, and is not shared with it', () => {
  const losses = new Losses();
  const kept: LossRange[] = [{ run: 'a', reason: 'expired', first: 1, last: 4, events: 4 }];
  losses.add('b', 'queue_full', 1);
  losses.restore(kept);
  losses.add('a', 'expired', 5);
  expect(rows(losses)).toEqual([
    ['a', 'expired', 1, 5, 5],
    ['b', 'queue_full', 1, 1, 1],
  ]);
  expect(kept[0]?.last).toBe(4);
});

const addition = fc.record({
  run: fc.constantFrom('a', 'b', 'c'),
  reason: fc.constantFrom(...REASONS),
  skip: fc.integer({ min: 0, max: 5 }),
  count: fc.integer({ min: 1, max: 4 }),
});
const action = fc.oneof(
  { weight: 8, arbitrary: addition },
  { weight: 1, arbitrary: fc.constantFrom('take', 'told', 'keep', 'restart') },
);

test(`each number lost is told once, whatever comes in between (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      let losses = new Losses();
      const next: Record<string, number> = { a: 1, b: 1, c: 1 };
      // Numbers by run and reason that are not told yet, each as often as it was lost.
      const [waiting, telling]: [string[], string[]] = [[], []];
      for (const one of actions) {
        if (one === 'take') {
          // One that has not ended is not taken anew.
          if (telling.length > 0) continue;
          losses.take();
          telling.push(...waiting.splice(0));
        } else if (one === 'told') {
          losses.told();
          telling.length = 0;
        } else if (one === 'keep') {
          losses.keep();
          waiting.unshift(...telling.splice(0));
        } else if (one === 'restart') {
          const kept = losses.all();
          losses = new Losses();
          losses.restore(kept);
          waiting.unshift(...telling.splice(0));
        } else {
          const first = (next[one.run] as number) + one.skip;
          losses.add(one.run, one.reason, first, first + one.count - 1);
          next[one.run] = first + one.count;
          for (let n = first; n < first + one.count; n++) waiting.push(`${one.run} ${one.reason} ${n}`);
        }
        const said = losses
          .all()
          .flatMap(({ run, reason, first, last = 0 }) =>
            Array.from({ length: last - first + 1 }, (_, i) => `${run} ${reason} ${first + i}`),
          );
        expect(said.toSorted()).toEqual([...waiting, ...telling].toSorted());
        expect(losses.any).toBe(waiting.length > 0);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test(`a thousand ranges are the most, and then their sums and their reach stay (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(addition, { minLength: 1200, maxLength: 1500, size: 'max' }), (additions) => {
      const losses = new Losses();
      const numbers: [run: string, n: number][] = [];
      const next: Record<string, number> = { a: 1, b: 1, c: 1 };
      for (const { run, reason, skip, count } of additions) {
        const first = (next[run] as number) + skip + 1;
        losses.add(run, reason, first, first + count - 1);
        next[run] = first + count;
        for (let n = first; n < first + count; n++) numbers.push([run, n]);
        expect(losses.all().length).toBeLessThanOrEqual(RANGES_MAX);
      }
      expect(losses.all().length).toBeGreaterThan(RANGES_MAX / 2);
      for (const run of ['a', 'b', 'c']) {
        const ranges = losses.all().filter((range) => range.run === run);
        expect(lost(ranges)).toBe(numbers.filter(([of]) => of === run).length);
        for (const { first, last, events } of ranges) expect(events).toBeLessThanOrEqual((last ?? 0) - first + 1);
      }
      for (const [run, n] of numbers) expect(speaksOf(losses.all(), run, n)).toBe(true);
    }),
    // To make a failure of so many smaller takes hours.
    { seed: SEED, numRuns: 5, endOnFailure: true },
  );
});
