/** What is counted of samples: time, and failures by few words whatever is thrown. */
import { expect, test } from 'vitest';
import { DeadlineExceeded } from '../src/deadline.ts';
import { Malformed, Unavailable } from '../src/errors.ts';
import { failureOf } from '../src/job-stats.ts';
import { Scheduler } from '../src/scheduler.ts';
import { FakeClock } from './clock.ts';

test.each([
  [new DeadlineExceeded('late'), 'timeout'],
  [new Malformed('no number', 'file', 1, 'x'), 'malformed'],
  [new Unavailable('gone'), 'unavailable'],
  [Object.assign(new Error('no'), { code: 'EACCES' }), 'system'],
  [new Error('ENOENT in a text alone'), 'other'],
  [undefined, 'other'],
] as const)('%s is %s', (error, why) => {
  expect(failureOf(error)).toBe(why);
});

test('a job’s failures are counted by why, and the time of all its samples, those that fail too', async () => {
  const clock = new FakeClock();
  const errors = [undefined, new Malformed('no number', 'file', 1, 'x'), new Error('x')];
  const job = {
    name: 'job',
    interval: 1000,
    timeout: 500,
    offset: 0,
    sample: () => {
      clock.spend(10);
      const error = errors.shift();
      if (error) throw error;
      return 1;
    },
    done: () => {},
    failed: () => {},
  };
  const { stats } = new Scheduler(clock).add(job);
  await clock.advance(2900);
  expect(stats).toMatchObject({ samples: 3, failures: 2, failed: { malformed: 1, other: 1 }, totalDuration: 30, duration: 10 });
});
