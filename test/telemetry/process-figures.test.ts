/** The watch of the event loop: closely while somebody asks, loosely for who only takes notes, and of a stall it tells in either case. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProcessFigures } from '../../src/telemetry/process-figures.ts';

const watches: { resolution: number; enabled: boolean }[] = [];
const loop = { now: 0, delay: 0 };

vi.mock('node:perf_hooks', () => ({
  performance: { now: () => loop.now, eventLoopUtilization: () => ({ utilization: 0.5 }) },
  monitorEventLoopDelay: ({ resolution }: { resolution: number }) => {
    const watch = { resolution, enabled: false };
    watches.push(watch);
    const ns = (): number => (resolution + loop.delay) * 1e6;
    return {
      enable: () => (watch.enabled = true),
      disable: () => (watch.enabled = false),
      reset: () => {},
      percentile: ns,
      get max() {
        return ns();
      },
    };
  },
}));

describe('the watch of the event loop', () => {
  let figures: ProcessFigures;
  const after = (seconds: number, asked: boolean) => {
    loop.now += 1000 * seconds;
    return figures.read(asked).loop;
  };
  const running = () => watches.filter(({ enabled }) => enabled).map(({ resolution }) => resolution);

  beforeEach(() => {
    watches.length = 0;
    Object.assign(loop, { now: 0, delay: 0 });
    figures = new ProcessFigures();
  });
  afterEach(() => figures.stop());

  it('is loose while nobody asks, close from the first question on, and loose a minute after the last', () => {
    figures.read(false);
    expect(running()).toEqual([500]);
    after(5, true);
    expect(running()).toEqual([100]);
    after(59, false);
    expect(running()).toEqual([100]);
    after(2, false);
    expect(running()).toEqual([500]);
    figures.stop();
    expect(running()).toEqual([]);
  });

  it('tells the same delay in both, and keeps the last one until the next is known', () => {
    figures.read(false);
    loop.delay = 700;
    expect(after(10, false)).toMatchObject({ p50: expect.closeTo(0.7), p99: expect.closeTo(0.7), max: expect.closeTo(0.7) });
    loop.delay = 30;
    expect(after(1, true)?.p99).toBeCloseTo(0.7);
    expect(after(5, true)?.p99).toBeCloseTo(0.7);
    expect(after(5, true)?.p99).toBeCloseTo(0.03);
  });
});
