/** What the scheduler does when the wall clock jumps, when the machine sleeps, and when samples keep failing. */
import { describe, expect, test } from 'vitest';
import { sensorNames } from '../src/registry.ts';
import { stableOffset } from '../src/scheduler.ts';
import { FakeClock } from './clock.ts';
import { DAY, HOUR, SECOND, seconds, setup } from './scheduler-setup.ts';

const MINUTE = 60 * SECOND;

describe('a wall clock that jumps', () => {
  test('forward by hours: one sample, the moments between are missed, the grid is the new time', async () => {
    const { clock, at, stats } = setup();
    await clock.advance(5 * SECOND);
    clock.jump(3 * HOUR + 3 * SECOND);
    await clock.advance(30 * SECOND);
    const late = 3 * HOUR + 3 * SECOND;
    expect(seconds(at.map((ms) => (ms > HOUR ? ms - 3 * HOUR : ms)))).toEqual([0, 13, 20, 30]);
    expect(stats).toMatchObject({ samples: 4, missed: Math.floor(late / (10 * SECOND)) });
  });

  test('back by a day: sampling goes on within an interval, on the grid of the new time', async () => {
    const { clock, at, stats } = setup();
    await clock.advance(25 * SECOND);
    clock.jump(-DAY);
    await clock.advance(35 * SECOND);
    expect(seconds(at.slice(3)).map((s) => s + DAY / SECOND)).toEqual([30, 40, 50, 60]);
    expect(stats).toMatchObject({ samples: 7, missed: 0 });
  });

  test('back by a day, with an interval of hours: it is noticed within minutes', async () => {
    const { clock, at } = setup({ interval: 2 * HOUR });
    await clock.advance(MINUTE);
    clock.jump(-DAY);
    await clock.advance(2 * MINUTE);
    expect(at).toHaveLength(2);
    await clock.advance(4 * HOUR);
    expect(at).toHaveLength(4);
    expect(Math.abs((at[3] as number) % (2 * HOUR))).toBe(0);
  });

  test('back by less than an interval: the next moment is the same one', async () => {
    const { clock, at, stats } = setup();
    await clock.advance(12 * SECOND);
    clock.jump(-4 * SECOND);
    await clock.advance(20 * SECOND);
    expect(seconds(at)).toEqual([0, 10, 20]);
    expect(stats).toMatchObject({ samples: 3, missed: 0, overruns: 0 });
  });

  test('by milliseconds, as NTP does all day, misses nothing', async () => {
    const { clock, at, stats } = setup({ interval: SECOND });
    for (let i = 0; i < 200; i++) {
      await clock.advance(777);
      clock.jump(i % 2 ? 40 : -35);
    }
    expect(stats.missed).toBe(0);
    for (const ms of at) expect(ms % SECOND, 'never before its moment').toBeLessThan(100);
    for (let i = 2; i < at.length; i++) expect(Math.round(((at[i] as number) - (at[i - 1] as number)) / SECOND)).toBe(1);
  });

  test('while a sample runs does not start another', async () => {
    const clock = new FakeClock();
    const { at, stats } = setup({ timeout: HOUR, sample: async () => await new Promise(() => {}) }, clock);
    await clock.advance(5 * SECOND);
    clock.jump(-DAY);
    await clock.advance(30 * SECOND);
    clock.jump(2 * DAY);
    await clock.advance(30 * SECOND);
    expect(at).toHaveLength(1);
    expect(stats.samples).toBe(1);
  });
});

test('after a suspend of three hours: one sample, the rest missed, back on the grid', async () => {
  const { clock, at, stats } = setup();
  await clock.advance(35 * SECOND);
  clock.suspend(3 * HOUR + 2 * SECOND);
  await clock.advance(25 * SECOND);
  expect(seconds(at.map((ms) => (ms > HOUR ? ms - 3 * HOUR : ms)))).toEqual([0, 10, 20, 30, 42, 50, 60]);
  expect(stats).toMatchObject({ samples: 7, missed: (3 * HOUR) / (10 * SECOND), overruns: 0 });
});

test('a suspend during a long interval is noticed within a minute of waking', async () => {
  const { clock, at, stats } = setup({ interval: HOUR });
  await clock.advance(MINUTE / 2);
  clock.suspend(5 * HOUR);
  await clock.advance(MINUTE);
  expect(at).toHaveLength(2);
  expect(stats.missed).toBe(4);
});

describe('samples that keep failing', () => {
  /** Minutes are the unit here, so that the ceiling of five of them is soon reached. */
  const failing = (interval: number) => {
    const state = { broken: true };
    const job = setup({
      interval,
      sample: () => {
        if (state.broken) throw new Error('broken');
      },
    });
    return { ...job, state };
  };
  const gaps = (at: readonly number[]): number[] => at.slice(1).map((ms, i) => ms - (at[i] as number));

  test('are tried at every moment twice more, then at pauses that double, to five minutes', async () => {
    const { clock, at, stats } = failing(10 * SECOND);
    await clock.advance(HOUR);
    expect(seconds(gaps(at)).slice(0, 9)).toEqual([10, 10, 20, 40, 80, 160, 300, 300, 300]);
    expect(stats).toMatchObject({ failures: at.length, failuresInARow: at.length, lastError: 'broken', lastSuccess: undefined });
  });

  test('rest no longer than five minutes, or their interval', async () => {
    const uneven = failing(7 * SECOND);
    await uneven.clock.advance(2 * HOUR);
    expect(Math.max(...gaps(uneven.at))).toBe(42 * 7 * SECOND);
    const slow = failing(HOUR);
    await slow.clock.advance(DAY);
    expect(slow.at).toHaveLength(25);
  });

  test('are back at every moment with the first success', async () => {
    const { clock, at, stats, state, done } = failing(10 * SECOND);
    await clock.advance(400 * SECOND);
    state.broken = false;
    await clock.advance(300 * SECOND);
    expect(done).toHaveBeenCalled();
    expect(stats).toMatchObject({ failuresInARow: 0, lastError: undefined });
    const before = at.length;
    await clock.advance(100 * SECOND);
    expect(at.length - before).toBe(10);
    state.broken = true;
    const again = at.length;
    await clock.advance(30 * SECOND);
    expect(at.length - again, 'and the next failure has the whole patience').toBe(3);
  });

  test('tell how many failed in a row', async () => {
    const { clock, failed, state } = failing(10 * SECOND);
    await clock.advance(25 * SECOND);
    state.broken = false;
    await clock.advance(20 * SECOND);
    state.broken = true;
    await clock.advance(40 * SECOND);
    expect(failed.mock.calls.map(([, failures]) => failures).slice(0, 4)).toEqual([1, 2, 3, 1]);
  });

  test('a throw, a rejection and something that is no error are all failures', async () => {
    let n = 0;
    const { clock, stats, failed } = setup({
      sample: () => {
        if (n++ === 0) throw new Error('thrown');
        if (n === 2) throw Object.create(null);
        return Promise.reject(new Error('rejected'));
      },
    });
    await clock.advance(20 * SECOND);
    expect(stats).toMatchObject({ samples: 3, failures: 3 });
    expect(failed).toHaveBeenCalledTimes(3);
  });

  test('a sample that nobody can do anything with is a failed one', async () => {
    const { clock, stats, failed } = setup({
      done: () => {
        throw new Error('no table');
      },
    });
    await clock.advance(10 * SECOND);
    expect(failed.mock.calls).toMatchObject([
      [{ message: 'no table' }, 1],
      [{ message: 'no table' }, 2],
    ]);
    expect(stats).toMatchObject({ failures: 2, lastSuccess: undefined, lastError: 'no table' });
  });
});

describe('a stable offset', () => {
  const names = [...sensorNames(), 'db1', 'db2', 'web-1', 'web-2', 'node', 'disk.sda', 'disk.sdb'];

  test('is the same for the same name, for ever', () => {
    // These may not change: a new version would sample at other moments.
    expect([stableOffset('cpu', 10_000), stableOffset('memory', 10_000), stableOffset('', 10_000)]).toEqual([973, 519, 504]);
  });

  test('is whole, and below a tenth of the interval', () => {
    for (const name of names)
      for (const interval of [100, 1000, 9999, 10_000, DAY]) {
        const offset = stableOffset(name, interval);
        expect(Number.isInteger(offset)).toBe(true);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThan(interval / 10);
      }
  });

  test('is another for most names, and spread over its range', () => {
    const many = Array.from({ length: 1000 }, (_, i) => stableOffset(`sensor-${i}`, 100 * SECOND));
    expect(new Set(many).size).toBeGreaterThan(700);
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = many.filter((offset) => Math.floor(offset / SECOND) === tenth).length;
      expect(share).toBeGreaterThan(50);
      expect(share).toBeLessThan(150);
    }
    expect(new Set(names.map((name) => stableOffset(name, 10 * SECOND))).size).toBeGreaterThan(names.length * 0.9);
  });
});
