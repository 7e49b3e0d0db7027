/**
 * The targets of one sensor: each is a job of the scheduler, at moments of its own, and comes and goes while the sensor runs.
 *
 * What is wrong with a target is logged when it begins, when it changes and when it ends.
 */
import type { Clock } from './clock.ts';
import { describe } from './errors.ts';
import type { AnyTable } from './event.ts';
import type { Log } from './log.ts';
import type { Publisher } from './publisher.ts';
import { type JobStats, type Scheduler, spreadOffset } from './scheduler.ts';
import type { Target } from './sensor.ts';
import { SampleTrace, type Tracing } from './tracing.ts';

/** How much longer than its timeout a target may take before its sample is given up as one that hangs, in milliseconds. */
const GRACE_MS = 1000;
/** Targets that are named in a status; the others are counted. */
const NAMED_MAX = 100;

/** What is known of a sensor's targets. */
export interface TargetsStatus {
  readonly total: number;
  readonly failing: number;
  /** Since when any of them fails, as Unix time in milliseconds: the one of them that fails the longest. */
  readonly failingSince: number | undefined;
  /** Moments at which a target's sample before was still running, of all targets. */
  readonly overruns: number;
  /** Targets with what is wrong with them, as many as fit. */
  readonly problems: readonly { readonly name: string; readonly problem: string }[];
}

interface Task {
  readonly target: Target;
  readonly timetable: { readonly stats: Readonly<JobStats>; stop(): void };
  complaint: string | undefined;
  /** Since when there is one, as Unix time in milliseconds. */
  since: number | undefined;
}

export class TargetTasks {
  readonly #sensor: { readonly name: string; readonly interval: number; readonly timeout: number };
  readonly #scheduler: Scheduler;
  readonly #publisher: Publisher;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tracing: Tracing | undefined;
  readonly #tasks = new Map<string, Task>();
  #closed = false;

  constructor(
    sensor: { readonly name: string; readonly interval: number; readonly timeout: number },
    scheduler: Scheduler,
    publisher: Publisher,
    clock: Clock,
    log: Log,
    tracing?: Tracing,
  ) {
    this.#sensor = sensor;
    this.#scheduler = scheduler;
    this.#publisher = publisher;
    this.#clock = clock;
    this.#log = log;
    this.#tracing = tracing;
  }

  /** These are the targets from now on: those that are new begin, those that are gone end, the others go on. */
  change(targets: readonly Target[]): void {
    if (this.#closed) return;
    const wanted = new Set(targets);
    for (const [name, task] of this.#tasks) {
      if (wanted.has(task.target)) continue;
      task.timetable.stop();
      this.#tasks.delete(name);
      this.#publisher.publish(task.target.leave(), this.#clock.wall(), task.target.labels);
    }
    for (const target of targets) if (!this.#tasks.has(target.name)) this.#begin(target);
  }

  status(): TargetsStatus {
    const tasks = [...this.#tasks.values()];
    const failing = tasks.filter(({ complaint }) => complaint !== undefined);
    return {
      total: tasks.length,
      failing: failing.length,
      failingSince: failing.reduce<number | undefined>(
        (first, { since = Infinity }) => Math.min(first ?? since, since),
        undefined,
      ),
      overruns: tasks.reduce((sum, { timetable }) => sum + timetable.stats.overruns, 0),
      problems: failing.slice(0, NAMED_MAX).map(({ target, complaint }) => ({ name: target.name, problem: complaint as string })),
    };
  }

  /** Ends them all; nothing more is published. */
  close(): void {
    this.#closed = true;
    for (const { timetable, target } of this.#tasks.values()) {
      timetable.stop();
      target.leave();
    }
    this.#tasks.clear();
  }

  #begin(target: Target): void {
    const { name, interval, timeout } = this.#sensor;
    const trace = new SampleTrace(this.#tracing, name);
    const timetable = this.#scheduler.add<readonly AnyTable[]>({
      name: `${name} of ${target.name}`,
      interval,
      timeout: timeout + GRACE_MS,
      offset: spreadOffset(target.name, interval),
      atOnce: false,
      sample: (signal) => {
        trace.begin();
        return target.sample(signal, timeout);
      },
      done: (tables, time) => {
        this.#publisher.publish(tables, time, target.labels, trace.traceparent);
        trace.end();
        this.#complain(target, target.problem);
      },
      failed: (error) => {
        trace.end(error);
        this.#complain(target, describe(error));
      },
    });
    this.#tasks.set(target.name, { target, timetable, complaint: undefined, since: undefined });
  }

  #complain(target: Target, problem: string | undefined): void {
    const task = this.#tasks.get(target.name);
    if (task === undefined || task.complaint === problem) return;
    const about = { sensor: this.#sensor.name, target: target.name };
    if (problem === undefined) this.#log.info(about, 'nothing is wrong with the target any more');
    else this.#log.warn({ ...about, reason: problem }, 'something is wrong with a target');
    task.complaint = problem;
    if (problem === undefined) task.since = undefined;
    else task.since ??= this.#clock.wall();
  }
}
