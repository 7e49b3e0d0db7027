/**
 * The checker against a naive one: sets of single numbers, and a matching of each missing number to one lost event, found by augmenting
 * paths. Streams, losses, repeats and disorder are random; no two of the two share a line.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamChecker } from '../../src/consumer/checker.ts';
import type { Loss } from '../../src/consumer/losses.ts';
import { SEED } from '../events.ts';

const N_MAX = 30;

type Step = { readonly n: number; readonly backfill: boolean; readonly place: string } | { readonly loss: Loss };

const n = fc.integer({ min: 1, max: N_MAX });
const reason = fc.constantFrom('spool_full', 'expired', 'unclean_stop');
const base = { run: fc.constant('r'), lane: fc.constant(0), reason, first: n };
const closed = fc
  .record({ ...base, more: fc.integer({ min: 0, max: 12 }), share: fc.constantFrom(0.3, 0.6, 1, 1) })
  .map(({ more, share, ...row }): Loss => {
    return { ...row, last: row.first + more, events: Math.ceil((more + 1) * share), window: undefined };
  });
const open = fc
  .record({ ...base, window: fc.integer({ min: 0, max: 10 }) })
  .map((row): Loss => ({ ...row, last: undefined, events: undefined }));
const arrival = fc.record({ n, backfill: fc.constantFrom(false, false, false, true), place: fc.constantFrom('p0', 'p0', 'p1') });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: arrival },
  { weight: 2, arbitrary: closed.map((loss) => ({ loss })) },
  { weight: 1, arbitrary: open.map((loss) => ({ loss })) },
);
/** Mostly ascending, as streams are, with random steps in between. */
const steps: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(fc.boolean(), { minLength: N_MAX, maxLength: N_MAX }),
    fc.array(fc.tuple(fc.nat(N_MAX), step), { maxLength: 25 }),
    fc.nat(N_MAX),
  )
  .map(([comes, extra, end]) => {
    const list = comes.flatMap((yes, i): Step[] => (yes && i < end ? [{ n: i + 1, backfill: false, place: 'p0' }] : []));
    for (const [at, one] of extra) list.splice(at, 0, one);
    return list;
  });

/** The most numbers that can each have a lost event of their own; rows are single events here. */
function matched(missing: readonly number[], rows: readonly { first: number; last: number }[]): number {
  const takenBy = new Map<number, number>();
  const place = (number: number, tried: Set<number>): boolean =>
    rows.some(({ first, last }, r) => {
      if (number < first || number > last || tried.has(r)) return false;
      tried.add(r);
      const holder = takenBy.get(r);
      if (holder !== undefined && !place(holder, tried)) return false;
      takenBy.set(r, number);
      return true;
    });
  return missing.filter((number) => place(number, new Set())).length;
}

function naive(list: readonly Step[], from: 'start' | 'first') {
  const arrived: { n: number; backfill: boolean; place: string }[] = [];
  const count = { repeats: 0, outOfOrder: 0, backfilled: 0, backfilledOutOfOrder: 0 };
  const losses = new Map<string, Loss>();
  for (const one of list) {
    if ('loss' in one) losses.set(JSON.stringify(one.loss), one.loss);
    else if (arrived.some((other) => other.n === one.n)) count.repeats++;
    else {
      const here = arrived.filter(({ place }) => place === one.place);
      const lower = (others: typeof arrived): boolean => others.some((other) => other.n > one.n);
      if (one.backfill) count.backfilled++;
      if (one.backfill && lower(here.filter(({ backfill }) => backfill))) count.backfilledOutOfOrder++;
      if (!one.backfill && lower(here)) count.outOfOrder++;
      arrived.push(one);
    }
  }
  const highest = Math.max(0, ...arrived.map((one) => one.n));
  const rows = [...losses.values()];
  const ended = rows.filter((row) => row.last !== undefined) as (Loss & { last: number; events: number })[];
  const lowest = Math.min(...(arrived.length > 0 ? arrived.map((one) => one.n) : ended.map((row) => row.first)));
  const before = from === 'first' && Number.isFinite(lowest) ? lowest - 1 : 0;
  const top = Math.max(highest, ...ended.map(({ last }) => last));
  const missing: number[] = [];
  for (let i = before + 1; i <= top; i++) if (!arrived.some((one) => one.n === i)) missing.push(i);
  const certain = (i: number): boolean =>
    rows.some((row) =>
      row.last === undefined
        ? i >= row.first && i > highest - (row.window as number)
        : row.events === row.last - row.first + 1 && i >= row.first && i <= row.last,
    );
  const single = ended
    .filter(({ first, last, events }) => events < last - first + 1)
    .flatMap(({ first, last, events }) => Array.from({ length: events }, () => ({ first, last })));
  const doubtful = missing.filter((i) => !certain(i));
  const below = doubtful.filter((i) => i <= highest);
  const unexplained = below.length - matched(below, single);
  const over = doubtful.length - matched(doubtful, single);
  const lost = missing.length - over;
  return { ...count, highest, arrived: arrived.length, before, unexplained, over, awaited: over - unexplained, lost };
}

test(`the checker says what a naive one says, as of now and at the end (seed ${SEED})`, () => {
  fc.assert(
    fc.property(steps, fc.constantFrom('start' as const, 'first' as const), (list, from) => {
      const checker = new StreamChecker({ from });
      for (const one of list) {
        if ('loss' in one) checker.feed({ agent: 'a', seq: undefined, losses: [one.loss] });
        else checker.feed({ agent: 'a', seq: `r/0/${one.n}`, backfill: one.backfill, place: one.place });
      }
      const [now] = checker.report();
      const [end] = checker.report({ over: true });
      if (!now || !end) {
        expect(list).toEqual([]);
        return;
      }
      const { over, lost, ...expected } = naive(list, from);
      expect(now).toMatchObject(expected);
      expect(Object.values(now.lost).reduce((sum, events) => sum + events, 0)).toBe(lost);
      expect(end).toMatchObject({ ...expected, unexplained: over, awaited: 0 });
      expect(now.holes.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBe(expected.unexplained);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test(`with room for few ranges nothing is forgotten unjudged: every number is counted once (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), fc.integer({ min: 4, max: 9 }), (comes, ranges) => {
      const checker = new StreamChecker({ ranges });
      const last = comes.lastIndexOf(true) + 1;
      const told = comes.map((yes, i) => !yes && i % 3 === 0);
      comes.forEach((yes, i) => {
        const [first, row] = [i + 1, { run: 'r', lane: 0, reason: 'spool_full', window: undefined }];
        if (told[i] && i < last)
          checker.feed({ agent: 'a', seq: undefined, losses: [{ ...row, first, last: first, events: 1 }] });
        if (yes) checker.feed({ agent: 'a', seq: `r/0/${i + 1}` });
      });
      const [report] = checker.report({ over: true });
      if (last === 0) {
        expect(report).toBeUndefined();
        return;
      }
      const arrived = comes.filter(Boolean).length;
      const lost = told.filter((yes, i) => yes && i < last).length;
      expect(report).toMatchObject({ arrived, unexplained: last - arrived - lost });
      expect(report?.lost['spool_full'] ?? 0).toBe(lost);
      expect(report?.holes.length).toBeLessThanOrEqual(ranges);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
