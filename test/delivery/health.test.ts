/** Whether the broker may be called: when the breaker opens and closes, how long is waited, what is said of it. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Health } from '../../src/delivery/health.ts';
import { SinkError, type SinkErrorCode } from '../../src/errors.ts';
import { FakeClock } from '../clock.ts';
import { SEED } from '../events.ts';
import { ReadLog } from './parts.ts';
import { Random } from './simulation/random.ts';

const FAILURES = 5;
const AFTER = 2000;
const OPTIONS = {
  breaker: { failures: FAILURES, after: AFTER, probe_max: 1500 },
  backoff: { initial: 500, max: 30_000 },
};

function healthOf(random = () => 0) {
  const [clock, log, changes] = [new FakeClock(), new ReadLog(), vi.fn<() => void>()];
  const health = new Health('sink', OPTIONS, clock, log, random, changes);
  const fail = async (message = 'down', code: SinkErrorCode = 'transient'): Promise<void> => {
    await health.call(async () => await Promise.reject(new SinkError(code, message))).catch(() => {});
  };
  const succeed = async (): Promise<void> => await health.call(async () => await Promise.resolve());
  /** Fails until the breaker is open. */
  const open = async (): Promise<void> => {
    for (let i = 1; i < FAILURES; i++) await fail();
    await clock.advance(AFTER);
    await fail();
    expect(health.status().breaker).toBe('open');
  };
  return { clock, log, changes, health, fail, succeed, open };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the breaker opens', () => {
  test('not for many failures in a short time', async () => {
    const { health, clock, fail } = healthOf();
    for (let i = 0; i < 100; i++) await fail();
    await clock.advance(AFTER - 1);
    await fail();
    expect(health.status()).toMatchObject({ breaker: 'closed', failures: 101 });
    await clock.advance(1);
    await fail();
    expect(health.status().breaker).toBe('open');
  });

  test('not for few failures in a long time', async () => {
    const { health, clock, fail } = healthOf();
    for (let i = 1; i < FAILURES; i++) {
      await clock.advance(60_000);
      await fail();
    }
    expect(health.status().breaker).toBe('closed');
    await fail();
    expect(health.status().breaker).toBe('open');
  });

  test('not while anything goes well in between', async () => {
    const { health, clock, fail, succeed } = healthOf();
    for (let i = 0; i < 50; i++) {
      for (let k = 1; k < FAILURES; k++) await fail();
      await clock.advance(AFTER);
      await succeed();
    }
    expect(health.status()).toMatchObject({ breaker: 'closed', failures: 0, reason: undefined });
    // The time counts from the last success, not from the first failure.
    for (let k = 0; k < FAILURES; k++) await fail();
    expect(health.status().breaker).toBe('closed');
  });

  test('not for rejected events, which are answers', async () => {
    const { health, clock, fail } = healthOf();
    for (let i = 0; i < 50; i++) {
      await fail('never', 'rejected');
      await clock.advance(AFTER);
    }
    expect(health.status()).toMatchObject({ breaker: 'closed', failures: 0 });
    expect([health.healthy, health.wait]).toEqual([true, 0]);
  });
});

describe('the delay after a failure', () => {
  test('is a tenth of the time since the last success, between two milliseconds and the initial back-off', async () => {
    const { health, clock, fail, succeed } = healthOf();
    const delays: (number | undefined)[] = [];
    for (const since of [0, 5, 100, 1000, 100_000]) {
      await succeed();
      await clock.advance(since);
      await fail();
      delays.push(health.wait);
    }
    expect(delays).toEqual([2, 2, 10, 100, 500]);
    expect(health.status().nextProbe).toBe(500);
    await clock.advance(500);
    expect([health.wait, health.status().nextProbe]).toEqual([0, 0]);
  });

  test(`costs a broker that fails 70 % of calls less than half of the time that they take, and it is not given up (SEED=${SEED})`, async () => {
    const [CALLS, CALL_MS, FAILING] = [20_000, 5, 0.7];
    const random = new Random(SEED);
    const { health, clock, fail, succeed } = healthOf(() => random.next());
    let waited = 0;
    for (let i = 0; i < CALLS; i++) {
      await clock.advance(CALL_MS);
      await (random.chance(FAILING) ? fail() : succeed());
      const wait = health.wait as number;
      await clock.advance(wait);
      waited += wait;
    }
    expect(waited / (CALLS * CALL_MS)).toBeLessThan(0.5);
    expect(health.status().changes.opened).toBe(0);
  });

  test('doubles from probe to probe up to its most, and starts anew after a success', async () => {
    const { health, clock, fail, succeed, open } = healthOf();
    for (let outage = 0; outage < 2; outage++) {
      await open();
      const delays: (number | undefined)[] = [];
      for (let i = 0; i < 5; i++) {
        delays.push(health.wait);
        await clock.advance(health.wait as number);
        await fail();
      }
      expect(delays).toEqual([500, 1000, 1500, 1500, 1500]);
      await succeed();
      expect([health.wait, health.status().breaker]).toEqual([0, 'closed']);
    }
  });

  test('is made up to half shorter at random', async () => {
    const { health, open } = healthOf(() => 0.999_999);
    await open();
    expect(health.wait).toBeCloseTo(250, 1);
  });

  test('is the longest where the configuration is wrong, which is said as an error', async () => {
    for (const opened of [false, true]) {
      const { health, fail, open, log } = healthOf();
      if (opened) await open();
      await fail('access refused', 'misconfigured');
      expect(health.wait).toBe(OPTIONS.backoff.max);
      expect(log.lines.at(-1)).toBe('error: the sink fails; its events wait');
    }
  });

  test('ends when an operator asks for a probe', async () => {
    const { health, open, changes } = healthOf();
    await open();
    changes.mockClear();
    health.probe();
    expect(health.wait).toBe(0);
    expect(changes).toHaveBeenCalledOnce();
  });
});

describe('while it is open', () => {
  test('one probe at a time is made, and who waits is told when it ends', async () => {
    const { health, clock, open, changes } = healthOf();
    await open();
    await clock.advance(500);
    expect(health.wait).toBe(0);
    let end: () => void = () => {};
    const probe = health.call(
      async () =>
        await new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    await clock.advance(60_000);
    expect([health.wait, health.status().breaker]).toEqual([undefined, 'half_open']);
    changes.mockClear();
    end();
    await probe;
    expect([health.wait, health.status().breaker]).toEqual([0, 'closed']);
    expect(changes).toHaveBeenCalled();
  });

  test('a probe that fails leaves it open, and who waits is told', async () => {
    const { health, clock, open, fail, changes } = healthOf();
    await open();
    await clock.advance(500);
    changes.mockClear();
    await fail();
    expect([health.wait, health.status().breaker]).toEqual([1000, 'open']);
    expect(changes).toHaveBeenCalled();
  });

  test('a rejected event closes it', async () => {
    const { health, clock, open, fail } = healthOf();
    await open();
    await clock.advance(500);
    await fail('never', 'rejected');
    expect(health.status()).toMatchObject({ breaker: 'closed', failures: 0, reason: undefined });
    expect(health.healthy).toBe(true);
  });

  test.each([-3_600_000, 3_600_000])('a wall clock that is set by %d ms changes nothing', async (ms) => {
    const now = vi.spyOn(Date, 'now');
    now.mockReturnValue(1_763_856_000_000);
    const { health, clock, open, fail, succeed } = healthOf();
    await open();
    now.mockReturnValue(1_763_856_000_000 + ms);
    clock.jump(ms);
    expect(health.wait).toBe(500);
    await clock.advance(500);
    const called = vi.fn<() => Promise<void>>(async () => await Promise.reject(new Error('down')));
    await health.call(called).catch(() => {});
    // The call was made, not refused by the breaker.
    expect(called).toHaveBeenCalledOnce();
    await fail();
    await succeed();
    expect(health.status().breaker).toBe('closed');
  });
});

test('a broker that asks to wait is not called until it says so, whatever else may be', async () => {
  const { health, clock, open, changes } = healthOf();
  health.blocked('memory alarm');
  expect([health.wait, health.isBlocked, health.healthy]).toEqual([undefined, true, false]);
  expect(health.status().blocked).toBe('memory alarm');
  await clock.advance(3_600_000);
  expect(health.wait).toBeUndefined();
  health.blocked(undefined);
  expect([health.wait, health.isBlocked, health.healthy]).toEqual([0, false, true]);
  expect(changes).toHaveBeenCalledTimes(2);
  await open();
  health.blocked('disk alarm');
  expect(health.wait).toBeUndefined();
});

test('each change is said once, and nothing else', async () => {
  const { health, clock, log, fail, succeed, open } = healthOf();
  await succeed();
  await succeed();
  expect(log.lines).toEqual([]);
  await open();
  for (let i = 0; i < 10; i++) await fail();
  await fail('something else');
  await fail('something else');
  await succeed();
  await succeed();
  health.blocked('memory alarm');
  health.blocked('memory alarm');
  health.blocked(undefined);
  health.blocked(undefined);
  expect(log.lines).toEqual([
    'warn: the sink fails; its events wait',
    'warn: the breaker opens',
    'warn: the sink fails; its events wait',
    'info: the breaker closes',
    'info: the sink works again',
    'warn: the broker asks to wait',
    'info: the broker takes events again',
  ]);
  expect(log.facts[1]).toEqual({ sink: 'sink', reason: 'down' });
  expect(log.facts[4]).toEqual({ sink: 'sink', failures: FAILURES + 12 });
  await clock.advance(1);
  expect(clock.timers).toBe(0);
});

test('what the breaker did is counted, and when it did it last', async () => {
  const { health, clock, open, fail, succeed } = healthOf();
  expect(health.status()).toMatchObject({ changes: { opened: 0, closed: 0, probes: 0 }, since: undefined });
  await open();
  const opened = clock.wall();
  expect(health.status()).toMatchObject({ changes: { opened: 1, closed: 0, probes: 0 }, since: opened });
  for (let i = 1; i <= 3; i++) {
    await clock.advance(1500);
    await fail();
    // A probe that fails is no outage of its own.
    expect(health.status()).toMatchObject({ changes: { opened: 1, closed: 0, probes: i }, since: opened });
  }
  await clock.advance(1500);
  await succeed();
  expect(health.status()).toMatchObject({ changes: { opened: 1, closed: 1, probes: 4 }, since: clock.wall() });
});
