/** One sink's runner by example: when it writes, and what it does about each failure. */
import { describe, expect, test } from 'vitest';
import { imbalance } from '../src/ledger.ts';
import { EVENT_BYTES_MIN, eventOf } from './events.ts';
import { setup, TIMEOUT, upTo } from './runner-setup.ts';
import { ANSWERS } from './scripted-sink.ts';

describe('batches', () => {
  test('nothing is opened until there is something to write', async () => {
    const { clock, to, runner } = setup();
    await clock.advance(60_000);
    expect(to.calls).toEqual({ open: 0, connect: 0, write: 0, close: 0 });
    expect(clock.timers).toBe(0);
    expect(runner.status()).toMatchObject({ state: 'idle', failures: 0, reason: undefined });
  });

  test('the first event goes at once, with those sampled with it; what follows, once in a wait', async () => {
    const { clock, to, publish } = setup();
    publish(3);
    await clock.advance(10);
    publish(2);
    await clock.advance(100);
    publish(2);
    await clock.advance(1000);
    expect(to.writes.map(({ events, at }) => [events, at])).toEqual([
      [3, 10],
      [4, 510],
    ]);
    publish(1);
    await clock.advance(10);
    expect(to.writes.at(-1)).toMatchObject({ events: 1, at: 1120 });
  });

  test('a full batch does not wait, whether full in events or in bytes', async () => {
    const { clock, to, publish } = setup();
    publish(25);
    await clock.advance(0);
    expect(to.writes.map(({ events }) => events)).toEqual([10, 10]);
    await clock.advance(500);
    expect(to.writes.map(({ events }) => events)).toEqual([10, 10, 5]);
    const bytes = setup({ batch: { max_events: 1000, max_bytes: 3 * EVENT_BYTES_MIN, wait: 500 } });
    bytes.publish(4);
    await bytes.clock.advance(0);
    expect(bytes.to.writes.map(({ events }) => events)).toEqual([3]);
  });

  test('one call at a time: what comes during a write waits for its end', async () => {
    const { clock, to, publish } = setup();
    to.answers.write = 'slow';
    publish(10);
    await clock.advance(100);
    publish(10);
    await clock.advance(399);
    expect(to.writes).toHaveLength(1);
    await clock.advance(1);
    expect(to.writes).toHaveLength(2);
    expect(to.violations).toEqual([]);
  });

  test('an event above the size of a batch is a batch', async () => {
    const { clock, to, runner } = setup({ batch: { max_events: 10, max_bytes: 300, wait: 0 } });
    runner.publish(eventOf(1, { bytes: 5000 }));
    runner.publish(eventOf(2));
    await clock.advance(1000);
    expect(to.confirmed).toEqual([1, 2]);
  });

  test('no wait at all is no error', async () => {
    const { clock, to, publish } = setup({ batch: { max_events: 10, max_bytes: 1e6, wait: 0 } });
    publish(2);
    await clock.advance(0);
    expect(to.confirmed).toEqual([1, 2]);
  });
});

describe.each(ANSWERS.filter((answer) => !['ok', 'twice', 'slow', 'poison', 'rejected'].includes(answer)))('a %s', (answer) => {
  test.each(['connect', 'write'] as const)('in %s loses nothing; once it is over everything arrives in order', async (method) => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers[method] = answer;
    publish(15);
    await clock.advance(5 * TIMEOUT);
    expect(runner.status().failures).toBeGreaterThan(0);
    expect(ledger()).toMatchObject({ published: 15, delivered: 0, dropped: {} });
    expect(imbalance(ledger())).toBe(0);
    to.answers[method] = 'ok';
    publish(5);
    await clock.advance(10_000);
    expect(to.confirmed).toEqual(upTo(20));
    expect(ledger()).toMatchObject({ published: 20, delivered: 20, queued: 0, in_flight: 0 });
    expect(runner.status()).toMatchObject({ state: 'idle', failures: 0, reason: undefined });
    expect(to.violations).toEqual([]);
  });

  test('in close is no failure', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers = { ...to.answers, write: 'transient', close: answer };
    publish(3);
    await clock.advance(100);
    to.answers.write = 'ok';
    await clock.advance(10_000);
    expect(to.confirmed).toEqual([1, 2, 3]);
    expect(to.violations).toEqual([]);
    await clock.until(runner.stop(1000));
    expect(ledger()).toMatchObject({ delivered: 3, dropped: {} });
  });
});

test('a sink that cannot even be made is a failing sink', async () => {
  const { clock, to, runner, publish } = setup();
  to.answers.open = 'throw';
  publish(3);
  await clock.advance(1000);
  expect(runner.status()).toMatchObject({ state: 'waiting', reason: 'no sink today' });
  to.answers.open = 'ok';
  await clock.advance(2000);
  expect(to.confirmed).toEqual([1, 2, 3]);
});

test('a call that outlasted its deadline ends the sink it was made to: it is opened anew', async () => {
  const { clock, to, publish } = setup();
  to.answers.write = 'hang';
  publish(1);
  await clock.advance(10 + TIMEOUT);
  to.answers.write = 'ok';
  await clock.advance(2000);
  expect(to.calls).toMatchObject({ open: 2, close: 1 });
  to.answers.write = 'transient';
  publish(1);
  await clock.advance(10);
  to.answers.write = 'ok';
  await clock.advance(2000);
  expect(to.calls, 'a failure in time only closes it').toMatchObject({ open: 2, close: 2, connect: 3 });
});

test('a close that hangs ends it too: it might take down the next connection', async () => {
  const { clock, to, publish } = setup();
  to.answers = { ...to.answers, write: 'transient', close: 'late' };
  publish(1);
  await clock.advance(10 + TIMEOUT);
  to.answers.write = 'ok';
  await clock.advance(5000);
  expect(to.calls).toMatchObject({ open: 2 });
  expect(to.violations).toEqual([]);
  expect(to.confirmed).toEqual([1]);
});

describe('answers after the deadline', () => {
  test('are counted when they confirm a write, and what they confirm is sent again', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers.write = 'late';
    publish(2);
    await clock.advance(10 + TIMEOUT);
    to.answers.write = 'ok';
    await clock.advance(5000);
    expect(runner.status().lateAnswers).toBe(1);
    expect(to.arrived.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2]);
    expect(ledger()).toMatchObject({ published: 2, delivered: 2 });
  });

  test.each(['heed', 'late_error', 'hang'] as const)('are not when they confirm nothing: %s', async (answer) => {
    const { clock, to, runner, publish } = setup();
    to.answers.write = answer;
    publish(1);
    await clock.advance(10 + 3 * TIMEOUT);
    expect(runner.status()).toMatchObject({ lateAnswers: 0 });
  });

  test('are not when they are to connect or close', async () => {
    const { clock, to, runner, publish } = setup();
    to.answers = { ...to.answers, connect: 'late', close: 'late' };
    publish(1);
    await clock.advance(10 * TIMEOUT);
    expect(runner.status()).toMatchObject({ lateAnswers: 0 });
  });
});

describe('rejection', () => {
  test.each([1, 2, 3, 5, 8, 10])('of one event, the %ith of ten, drops that one alone', async (bad) => {
    const { clock, to, publish, ledger } = setup();
    to.answers.write = 'poison';
    to.poison = (n) => n === bad;
    publish(10);
    await clock.advance(0);
    expect(to.confirmed).toEqual(upTo(10).filter((n) => n !== bad));
    expect(to.arrived).toEqual(to.confirmed);
    expect(ledger()).toMatchObject({ delivered: 9, queued: 0, in_flight: 0, dropped: { rejected: 1 } });
    expect(to.calls.connect, 'on the same connection').toBe(1);
  });

  test('of one of five hundred takes a number of writes that grows as its logarithm', async () => {
    for (let bad = 1; bad <= 500; bad += 7) {
      const { clock, to, publish } = setup({
        queue: { max_events: 500, max_bytes: 1e9, when_full: 'drop_oldest' },
        batch: { max_events: 500, max_bytes: 1e9, wait: 10 },
      });
      to.answers.write = 'poison';
      to.poison = (n) => n === bad;
      publish(500);
      await clock.advance(0);
      expect(to.confirmed).toHaveLength(499);
      expect(to.writes.length).toBeLessThanOrEqual(4 * Math.log2(500));
    }
  });

  test('of several', async () => {
    const { clock, to, publish, ledger } = setup({ batch: { max_events: 64, max_bytes: 1e6, wait: 10 } });
    to.answers.write = 'poison';
    to.poison = (n) => n % 7 === 3;
    publish(64);
    await clock.advance(0);
    expect(to.confirmed).toEqual(upTo(64).filter((n) => n % 7 !== 3));
    expect(ledger().dropped).toEqual({ rejected: 9 });
  });

  test('of all drops all, and is no outage', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers.write = 'rejected';
    publish(10);
    await clock.advance(0);
    expect(ledger()).toMatchObject({ delivered: 0, dropped: { rejected: 10 } });
    expect(runner.status()).toMatchObject({ state: 'idle', failures: 0 });
  });

  test('amid an outage: what is delivered stays delivered, the rest waits', async () => {
    const { clock, to, publish, ledger } = setup();
    to.answers.write = 'poison';
    to.poison = (n) => {
      // The destination goes away when the bisecting has come to the second half.
      const gone = to.confirmed.includes(5);
      if (gone) to.answers.write = 'transient';
      return n === 8 && !gone;
    };
    publish(10);
    await clock.advance(0);
    expect(ledger()).toMatchObject({ published: 10, delivered: 5 });
    to.answers.write = 'ok';
    await clock.advance(5000);
    expect(to.confirmed).toEqual(upTo(10));
  });
});
