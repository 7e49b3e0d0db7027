/** A job on a scheduler whose clock stands still. */
import { vi } from 'vitest';
import { type Job, type JobStats, Scheduler } from '../src/scheduler.ts';
import { FakeClock } from './clock.ts';

export const SECOND = 1000;
export const HOUR = 3600 * SECOND;
export const DAY = 24 * HOUR;

/** A job on a scheduler; `at` has when each of its samples began, in wall-clock milliseconds since the start. */
export function setup(job: Partial<Job<unknown>> = {}, clock = new FakeClock()) {
  const scheduler = new Scheduler(clock);
  const start = clock.wall();
  const at: number[] = [];
  const done = vi.fn();
  const failed = vi.fn<(error: unknown, failures: number) => void>();
  const { sample = () => 'sampled', ...rest } = job;
  const added = scheduler.add({
    name: 'job',
    interval: 10 * SECOND,
    timeout: 5 * SECOND,
    offset: 0,
    sample: (signal, time) => {
      at.push(clock.wall() - start);
      return sample(signal, time);
    },
    done,
    failed,
    ...rest,
  });
  return { clock, scheduler, added, stats: added.stats as JobStats, at, done, failed };
}

/** Whole seconds, as the moments of these tests are. */
export const seconds = (at: readonly number[]): number[] => at.map((ms) => ms / SECOND);
