/** Buffers that nobody needs any longer are collected when they are many, and not more often than it is worth. */
import { describe, expect, it } from 'vitest';
import { BufferGarbage } from '../src/buffer-garbage.ts';
import { FakeClock } from './clock.ts';

const MIB = 2 ** 20;
const MINUTE = 60;

/** A heap that holds so many MiB in use, to which each second adds garbage. */
function heap(clock: FakeClock, live: number, perSecond: number) {
  const state = { live, garbage: 0, collections: 0, most: 0 };
  const garbage = new BufferGarbage(clock, {
    held: () => (state.live + state.garbage) * MIB,
    collect: async () => {
      state.collections++;
      state.garbage = 0;
      await Promise.resolve();
    },
  });
  const run = async (seconds: number): Promise<typeof state> => {
    for (let second = 0; second < seconds; second++) {
      garbage.look();
      state.garbage += perSecond;
      state.most = Math.max(state.most, state.garbage);
      await clock.advance(1000);
    }
    return { ...state };
  };
  return { state, run };
}

describe('BufferGarbage', () => {
  it('lets no more than 4 MiB gather where little is to do', async () => {
    const { collections, most } = await heap(new FakeClock(), 10, 1 / 16).run(30 * MINUTE);
    expect(most).toBeLessThan(5);
    expect(collections).toBe(27);
  });

  it('collects nothing in the first minute, and no more often than once in one', async () => {
    const { run } = heap(new FakeClock(), 10, 5);
    expect(await run(MINUTE)).toMatchObject({ collections: 0 });
    expect(await run(10 * MINUTE)).toMatchObject({ collections: 10 });
  });

  it('does not collect again for what is in use', async () => {
    const { run, state } = heap(new FakeClock(), 10, 0);
    await run(2 * MINUTE);
    state.live = 50;
    expect(await run(10 * MINUTE)).toMatchObject({ collections: 1 });
    state.live = 5;
    await run(MINUTE);
    state.live = 10;
    expect(await run(MINUTE)).toMatchObject({ collections: 2 });
  });

  it('goes on after a collection that failed', async () => {
    const clock = new FakeClock();
    let [held, tries] = [10, 0];
    const garbage = new BufferGarbage(clock, {
      held: () => held * MIB,
      collect: async () => {
        tries++;
        await Promise.reject(new Error('no'));
      },
    });
    for (let minute = 0; minute < 4; minute++) {
      garbage.look();
      held += 10;
      await clock.advance(60_000);
    }
    expect(tries).toBeGreaterThan(1);
  });
});
