/**
 * Owns time: calls each job at aligned moments of the wall clock, `k × interval + offset`, and never twice at once.
 *
 * Limits: one sample of a job at a time; a sample outlasting `timeout` is aborted, and its job rests until it really ends, so that what
 * hangs hangs once. A job whose samples keep failing rests longer: from the third failure in a row its pause doubles, to BACKOFF_MS_MAX.
 *
 * Timers run on the monotonic clock and are held against the wall clock whenever one fires, at least every CHECK_MS: after a jump of
 * the wall clock or a suspend the job samples once, the moments that passed are counted as missed, and the grid is the new time's.
 */
import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';

import { countFailure, type JobStats, noStats } from './job-stats.ts';
import { Skew } from './skew.ts';

/** Longest sleep between two looks at the wall clock, in milliseconds. */
const CHECK_MS = 60_000;
/** A job that keeps failing is tried at least this often, in milliseconds, or at its interval if that is longer. */
const BACKOFF_MS_MAX = 300_000;
/** Failures in a row that change nothing yet. */
const PATIENCE = 2;
/** How far a timer may be off the wall clock before it is the clock that moved, in milliseconds. */
const JUMP_MS = 1500;

export type { JobStats } from './job-stats.ts';

export interface Job<T> {
  readonly name: string;
  /** In milliseconds, as are `timeout` and `offset`. */
  readonly interval: number;
  readonly timeout: number;
  /** Where in the interval its moments are; see `stableOffset`. */
  readonly offset: number;
  /** Whether it is sampled when it is added, too, and not only at its moments. Default true. */
  readonly atOnce?: boolean;
  /** Jobs of one group that are due at one moment have their skew measured. */
  readonly group?: string | undefined;
  /** May return directly. `time` is the wall clock's now, in milliseconds, and the same that `done` will be told. */
  sample(signal: AbortSignal, time: number): T | Promise<T>;
  /** Told of each sample that succeeded; a throw makes it a failed one. `time` is the wall clock's when it began, in milliseconds. */
  done(result: T, time: number): void;
  /** Told of each that did not; `failures` is how many in a row. Must not throw. */
  failed(error: unknown, failures: number): void;
}

/**
 * A share of the interval that is always the same for the same name, in milliseconds: at most a tenth of the interval. The name is the
 * agent's, so that what one agent samples in one round is of one moment and costs one wake-up, and no two agents of a fleet need their
 * resources in the same instant.
 */
export const stableOffset = (name: string, interval: number): number => Math.floor(shareOf(name) * (interval / 10));

/** A number from 0 to 1 that is always the same for the same name. */
function shareOf(name: string): number {
  // FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** As `stableOffset`, over the whole interval: for the many targets of one sensor, of which no two need to be at one moment. */
export const spreadOffset = (name: string, interval: number): number => Math.floor(shareOf(name) * interval);

export class Scheduler {
  readonly #clock: Clock;
  readonly #alarms: Alarms;
  readonly #timetables = new Set<{ stop(): void }>();
  readonly #skews = new Map<string, Skew>();

  /** `onRound` is told before and after (`over`) the jobs of one moment are called; those that return directly are done then. */
  constructor(clock: Clock, onRound: (over: boolean) => void = () => {}) {
    this.#clock = clock;
    this.#alarms = new Alarms(clock, onRound);
  }

  /** Samples the job now unless it is not `atOnce`, and from then on at its moments. */
  add<T>(job: Job<T>): { readonly stats: Readonly<JobStats>; stop(): void } {
    const { group } = job;
    const skew = group === undefined ? undefined : (this.#skews.get(group) ?? new Skew());
    if (group !== undefined && skew) this.#skews.set(group, skew);
    const timetable = new Timetable(job, this.#clock, this.#alarms, skew, () => this.#timetables.delete(timetable));
    this.#timetables.add(timetable);
    timetable.start();
    return timetable;
  }

  /** How much longer than it ever sleeps nothing has woken it, while there are jobs, in milliseconds. */
  get late(): number {
    return this.#alarms.late;
  }

  /** No job is called any more; samples in progress are aborted and not heard. */
  stop(): void {
    for (const timetable of this.#timetables) timetable.stop();
  }
}

/** The next moments of all jobs. Those at the same moment share one timer: one wake-up, in the order in which they were set. */
class Alarms {
  readonly #clock: Clock;
  readonly #onRound: (over: boolean) => void;
  readonly #moments = new Map<number, { readonly calls: Set<() => void>; readonly cancel: () => void }>();
  /** When the last one rang, or the first of them was set, on the monotonic clock. */
  #rang = 0;

  constructor(clock: Clock, onRound: (over: boolean) => void) {
    this.#clock = clock;
    this.#onRound = onRound;
  }

  /** Calls back at a time of the wall clock, or after CHECK_MS if that is sooner. The returned function cancels. */
  set(time: number, call: () => void): () => void {
    let moment = this.#moments.get(time);
    if (this.#moments.size === 0) this.#rang = this.#clock.monotonic();
    if (moment === undefined) {
      const left = Math.max(1, time - this.#clock.wall());
      moment = { calls: new Set(), cancel: this.#clock.after(Math.min(left, CHECK_MS), () => this.#ring(time)) };
      this.#moments.set(time, moment);
    }
    const { calls, cancel } = moment;
    calls.add(call);
    return () => {
      // While they are being called the moment is no longer kept, and this one is passed over.
      if (!calls.delete(call) || calls.size > 0 || this.#moments.get(time)?.calls !== calls) return;
      this.#moments.delete(time);
      cancel();
    };
  }

  /** See `Scheduler.late`. */
  get late(): number {
    return this.#moments.size === 0 ? 0 : Math.max(0, this.#clock.monotonic() - this.#rang - CHECK_MS);
  }

  #ring(time: number): void {
    this.#rang = this.#clock.monotonic();
    const calls = this.#moments.get(time)?.calls ?? new Set();
    // What is called sets its next moment, which after an early look is this one again.
    this.#moments.delete(time);
    this.#onRound(false);
    try {
      for (const call of calls) call();
    } finally {
      this.#onRound(true);
    }
  }
}

class Timetable<T> {
  readonly stats = noStats();
  readonly #job: Job<T>;
  readonly #clock: Clock;
  readonly #alarms: Alarms;
  readonly #skew: Skew | undefined;
  readonly #onStop: () => void;
  #running = false;
  #stopped = false;
  #cancel: () => void = () => {};
  /** The next moment, in the wall clock's milliseconds. */
  #due = 0;
  /** Moments to let pass because the job keeps failing. */
  #skip = 0;

  constructor(job: Job<T>, clock: Clock, alarms: Alarms, skew: Skew | undefined, onStop: () => void) {
    this.#job = job;
    this.#clock = clock;
    this.#alarms = alarms;
    this.#skew = skew;
    this.#onStop = onStop;
  }

  start(): void {
    this.#due = this.#after(this.#clock.wall());
    if (this.#job.atOnce === false) return this.#sleep();
    this.#cancel = this.#clock.after(0, () => {
      this.#sample();
      this.#sleep();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#onStop();
    this.#controller.abort(new Error(`${this.#job.name} is stopped`));
  }

  /** The first moment after a wall-clock time. */
  #after(time: number): number {
    const { interval, offset } = this.#job;
    // Half a millisecond more, because with an interval that is no binary fraction a moment may come out just before itself.
    return (Math.floor((time + 0.5 - offset) / interval) + 1) * interval + offset;
  }

  #sleep(): void {
    if (!this.#stopped) this.#cancel = this.#alarms.set(this.#due, this.#look);
  }

  /** A timer fired: is it time, is it too early, did the clock jump? */
  readonly #look = (): void => {
    const { interval } = this.#job;
    const now = this.#clock.wall();
    const early = this.#due - now;
    if (early > interval + JUMP_MS) {
      // The wall clock went back: the old moment may be hours away.
      this.#due = this.#after(now);
      this.#tick();
    } else if (early <= 1) {
      // A timer may fire up to a millisecond early; the next moment counts from the one that was due.
      this.stats.missed += Math.max(0, Math.floor((now - this.#due) / interval));
      const moment = this.#due;
      this.#due = this.#after(Math.max(now, this.#due));
      this.#tick(moment);
    }
    this.#sleep();
  };

  /** `moment` is the one that was due; undefined after a jump of the clock, as at the start, where none was. */
  #tick(moment?: number): void {
    if (this.#running) this.stats.overruns++;
    else if (this.#skip > 0) this.#skip--;
    else this.#sample(moment);
  }

  #sample(moment?: number): void {
    const { stats } = this;
    const time = this.#clock.wall();
    const began = this.#clock.monotonic();
    if (this.#skew && moment !== undefined) {
      stats.skew = this.#skew.of(moment, began);
      stats.maxSkew = Math.max(stats.maxSkew ?? 0, stats.skew);
    }
    this.#running = true;
    stats.samples++;
    const finish = (end: () => void): void => {
      stats.duration = this.#clock.monotonic() - began;
      stats.totalDuration += stats.duration;
      if (!this.#stopped) end();
    };
    let result: T | Promise<T>;
    try {
      result = this.#job.sample(this.#controller.signal, time);
    } catch (error) {
      this.#running = false;
      return finish(() => this.#failed(error, time));
    }
    if (!(result instanceof Promise)) {
      this.#running = false;
      const direct = result;
      return finish(() => this.#succeeded(direct, time));
    }
    void this.#wait(result).then(
      (value) => finish(() => this.#succeeded(value, time)),
      (error: unknown) => finish(() => this.#failed(error, time)),
    );
  }

  /** One controller serves every sample until one of them has to be aborted. */
  #controller = new AbortController();

  /** Waits for a sample no longer than its timeout; the job counts as running until the sample itself has ended. */
  #wait(result: Promise<T>): Promise<T> {
    const ended = result.finally(() => {
      this.#running = false;
    });
    const { timeout, name } = this.#job;
    return withDeadline(this.#clock, timeout, `a sample of ${name}`, (signal) => {
      signal.addEventListener('abort', () => {
        this.stats.timeouts++;
        this.#controller.abort(signal.reason);
        this.#controller = new AbortController();
      });
      return ended;
    });
  }

  #succeeded(result: T, time: number): void {
    try {
      this.#job.done(result, time);
    } catch (error) {
      return this.#failed(error, time);
    }
    this.stats.failuresInARow = 0;
    this.stats.failingSince = undefined;
    this.stats.lastSuccess = time;
    this.stats.lastError = undefined;
  }

  #failed(error: unknown, time: number): void {
    const { stats } = this;
    countFailure(stats, error, time);
    const doublings = stats.failuresInARow - PATIENCE;
    if (doublings > 0)
      this.#skip = Math.floor(Math.min(2 ** Math.min(doublings, 30), Math.max(1, BACKOFF_MS_MAX / this.#job.interval))) - 1;
    this.#job.failed(error, stats.failuresInARow);
  }
}
