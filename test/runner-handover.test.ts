/** A reload: a runner with other options takes over from the runner of the same sink. */
import { describe, expect, test } from 'vitest';
import { imbalance } from '../src/ledger.ts';
import { setup, TIMEOUT, upTo } from './runner-setup.ts';

describe('a successor', () => {
  test('gets queue and account; nothing is lost, repeated or reordered', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    publish(1);
    await clock.advance(10);
    publish(5);
    const next = create({ batch: { max_events: 3, max_bytes: 1e6, wait: 100 } });
    const adopted = next.adopt(runner);
    publish(4, next);
    await clock.until(adopted);
    expect(ledger(next)).toMatchObject({ published: 10 });
    await clock.advance(1000);
    expect(to.arrived).toEqual(upTo(10));
    expect(ledger(next)).toMatchObject({ published: 10, delivered: 10, queued: 0, in_flight: 0 });
    expect(to.calls).toMatchObject({ open: 2, close: 1 });
    expect(to.violations).toEqual([]);
  });

  test('waits for the call in progress to end', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers.write = 'slow';
    publish(12);
    await clock.advance(100);
    const next = create();
    const adopted = next.adopt(runner);
    publish(1, next);
    await clock.advance(399);
    expect(to.calls.open).toBe(1);
    await clock.until(adopted);
    await clock.advance(5000);
    expect(to.arrived).toEqual(upTo(13));
    expect(ledger(next)).toMatchObject({ published: 13, delivered: 13 });
  });

  test('shows the account of both while it waits', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers.write = 'hang';
    publish(10);
    await clock.advance(0);
    const next = create();
    const adopted = next.adopt(runner);
    publish(2, next);
    await clock.advance(TIMEOUT / 2);
    expect(ledger(next)).toMatchObject({ published: 12, queued: 2, in_flight: 10 });
    const last = create();
    const adoptedAgain = last.adopt(next);
    expect(ledger(last)).toMatchObject({ published: 12 });
    await clock.until(Promise.all([adopted, adoptedAgain]));
    expect(ledger(last)).toMatchObject({ published: 12, queued: 2, in_flight: 10 });
  });

  test('does not wait for ever: a hung call is given up and its events are sent again, in their place', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers = { ...to.answers, write: 'hang', close: 'hang' };
    publish(10);
    await clock.advance(100);
    publish(5);
    const next = create();
    const adopted = next.adopt(runner);
    publish(5, next);
    await clock.until(adopted);
    expect(clock.monotonic()).toBeLessThanOrEqual(100 + 2 * TIMEOUT);
    to.answers = { ...to.answers, write: 'ok', close: 'ok' };
    await clock.advance(5000);
    expect(to.arrived).toEqual(upTo(20));
    expect(ledger(next)).toMatchObject({ published: 20, delivered: 20 });
  });

  test('puts what a given-up call had in flight before what was queued', async () => {
    const { clock, to, runner, create, publish } = setup();
    to.answers = { ...to.answers, connect: 'slow', write: 'hang' };
    publish(10);
    await clock.advance(0);
    publish(5);
    const next = create();
    // The write begins when connect ends, and outlasts the patience of the successor.
    const adopted = next.adopt(runner);
    await clock.until(adopted);
    expect(to.writes).toHaveLength(1);
    to.answers = { ...to.answers, connect: 'ok', write: 'ok' };
    await clock.advance(5000);
    expect(to.arrived).toEqual(upTo(15));
    expect(to.violations).toEqual([]);
  });

  test.each([
    ['succeeds', 'slow', TIMEOUT / 2],
    ['fails', 'hang', TIMEOUT],
  ] as const)('does not wait for more than that call, whether it %s', async (_, answer, ms) => {
    const { clock, to, runner, create, publish } = setup();
    to.answers.write = answer;
    publish(40);
    await clock.advance(300);
    await clock.until(create().adopt(runner));
    expect(to.writes.map(({ at }) => at)).toEqual([0, ms]);
  });

  test('takes over from one that waits, at once', async () => {
    const { clock, to, runner, create, publish } = setup({ backoff: { initial: 60_000, max: 60_000 } });
    to.answers.write = 'transient';
    publish(3);
    await clock.advance(10);
    to.answers.write = 'ok';
    const next = create();
    await next.adopt(runner);
    await clock.advance(10);
    expect(to.confirmed).toEqual([1, 2, 3]);
  });

  test('with a smaller queue drops by its own rule, and counts', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers.connect = 'transient';
    publish(30);
    await clock.advance(50);
    const next = create({ queue: { max_events: 10, max_bytes: 1e6, when_full: 'drop_newest' } });
    await next.adopt(runner);
    expect(ledger(next)).toMatchObject({ published: 30, queued: 10, dropped: { queue_full: 20 } });
    to.answers.connect = 'ok';
    await clock.advance(5000);
    expect(to.confirmed).toEqual(upTo(10));
  });

  test('leaves no timer of its predecessor behind', async () => {
    const { clock, runner, create, publish } = setup();
    publish(1);
    const next = create();
    await next.adopt(runner);
    await clock.advance(1000);
    expect(clock.timers).toBe(0);
  });
});

describe('while it takes over', () => {
  test('a flush sends nothing before what the predecessor had', async () => {
    const { clock, to, runner, create, publish } = setup();
    to.answers.write = 'slow';
    publish(12);
    await clock.advance(100);
    const next = create();
    void next.adopt(runner);
    publish(3, next);
    await clock.until(next.flush(60_000));
    expect(to.arrived).toEqual(upTo(15));
    expect(to.violations).toEqual([]);
  });

  test('a stop delivers what both had', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers.write = 'slow';
    publish(12);
    await clock.advance(100);
    const next = create();
    void next.adopt(runner);
    publish(3, next);
    await clock.until(next.stop(60_000));
    expect(to.arrived).toEqual(upTo(15));
    expect(ledger(next)).toMatchObject({ published: 15, delivered: 15, dropped: {} });
  });

  test('a stop that cannot wait counts what both had as dropped, and nothing comes to life again', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers = { ...to.answers, write: 'hang', close: 'hang' };
    publish(12);
    await clock.advance(100);
    const next = create();
    void next.adopt(runner);
    publish(3, next);
    await clock.until(next.stop(200));
    expect(clock.monotonic(), 'its limit, and a deadline for close').toBeLessThanOrEqual(100 + 200 + TIMEOUT);
    expect(ledger(next)).toMatchObject({ published: 15, queued: 0, in_flight: 0, dropped: { shutdown: 15 } });
    to.answers = { ...to.answers, write: 'ok', close: 'ok' };
    await clock.advance(60_000);
    expect(to.arrived).toEqual([]);
    expect(imbalance(ledger(next))).toBe(0);
    expect(next.status().state).toBe('stopped');
    expect(clock.timers).toBe(0);
  });

  test('the next reload waits its turn: nothing is lost or reordered on the way through three runners', async () => {
    const { clock, to, runner, create, publish, ledger } = setup();
    to.answers.write = 'slow';
    publish(12);
    await clock.advance(100);
    const [second, third] = [create(), create()];
    void second.adopt(runner);
    publish(3, second);
    const adopted = third.adopt(second);
    publish(3, third);
    expect(ledger(third)).toMatchObject({ published: 18 });
    await clock.until(adopted);
    await clock.until(third.flush(60_000));
    expect(to.arrived).toEqual(upTo(18));
    expect(ledger(third)).toMatchObject({ published: 18, delivered: 18, queued: 0, in_flight: 0 });
    expect(second.status().state).toBe('stopped');
    expect(to.violations).toEqual([]);
  });
});
