/** How many scrapes are under way, and whose turn it is: the dead hold up none of the living, whether that is known of them or not. */
import { describe, expect, test } from 'vitest';
import { Slots } from '../../src/scrape/slots.ts';
import { FakeClock } from '../clock.ts';

const signal = new AbortController().signal;
const never = (): boolean => false;
const always = (): boolean => true;
/** Where it does not matter who is asked. */
const someone = (): object => ({});

/** Scrapes that ask for slots one after the other, and the order in which they get them. */
function asking(slots: Slots, count: number, answered: () => boolean) {
  const order: number[] = [];
  const release: (() => void)[] = [];
  for (let i = 0; i < count; i++) {
    void Promise.resolve(slots.live(signal, answered)).then((free) => {
      order.push(i);
      release[i] = free;
    });
  }
  return { order, release };
}

describe('of the living', () => {
  test('are taken in order, and no more than there are', async () => {
    const clock = new FakeClock();
    const { order, release } = asking(new Slots(2, clock), 5, always);
    await clock.advance(10_000);
    expect(order).toEqual([0, 1]);
    release[0]?.();
    // Twice is once.
    release[0]?.();
    await clock.advance(0);
    expect(order).toEqual([0, 1, 2]);
    release[1]?.();
    release[2]?.();
    await clock.advance(0);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test('are not waited for longer than the signal says', async () => {
    const slots = new Slots(1, new FakeClock());
    const release = await slots.live(signal, always);
    const controller = new AbortController();
    const waiting = slots.live(controller.signal, always) as Promise<() => void>;
    controller.abort(new Error('too late'));
    await expect(waiting).rejects.toThrow('too late');
    release();
    expect(typeof slots.live(signal, always)).toBe('function');
  });

  test('are given up for those that wait by who waits for an answer in vain', async () => {
    const clock = new FakeClock();
    const { order, release } = asking(new Slots(2, clock), 7, never);
    await clock.advance(50);
    expect(order).toEqual([0, 1]);
    await clock.advance(100);
    expect(order).toEqual([0, 1, 2, 3]);
    await clock.advance(1000);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(clock.timers).toBe(0);
    // Those that gave theirs up have none to give back.
    for (const free of release.slice(0, 5)) free();
    const more = asking(new Slots(2, clock), 3, always);
    await clock.advance(1000);
    expect(more.order).toEqual([0, 1]);
  });

  test('are kept by who answers, however slowly', async () => {
    const clock = new FakeClock();
    const slots = new Slots(2, clock);
    const slow = await slots.live(signal, always);
    await slots.live(signal, never);
    const { order } = asking(slots, 3, always);
    await clock.advance(10_000);
    // The one without an answer made room for one.
    expect(order).toEqual([0]);
    slow();
    await clock.advance(10_000);
    expect(order).toEqual([0, 1]);
  });
});

describe('of the dead', () => {
  test('are others, and are not waited for', async () => {
    const slots = new Slots(1, new FakeClock());
    const release = Array.from({ length: 8 }, () => slots.tryDead(someone()));
    expect(release).not.toContain(undefined);
    expect(slots.tryDead(someone())).toBeUndefined();
    expect(typeof slots.live(signal, always)).toBe('function');
  });

  test('go to who has not been tried for the longest', () => {
    const slots = new Slots(1, new FakeClock());
    const targets = Array.from({ length: 20 }, (_, i) => ({ i, tried: 0, gap: 0 }));
    for (let round = 1; round <= 50; round++) {
      // Each of them takes all of its time, and its next turn comes when that is over.
      const taken = targets.map((target) => {
        const release = slots.tryDead(target);
        if (!release) return undefined;
        target.gap = Math.max(target.gap, round - target.tried);
        target.tried = round;
        return release;
      });
      expect(taken.filter((release) => release !== undefined)).toHaveLength(8);
      for (const release of taken) release?.();
    }
    expect(Math.max(...targets.map(({ gap }) => gap))).toBeLessThanOrEqual(4);
    expect(Math.min(...targets.map(({ tried }) => tried))).toBeGreaterThan(46);
  });

  test('are not kept for who is gone', () => {
    const slots = new Slots(1, new FakeClock());
    const taken = Array.from({ length: 8 }, () => slots.tryDead(someone()));
    const [gone, other] = [someone(), someone()];
    expect([slots.tryDead(gone), slots.tryDead(other)]).toEqual([undefined, undefined]);
    taken[0]?.();
    expect(slots.tryDead(other)).toBeUndefined();
    slots.forget(gone);
    expect(slots.tryDead(other)).toBeDefined();
  });

  test('are tried however many die at once, and of those only so many go on beside', async () => {
    const clock = new FakeClock();
    const slots = new Slots(1, clock);
    const { order, release } = asking(slots, 20, never);
    await clock.advance(5000);
    // One has the slot, and eight times as many gave it up.
    expect(order).toHaveLength(9);
    expect(Array.from({ length: 9 }, () => slots.tryDead(someone())).filter(Boolean)).toHaveLength(8);
    release[0]?.();
    await clock.advance(200);
    expect(order).toHaveLength(10);
  });
});
