/** States with hysteresis: by example, and against a naive reading of the whole history. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keptOf, type State, TargetState } from '../../src/reach/state.ts';

const PATIENCE = { downAfter: 3, upAfter: 2 };

/** Results, `+` or `-`, one every 10 s from 0; the state after each. */
function run(results: string, patience = PATIENCE): string {
  const state = new TargetState(patience, undefined);
  return results
    .split('')
    .map((result, i) => {
      state.tell(result === '+', i * 10);
      return { unknown: '?', up: 'U', down: 'D' }[state.state];
    })
    .join('');
}

describe('a state', () => {
  test.each([
    ['+', 'U'],
    ['--+', '??U'],
    ['---', '??D'],
    ['+--+--+', 'UUUUUUU'],
    ['+---', 'UUUD'],
    ['---+-+-++', '??DDDDDDU'],
    ['+---++---', 'UUUDDUUUD'],
  ])('after %s was %s', (results, states) => {
    expect(run(results)).toBe(states);
  });

  test('begins with the first ping of the row that led to it, and says how long the one before lasted', () => {
    const state = new TargetState(PATIENCE, undefined);
    expect(state.tell(true, 100)).toEqual({ before: 'unknown', state: 'up', since: 100, lasted: undefined });
    for (const time of [110, 120]) expect(state.tell(false, time)).toBeUndefined();
    expect(state.failures).toBe(2);
    expect(state.tell(false, 130)).toEqual({ before: 'up', state: 'down', since: 110, lasted: 10 });
    expect(state.lasted(150)).toBe(40);
    expect(state.tell(true, 200)).toBeUndefined();
    expect(state.tell(true, 210)).toEqual({ before: 'down', state: 'up', since: 200, lasted: 90 });
  });

  test('is the kept one at first, so that a restart makes no transition', () => {
    const state = new TargetState(PATIENCE, { state: 'down', since: 50 });
    expect(state.tell(false, 1000)).toBeUndefined();
    expect([state.state, state.lasted(1000)]).toEqual(['down', 950]);
    expect(state.tell(true, 1010)).toBeUndefined();
    expect(state.tell(true, 1020)).toEqual({ before: 'down', state: 'up', since: 1010, lasted: 960 });
  });

  test('lasts no less than nothing when the clock goes back', () => {
    const state = new TargetState({ downAfter: 1, upAfter: 1 }, { state: 'up', since: 1000 });
    expect(state.lasted(400)).toBe(0);
    expect(state.tell(false, 500)?.lasted).toBe(0);
  });
});

test('of any results a state is what a naive reading of them says', () => {
  const patience = fc.record({ downAfter: fc.integer({ min: 1, max: 5 }), upAfter: fc.integer({ min: 1, max: 5 }) });
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), patience, (results, given) => {
      const state = new TargetState(given, undefined);
      let expected: State = 'unknown';
      let since = 0;
      results.forEach((up, i) => {
        const transition = state.tell(up, i);
        let row = 0;
        while (row <= i && results[i - row] === up) row++;
        const other = up ? 'up' : 'down';
        const needed = up ? (expected === 'unknown' ? 1 : given.upAfter) : given.downAfter;
        const changes = expected !== other && row >= needed;
        expect(transition !== undefined).toBe(changes);
        if (changes) {
          expect(transition?.before).toBe(expected);
          if (expected !== 'unknown') expect(transition?.lasted).toBe(i - row + 1 - since);
          [expected, since] = [other, i - row + 1];
        }
        expect(state.state).toBe(expected);
        if (expected !== 'unknown') expect(state.kept).toEqual({ state: expected, since });
      });
    }),
  );
});

test('of what was kept only what is right is taken', () => {
  const right = { state: 'up', since: 5, target: 'tcp x:1' };
  for (const value of [undefined, null, 7, [], {}, { targets: 'x' }, { targets: [null] }]) expect(keptOf(value).size).toBe(0);
  const kept = keptOf({
    targets: {
      a: right,
      b: { ...right, state: 'gone' },
      c: { ...right, since: 'now' },
      d: null,
      e: { state: 'down', since: 1 },
    },
  });
  expect([...kept]).toEqual([['a', right]]);
});
