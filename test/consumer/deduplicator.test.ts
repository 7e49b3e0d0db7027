/** Repeats are left out, and nothing else ever is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError } from '../../src/codec/decode.ts';
import { Deduplicator } from '../../src/consumer/deduplicator.ts';
import { SEED } from '../events.ts';

const id = (n: number, sensor = 'disk', run = 'r1'): string => `edge-7/${run}/${sensor}/${n}`;

test(`with room for everything it is a set of ids (seed ${SEED})`, () => {
  const ids = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom('disk', 'cpu'), fc.constantFrom('r1', 'r2')));
  fc.assert(
    fc.property(ids, (all) => {
      const [deduplicator, model] = [new Deduplicator(), new Set<string>()];
      for (const [n, sensor, run] of all) {
        const one = id(n, sensor, run);
        expect(deduplicator.has(one)).toBe(model.has(one));
        expect(deduplicator.add(one)).toBe(!model.has(one));
        model.add(one);
      }
      expect(deduplicator.forgotten).toBe(false);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test(`with little room a repeat may count as new, and a new event never as a repeat (seed ${SEED})`, () => {
  const ids = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 120 });
  fc.assert(
    fc.property(ids, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 6 }), (all, sources, ranges) => {
      const [deduplicator, model] = [new Deduplicator({ sources, ranges }), new Set<string>()];
      for (const [n, sensor] of all) {
        const one = id(n, sensor);
        const added = deduplicator.add(one);
        if (!model.has(one)) expect(added).toBe(true);
        else if (!added) expect(deduplicator.has(one)).toBe(true);
        model.add(one);
        expect(deduplicator.sources).toBeLessThanOrEqual(sources);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

describe('what is remembered', () => {
  test('a sensor whose events all arrive is remembered to the first', () => {
    const deduplicator = new Deduplicator({ ranges: 2 });
    for (let n = 1; n <= 100_000; n++) deduplicator.add(id(n));
    expect([deduplicator.has(id(1)), deduplicator.has(id(100_000)), deduplicator.has(id(100_001))]).toEqual([true, true, false]);
    expect(deduplicator.forgotten).toBe(false);
  });

  test('of one with holes, the newest', () => {
    const deduplicator = new Deduplicator({ ranges: 4 });
    for (let n = 1; n <= 101; n += 2) deduplicator.add(id(n));
    expect([deduplicator.has(id(101)), deduplicator.has(id(99)), deduplicator.has(id(1))]).toEqual([true, true, false]);
    expect(deduplicator.forgotten).toBe(true);
  });

  test('of many sensors, those that were heard of last', () => {
    const deduplicator = new Deduplicator({ sources: 2 });
    for (const sensor of ['a', 'b', 'a', 'c']) deduplicator.add(id(1, sensor));
    expect(['a', 'b', 'c'].map((sensor) => deduplicator.has(id(1, sensor)))).toEqual([true, false, true]);
  });
});

test('what is no id is refused', () => {
  for (const one of ['', 'a/b/c', 'a/b/c/0', 'a/b/c/-1', 'a/b/c/1e3', 'a/b/c/d/1', '/b/c/1', `${'a'.repeat(2000)}/b/c/1`]) {
    expect(() => new Deduplicator().add(one)).toThrow(DecodeError);
  }
});
