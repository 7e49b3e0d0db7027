/** A runner's life: back-off, flush, stop, and how little its neighbours notice. */
import { describe, expect, test, vi } from 'vitest';
import { Bus } from '../src/bus.ts';
import { imbalance } from '../src/ledger.ts';
import type { Log } from '../src/log.ts';
import { FakeClock } from './clock.ts';
import { eventOf } from './events.ts';
import { setup, TIMEOUT, upTo } from './runner-setup.ts';
import type { Answer } from './scripted-sink.ts';

const recorder = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }) satisfies Log;

describe('back-off', () => {
  test('doubles to its ceiling, each delay up to half shorter, and starts anew after a success', async () => {
    const { clock, to, publish } = setup();
    to.answers.write = 'transient';
    publish(1);
    await clock.advance(30_000);
    const gaps = to.writes.slice(1).map(({ at }, i) => at - (to.writes[i]?.at ?? 0));
    [100, 200, 400, 800, 1600, 1600, 1600].forEach((full, i) => {
      expect(gaps[i]).toBeGreaterThanOrEqual(full / 2);
      expect(gaps[i]).toBeLessThanOrEqual(full);
    });
    to.answers.write = 'ok';
    await clock.advance(2000);
    to.answers.write = 'transient';
    publish(1);
    await clock.advance(10);
    const [from, calls] = [clock.monotonic(), to.calls.write];
    await clock.advance(100);
    expect(to.calls.write, `after ${from}`).toBeGreaterThan(calls);
  });

  test('of what is misconfigured is the ceiling at once, and it is said loudly', async () => {
    const log = recorder();
    const { clock, to, publish } = setup({}, log);
    to.answers.connect = 'misconfigured';
    publish(1);
    await clock.advance(10 + 1599);
    expect(to.calls.connect).toBe(1);
    await clock.advance(1);
    expect(to.calls.connect).toBe(2);
    expect(log.error).toHaveBeenCalledTimes(1);
    expect(log.warn).not.toHaveBeenCalled();
  });

  test('what goes on is said once, when it begins, when it changes and when it ends', async () => {
    const log = recorder();
    const { clock, to, publish } = setup({}, log);
    to.answers.write = 'transient';
    publish(1);
    await clock.advance(20_000);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn.mock.calls[0]).toMatchObject([{ sink: 'sink', code: 'transient', reason: 'it is transient' }, {}]);
    to.answers.write = 'blocked';
    await clock.advance(20_000);
    expect(log.warn).toHaveBeenCalledTimes(2);
    to.answers.write = 'ok';
    publish(5);
    await clock.advance(20_000);
    expect(log.info).toHaveBeenCalledTimes(1);
    expect(log.info.mock.calls[0]).toMatchObject([{ sink: 'sink' }, 'the sink works again']);
  });
});

describe('the age limit', () => {
  test('drops what has waited longer when its turn comes, and counts it', async () => {
    const { clock, to, publish, ledger } = setup({
      queue: { max_events: 100, max_bytes: 1e6, max_age: 5000, when_full: 'drop_oldest' },
      backoff: { initial: 100, max: 100 },
    });
    to.answers.connect = 'transient';
    publish(3);
    await clock.advance(4000);
    publish(2);
    await clock.advance(4000);
    to.answers.connect = 'ok';
    await clock.advance(500);
    expect(to.confirmed).toEqual([4, 5]);
    expect(ledger()).toMatchObject({ published: 5, delivered: 2, dropped: { expired: 3 } });
  });
});

describe('flush', () => {
  test('sends at once what would wait, and resolves when it is delivered', async () => {
    const { clock, to, runner, publish } = setup();
    publish(1);
    await clock.advance(10);
    publish(13);
    to.answers.write = 'slow';
    await clock.until(runner.flush(60_000));
    expect(to.confirmed).toEqual(upTo(14));
    expect(clock.monotonic()).toBe(10 + TIMEOUT);
  });

  test('waits two seconds for close, whatever the deadline of a call is', async () => {
    const { clock, to, runner, publish } = setup({ timeout: 30_000 });
    publish(1);
    await clock.advance(10);
    to.answers.close = 'hang';
    await clock.until(runner.stop(1000));
    expect(clock.monotonic()).toBe(10 + 2000);
  });

  test('of nothing resolves at once', async () => {
    const { clock, runner } = setup();
    await runner.flush(60_000);
    expect(clock.timers).toBe(0);
  });

  test('tries a waiting sink at once', async () => {
    const { clock, to, runner, publish } = setup({ backoff: { initial: 60_000, max: 60_000 } });
    to.answers.write = 'transient';
    publish(1);
    await clock.advance(10);
    to.answers.write = 'ok';
    await runner.flush(1000);
    expect(to.confirmed).toEqual([1]);
  });

  test('gives up at its limit and loses nothing', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers.connect = 'transient';
    publish(3);
    const flushed = runner.flush(5000);
    await clock.until(flushed);
    expect(clock.monotonic()).toBe(5000);
    expect(ledger()).toMatchObject({ published: 3, queued: 3, dropped: {} });
  });

  test('does not end because another, with less patience, does', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    to.answers.write = 'slow';
    publish(25);
    const short = runner.flush(700);
    const long = runner.flush(60_000);
    await clock.until(short);
    await clock.until(long);
    expect(ledger()).toMatchObject({ delivered: 25, queued: 0 });
    expect(clock.monotonic()).toBe(3 * (TIMEOUT / 2));
  });
});

describe('stop', () => {
  test('delivers what is queued, closes the sink, and takes no more', async () => {
    const { clock, to, runner, publish, ledger } = setup();
    publish(25);
    await clock.until(runner.stop(10_000));
    expect(to.confirmed).toEqual(upTo(25));
    expect(to.calls.close).toBe(1);
    expect(clock.timers).toBe(0);
    publish(1);
    await clock.advance(10_000);
    expect(ledger()).toMatchObject({ published: 26, delivered: 25, dropped: { shutdown: 1 } });
  });

  test('of a sink that was never opened does not open it', async () => {
    const { runner, to } = setup();
    await runner.stop(1000);
    expect(to.calls).toMatchObject({ open: 0, close: 0 });
  });

  test.each<Answer>(['hang', 'transient', 'heed', 'late'])(
    'while writes %s keeps to its limit and counts what is left',
    async (answer) => {
      const { clock, to, runner, publish, ledger } = setup();
      to.answers.write = answer;
      publish(15);
      await clock.advance(20);
      const began = clock.monotonic();
      await clock.until(runner.stop(300));
      expect(clock.monotonic() - began).toBeLessThanOrEqual(300);
      expect(ledger()).toMatchObject({ published: 15, queued: 0, in_flight: 0, delivered: 0, dropped: { shutdown: 15 } });
      await clock.advance(60_000);
      expect(imbalance(ledger())).toBe(0);
      expect(ledger()).toMatchObject({ delivered: 0, dropped: { shutdown: 15 } });
      expect(to.calls.open, 'and nothing comes to life again').toBe(1);
    },
  );

  test('is over although close hangs', async () => {
    const { clock, to, runner, publish } = setup();
    publish(1);
    await clock.advance(10);
    to.answers.close = 'hang';
    await clock.until(runner.stop(1000));
    expect(clock.monotonic()).toBe(10 + TIMEOUT);
  });
});

describe('isolation', () => {
  test.each<Answer[][]>([[['hang', 'throw', 'rejected']], [['late', 'odd', 'nothing', 'misconfigured', 'poison', 'lost']]])(
    'a healthy sink beside %j gets everything, in order, at the moments at which it would get it alone',
    async (neighbours) => {
      const writesBeside = async (neighbours: Answer[]): Promise<unknown> => {
        const clock = new FakeClock();
        const bus = new Bus((error) => expect.unreachable(String(error)));
        for (const write of neighbours) {
          const bad = setup({}, undefined, clock);
          bad.to.answers = { open: 'ok', connect: 'ok', write, close: write };
          bad.to.poison = (n) => n % 10 === 0;
          bus.subscribe((event) => bad.runner.publish(event));
        }
        const good = setup({}, undefined, clock);
        bus.subscribe((event) => good.runner.publish(event));
        for (let n = 1; n <= 300; n++) {
          bus.publish(eventOf(n));
          await clock.advance(n % 7 === 0 ? 120 : 3);
        }
        await clock.advance(1000);
        expect(good.to.confirmed).toEqual(upTo(300));
        expect(good.ledger()).toMatchObject({ delivered: 300, dropped: {} });
        return good.to.writes;
      };
      expect(await writesBeside(neighbours)).toEqual(await writesBeside([]));
    },
  );
});
