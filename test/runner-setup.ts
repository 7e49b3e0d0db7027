/** A runner with a destination of its own, on a clock that stands still. */
import { type Log, silent } from '../src/log.ts';
import { Runner } from '../src/runner.ts';
import type { RunnerOptions } from '../src/runner-types.ts';
import { FakeClock } from './clock.ts';
import { eventOf } from './events.ts';
import { Destination } from './scripted-sink.ts';

/** Deadline of each call, in milliseconds. */
export const TIMEOUT = 1000;

const OPTIONS: RunnerOptions = {
  queue: { max_events: 100, max_bytes: 1e6, when_full: 'drop_oldest' },
  batch: { max_events: 10, max_bytes: 1e6, wait: 500 },
  timeout: TIMEOUT,
  backoff: { initial: 100, max: 1600 },
};

/** `create` makes another runner to the same destination, `publish` publishes the events that come next by number. */
export function setup(options: Partial<RunnerOptions> = {}, log: Log = silent, clock = new FakeClock()) {
  const to = new Destination(clock, TIMEOUT);
  const create = (more: Partial<RunnerOptions> = {}): Runner => {
    const runner: Runner = new Runner('sink', () => to.open(() => runner), { ...OPTIONS, ...options, ...more }, clock, log);
    return runner;
  };
  const runner = create();
  let n = 0;
  const publish = (count: number, on = runner): void => {
    for (let i = 0; i < count; i++) on.publish(eventOf(++n, { time: clock.wall() }));
  };
  return { clock, to, runner, create, publish, ledger: (of = runner) => of.status().ledger };
}

export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
