/** Moments, one sample at once, timeouts, and the end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scheduler } from '../src/scheduler.ts';
import { FakeClock } from './clock.ts';
import { SEED } from './events.ts';
import { DAY, HOUR, SECOND, seconds, setup } from './scheduler-setup.ts';

const never = (): Promise<never> => new Promise(() => {});
const after = (clock: FakeClock, ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

describe('moments', () => {
  test('are now, and then k times the interval plus the offset', async () => {
    const { clock, at, stats } = setup({ offset: 300 });
    await clock.advance(35 * SECOND);
    expect(at).toEqual([0, 300, 10_300, 20_300, 30_300]);
    expect(stats).toMatchObject({ samples: 5, overruns: 0, missed: 0, failures: 0 });
  });

  test('are those of the wall clock, whenever the job was added', async () => {
    const clock = new FakeClock();
    await clock.advance(4321);
    const { at } = setup({}, clock);
    await clock.advance(30 * SECOND);
    expect(at.map((ms) => ms + 4321)).toEqual([4321, 10_000, 20_000, 30_000]);
  });

  test('an offset longer than the interval is one within it', async () => {
    const { clock, at } = setup({ offset: 23 * SECOND });
    await clock.advance(20 * SECOND);
    expect(seconds(at)).toEqual([0, 3, 13]);
  });

  test.each([100.1, 333.333, 700.7, 1000.001])(
    'an interval of %d ms, which is no exact number, gives each moment once',
    async (interval) => {
      const { clock, at, stats } = setup({ interval, offset: 0.3 });
      await clock.advance(3000 * interval);
      const gaps = at.slice(2).map((ms, i) => ms - (at[i + 1] as number));
      expect(gaps.filter((gap) => Math.abs(gap - interval) > 2)).toEqual([]);
      expect(stats.missed).toBe(0);
    },
  );

  test('a timer that fires a millisecond early does not sample twice', async () => {
    const clock = new FakeClock();
    clock.early = 1;
    const { at, stats } = setup({}, clock);
    await clock.advance(100 * SECOND);
    expect(at).toEqual([0, ...Array.from({ length: 10 }, (_, i) => (i + 1) * 10_000 - 1)]);
    expect(stats).toMatchObject({ samples: 11, missed: 0, overruns: 0 });
  });

  test('an interval longer than any timer of node can run is kept', async () => {
    const { clock, at } = setup({ interval: 40 * DAY, offset: 3 * DAY });
    await clock.advance(100 * DAY);
    expect(at).toHaveLength(3);
    expect((at[2] as number) - (at[1] as number)).toBe(40 * DAY);
  });

  test('each job has its own', async () => {
    const clock = new FakeClock();
    const scheduler = new Scheduler(clock);
    const order: string[] = [];
    for (const [name, interval] of [
      ['fast', 1000],
      ['slow', 4000],
    ] as const)
      scheduler.add({
        name,
        interval,
        timeout: 500,
        offset: 0,
        sample: () => order.push(name),
        done() {},
        failed() {},
      });
    await clock.advance(8500);
    expect(order.filter((name) => name === 'fast')).toHaveLength(9);
    expect(order.filter((name) => name === 'slow')).toHaveLength(3);
    scheduler.stop();
    await clock.advance(DAY);
    expect(order).toHaveLength(12);
    expect(clock.timers).toBe(0);
  });

  test('that jobs share are one timer and one round, in the order in which they were added; one that is stopped in it is not called', async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const scheduler = new Scheduler(clock, (over) => void told.push(over ? 'over' : 'begins'));
    const add = (name: string, interval: number, sample = (): void => {}) =>
      scheduler.add({
        name,
        interval,
        timeout: 500,
        offset: 0,
        sample() {
          told.push(name);
          sample();
        },
        done() {},
        failed() {},
      });
    let last = false;
    add('a', SECOND, () => last && c.stop());
    add('slow', 2 * SECOND);
    const c = add('c', SECOND);
    await clock.advance(0);
    expect(told.splice(0)).toEqual(['a', 'slow', 'c']);
    expect(clock.timers).toBe(2);
    await clock.advance(3 * SECOND);
    const round = (...names: string[]): string[] => ['begins', ...names, 'over'];
    expect(told).toEqual([...round('a', 'c'), ...round('slow', 'a', 'c'), ...round('a', 'c')]);
    last = true;
    told.length = 0;
    await clock.advance(SECOND);
    expect(told).toEqual(round('slow', 'a'));
    scheduler.stop();
    expect(clock.timers).toBe(0);
  });

  test('what is done with a sample learns when it began', async () => {
    const clock = new FakeClock();
    const { done } = setup({ offset: 1000, sample: async () => await after(clock, 700) }, clock);
    await clock.advance(20 * SECOND);
    expect(done.mock.calls.map(([, time]) => (time as number) % 60_000)).toEqual([0, 1000, 11_000]);
  });
});

describe('a slow sample', () => {
  test('is never overtaken: moments that come too early are counted as overruns', async () => {
    const clock = new FakeClock();
    let running = 0;
    const { at, stats } = setup(
      {
        timeout: 60 * SECOND,
        sample: async () => {
          expect(++running).toBe(1);
          await after(clock, 25 * SECOND);
          running--;
        },
      },
      clock,
    );
    await clock.advance(100 * SECOND);
    expect(seconds(at)).toEqual([0, 30, 60, 90]);
    expect(stats).toMatchObject({ samples: 4, overruns: 7, failures: 0, timeouts: 0, duration: 25 * SECOND });
  });

  test('that holds up the whole process is not overtaken either, and the moments are counted', async () => {
    const clock = new FakeClock();
    const { at, stats } = setup({ interval: 100, sample: () => clock.jump(at.length === 2 ? 350 : 0) }, clock);
    await clock.advance(300);
    expect(at.slice(0, 4)).toEqual([0, 100, 451, 500]);
    expect(stats.missed).toBe(2);
  });

  test('after its timeout is aborted, failed once, and not heard any more', async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    const { stats, done, failed } = setup(
      {
        sample: async (signal) => {
          signals.push(signal);
          if (signals.length === 1) await after(clock, 7 * SECOND);
          return signals.length;
        },
      },
      clock,
    );
    await clock.advance(4999);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(stats).toMatchObject({
      timeouts: 1,
      failures: 1,
      failuresInARow: 1,
      lastError: 'a sample of job took longer than 5000 ms',
    });
    await clock.advance(8 * SECOND);
    expect(failed).toHaveBeenCalledTimes(1);
    expect(done).toHaveBeenCalledTimes(1);
    expect(done.mock.calls[0]?.[0]).toBe(2);
    expect(signals[1]?.aborted, 'the next sample has a signal of its own').toBe(false);
    expect(stats).toMatchObject({ samples: 2, failuresInARow: 0, lastError: undefined });
  });

  test('that hangs for good hangs once', async () => {
    const { clock, at, stats, failed } = setup({ sample: never });
    await clock.advance(DAY);
    expect(at).toEqual([0]);
    expect(failed).toHaveBeenCalledTimes(1);
    expect(stats).toMatchObject({ samples: 1, timeouts: 1, failures: 1, overruns: DAY / (10 * SECOND) });
  });

  test('that fails late, unheard, fails nothing else', async () => {
    const clock = new FakeClock();
    const sample = async (): Promise<void> => {
      await after(clock, 7 * SECOND);
      throw new Error('late');
    };
    const { stats } = setup({ sample }, clock);
    await clock.advance(9 * SECOND);
    expect(stats).toMatchObject({ failures: 1, timeouts: 1 });
  });
});

describe('stop', () => {
  test('before the first sample prevents it', async () => {
    const { clock, added, at } = setup();
    added.stop();
    await clock.advance(DAY);
    expect(at).toEqual([]);
  });

  test('while a sample runs aborts it and hears no more of it', async () => {
    const clock = new FakeClock();
    let signal: AbortSignal | undefined;
    const { scheduler, at, stats, done, failed } = setup(
      {
        sample: async (given) => {
          signal = given;
          await after(clock, 2 * SECOND);
        },
      },
      clock,
    );
    await clock.advance(SECOND);
    scheduler.stop();
    expect(signal?.aborted).toBe(true);
    await clock.advance(DAY);
    expect(at).toEqual([0]);
    expect(done).not.toHaveBeenCalled();
    expect(failed).not.toHaveBeenCalled();
    expect(stats).toMatchObject({ samples: 1, failures: 0, timeouts: 0 });
    expect(clock.timers).toBe(0);
  });

  test('from within a sample, or twice, is fine', async () => {
    const { clock, scheduler, added, at } = setup({ sample: () => added.stop() });
    await clock.advance(DAY);
    scheduler.stop();
    added.stop();
    expect(at).toEqual([0]);
    expect(clock.timers).toBe(0);
  });
});

test(`every moment is sampled, overrun or missed, whatever the samples take and the machine sleeps (seed ${SEED})`, async () => {
  const interval = fc.integer({ min: 100, max: 5000 });
  const steps = fc.array(fc.record({ run: fc.nat(20_000), sleep: fc.oneof(fc.constant(0), fc.nat(2000), fc.nat(HOUR)) }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(interval, fc.nat(600), fc.array(fc.nat(8000), { minLength: 1 }), steps, fc.nat(1), async (...given) => {
      const [every, offset, takes, rounds, early] = given;
      const clock = new FakeClock();
      clock.early = early;
      let running = 0;
      const sample = (): Promise<void> | number => {
        expect(++running).toBe(1);
        const ms = takes[stats.samples % takes.length] as number;
        const end = (): number => running--;
        return ms === 0 ? end() : after(clock, ms).then(() => void end());
      };
      const { at, stats } = setup({ interval: every, offset, timeout: HOUR, sample }, clock);
      const moments = (): number => Math.floor((clock.wall() - offset) / every);
      const first = moments();
      for (const { run, sleep } of rounds) {
        await clock.advance(run);
        clock.suspend(sleep);
      }
      // The last sleep is noticed when the timer fires; half an interval later no moment is near.
      await clock.advance(every + 1);
      await clock.advance(every - ((clock.wall() - offset) % every) + every / 2);
      expect(stats.samples - 1 + stats.overruns + stats.missed).toBe(moments() - first);
      expect(at).toHaveLength(stats.samples);
    }),
    { seed: SEED, numRuns: 150 },
  );
});
