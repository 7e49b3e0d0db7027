/** The account of one sink holds under any moves; a wrong one is seen. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { type DropReason, imbalance, Ledger, type LedgerView, type Place } from '../src/ledger.ts';
import { SEED } from './events.ts';

const PLACES: Place[] = ['queued', 'spooled', 'in_flight', 'delivered', 'dead_lettered'];
const REASONS: DropReason[] = ['queue_full', 'expired', 'rejected', 'shutdown'];
const EMPTY: LedgerView = {
  published: 0,
  queued: 0,
  spooled: 0,
  in_flight: 0,
  delivered: 0,
  dead_lettered: 0,
  dropped: {},
};

const place = fc.constantFrom(...PLACES);
const step = fc.oneof(
  fc.record({ do: fc.constant('publish' as const) }),
  fc.record({ do: fc.constant('move' as const), from: place, to: place, events: fc.nat(5) }),
  fc.record({ do: fc.constant('drop' as const), from: place, reason: fc.constantFrom(...REASONS), events: fc.nat(5) }),
);

test(`every event is in exactly one place, whatever happens to it (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const ledger = new Ledger(systemClock);
      // The naive account: where each event is.
      const where: (Place | DropReason)[] = [];
      const shift = (from: Place, to: Place | DropReason, most: number): number => {
        let moved = 0;
        for (let i = 0; i < where.length && moved < most; i++)
          if (where[i] === from) {
            where[i] = to;
            moved++;
          }
        return moved;
      };
      for (const action of steps) {
        if (action.do === 'publish') {
          ledger.publish();
          where.push('queued');
        } else if (action.do === 'move') ledger.move(action.from, action.to, shift(action.from, action.to, action.events));
        else ledger.drop(action.from, action.reason, shift(action.from, action.reason, action.events));
        const view = ledger.view();
        expect(imbalance(view)).toBe(0);
        expect(view.published).toBe(where.length);
        for (const name of PLACES) expect(view[name]).toBe(where.filter((at) => at === name).length);
        for (const name of REASONS) expect(view.dropped[name] ?? 0).toBe(where.filter((at) => at === name).length);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('an account that is out is seen, and by how much', () => {
  expect(imbalance(EMPTY)).toBe(0);
  expect(imbalance({ ...EMPTY, published: 3, delivered: 2 })).toBe(1);
  expect(imbalance({ ...EMPTY, published: 1, queued: 1, in_flight: 1 })).toBe(-1);
  for (const name of PLACES) expect(imbalance({ ...EMPTY, [name]: 1 })).toBe(-1);
  for (const name of REASONS) expect(imbalance({ ...EMPTY, dropped: { [name]: 2 } })).toBe(-2);
});

test('a reason is named only when something was dropped for it', () => {
  const ledger = new Ledger(systemClock);
  ledger.publish();
  ledger.drop('queued', 'queue_full', 0);
  expect(ledger.view().dropped).toEqual({});
  ledger.drop('queued', 'queue_full', 1);
  expect(ledger.view().dropped).toEqual({ queue_full: 1 });
});

test('a view is of its moment', () => {
  const ledger = new Ledger(systemClock);
  ledger.publish();
  ledger.publish();
  ledger.drop('queued', 'expired', 1);
  const view = ledger.view();
  ledger.drop('queued', 'expired', 1);
  expect(view).toEqual({ ...EMPTY, published: 2, queued: 1, dropped: { expired: 1 } });
});

test('an account takes over the numbers of another', () => {
  const [old, now] = [new Ledger(systemClock), new Ledger(systemClock)];
  for (let i = 0; i < 5; i++) old.publish();
  old.move('queued', 'delivered', 2);
  old.drop('queued', 'rejected', 1);
  now.publish();
  now.drop('queued', 'rejected', 1);
  now.add(old);
  expect(now.lostAt).toBeGreaterThan(0);
  expect(now.view()).toEqual({ ...EMPTY, published: 6, queued: 2, delivered: 2, dropped: { rejected: 2 } });
});
