/** When batches that are not full are written: what comes by itself, and rounds of samples. */
import { expect, test } from 'vitest';
import { Pace } from '../src/pace.ts';
import { FakeClock } from './clock.ts';

const WAIT = 1000;

/** `written` has when it was written, in milliseconds since the start; `round` is one that publishes something. */
function setup(wait = WAIT) {
  const clock = new FakeClock();
  const written: number[] = [];
  const pace: Pace = new Pace(clock, wait, () => {
    written.push(clock.monotonic());
    pace.wrote();
  });
  const round = (): void => {
    pace.round(false, false);
    pace.event();
    pace.round(true, true);
  };
  return { clock, pace, written, round };
}

test('what comes by itself is written within moments, and then once in a wait', async () => {
  const { clock, pace, written } = setup();
  for (let i = 0; i < 30; i++) {
    pace.event();
    await clock.advance(100);
  }
  expect(written).toEqual([10, 1010, 2010]);
});

test('a round is written at its end, without a timer, and so is every one after it', async () => {
  const { clock, written, round } = setup();
  for (let i = 0; i < 5; i++) {
    round();
    expect(clock.timers).toBe(0);
    await clock.advance(WAIT);
  }
  expect(written).toEqual([0, 1000, 2000, 3000, 4000]);
});

test.each([1, 51, 500, 899])('a first write %i ms before a round puts no round out of step but the first', async (before) => {
  const { clock, pace, written, round } = setup();
  pace.event();
  await clock.advance(10 + before);
  for (let i = 0; i < 5; i++) {
    round();
    await clock.advance(WAIT);
  }
  const at = (n: number): number => 10 + before + n * WAIT;
  expect(written).toEqual([10, at(1), at(2), at(3), at(4)]);
});

test('rounds that come faster than the wait are written once in it', async () => {
  const { clock, written, round } = setup();
  for (let i = 0; i < 40; i++) {
    round();
    await clock.advance(100);
  }
  const gaps = written.slice(1).map((at, i) => at - (written[i] as number));
  expect(written.length).toBeGreaterThanOrEqual(4);
  expect(gaps.every((gap) => gap >= WAIT - 100 && gap <= WAIT + 100)).toBe(true);
});

test('what a round left waits no longer than a wait and a tenth when no other round comes', async () => {
  const { clock, pace, written, round } = setup();
  pace.event();
  await clock.advance(300);
  round();
  await clock.advance(10 * WAIT);
  expect(written).toEqual([10, 300 + WAIT + 100]);
});

test('a round that published nothing writes nothing', async () => {
  const { clock, pace, written } = setup();
  pace.round(false, false);
  pace.round(true, false);
  await clock.advance(10 * WAIT);
  expect(written).toEqual([]);
  expect(clock.timers).toBe(0);
});

test('without a wait every round is written, and what comes by itself at once', async () => {
  const { clock, pace, written, round } = setup(0);
  round();
  round();
  pace.event();
  await clock.advance(0);
  expect(written).toEqual([0, 0, 0]);
});

test('stopped, it calls nothing any more', async () => {
  const { clock, pace, written } = setup();
  pace.event();
  pace.stop();
  await clock.advance(10 * WAIT);
  expect(written).toEqual([]);
  expect(clock.timers).toBe(0);
});
