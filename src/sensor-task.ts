/**
 * One configured sensor: opened, sampled at its moments, published.
 *
 * States: opening, sampling, unavailable (tried again every RETRY_MS), closed. What goes wrong is logged when it begins, when it changes and when it
 * ends, not at every sample.
 */
import type { Clock } from './clock.ts';
import type { SensorEntry } from './config/config.ts';
import { withDeadline } from './deadline.ts';
import { describe, Unavailable } from './errors.ts';
import type { AnyTable } from './event.ts';
import type { Host } from './host.ts';
import type { Log } from './log.ts';
import type { Publisher } from './publisher.ts';
import type { JobStats, Scheduler } from './scheduler.ts';
import type { Sampler, SensorContext, SensorState } from './sensor.ts';
import { type TargetsStatus, TargetTasks } from './target-tasks.ts';
import { SampleTrace, type Tracing } from './tracing.ts';

/** What was missing may come: a device is plugged in, a module loaded. In milliseconds. */
const RETRY_MS = 300_000;
/** How long a sensor that opens or closes is waited for, in milliseconds. It may go on: what hangs must not hold up the others. */
const OPEN_MS = 10_000;
const CLOSE_MS = 2000;

export interface SensorStatus {
  readonly name: string;
  readonly state: 'opening' | 'sampling' | 'unavailable' | 'closed';
  /** When it came to this state, as Unix time in milliseconds. */
  readonly since: number;
  /** Why it is unavailable. */
  readonly why: string | undefined;
  readonly stats: Readonly<JobStats> | undefined;
  /** Events that it has published in this run, before it was restarted too. */
  readonly events: number;
  /** How often the worker of a plugin was started again. */
  readonly restarts?: number;
  /** Of a sensor with many sources. */
  readonly targets?: TargetsStatus;
}

export interface SensorParts {
  readonly entry: SensorEntry;
  readonly host: Host;
  /** What the instance keeps from one run to the next. */
  readonly state: SensorState;
  /** What the service measures of itself. */
  readonly self?: () => readonly AnyTable[];
  readonly tracing?: Tracing | undefined;
  readonly scheduler: Scheduler;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: Log;
}

export class SensorTask {
  readonly entry: SensorEntry;
  readonly #host: Host;
  readonly #context: SensorContext;
  readonly #scheduler: Scheduler;
  readonly #publisher: Publisher;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tracing: Tracing | undefined;
  readonly #trace: SampleTrace;
  #state: SensorStatus['state'] = 'opening';
  #since: number;
  #why: string | undefined;
  #sampler: Sampler | undefined;
  #timetable: { readonly stats: Readonly<JobStats>; stop(): void } | undefined;
  #targets: TargetTasks | undefined;
  #cancelRetry: () => void = () => {};
  #complaint: string | undefined;
  #told = false;

  constructor(parts: SensorParts) {
    const { entry, host, state, self, tracing, scheduler, publisher, clock, log } = parts;
    this.entry = entry;
    this.#host = host;
    this.#context = {
      name: entry.name,
      timeout: entry.timeout,
      state,
      warn: (message) => log.warn({ sensor: entry.name }, message),
      info: (message) => log.info({ sensor: entry.name }, message),
      ...(self && { self }),
    };
    this.#tracing = tracing;
    this.#trace = new SampleTrace(tracing, entry.name);
    this.#scheduler = scheduler;
    this.#publisher = publisher;
    this.#clock = clock;
    this.#log = log;
    this.#since = clock.wall();
  }

  status(): SensorStatus {
    const targets = this.#targets?.status();
    const restarts = this.#sampler?.restarts?.();
    return {
      name: this.entry.name,
      state: this.#state,
      since: this.#since,
      why: this.#why,
      stats: this.#timetable?.stats,
      events: this.#publisher.published,
      ...(restarts !== undefined && { restarts }),
      ...(targets && { targets }),
    };
  }

  /**
   * Opens the sensor and begins to sample. Never rejects: one that cannot be opened is tried again later, one that takes long not waited for.
   * With `told`, whoever opens it tells of one that is unavailable, and the log does not.
   */
  async open(told = false): Promise<void> {
    const { name } = this.entry;
    this.#told = told;
    try {
      await withDeadline(this.#clock, OPEN_MS, 'opening it', async () => await this.#open());
    } catch (error) {
      if (this.#closed()) return;
      this.#why = describe(error);
      this.#log.warn({ sensor: name, why: this.#why }, 'the sensor takes long to open');
    } finally {
      this.#told = false;
    }
  }

  async #open(): Promise<void> {
    const { name, definition, options } = this.entry;
    try {
      const sampler = await definition.open(this.#host, options, this.#context);
      if (this.#closed()) {
        await sampler.close?.();
        return;
      }
      this.#sampler = sampler;
    } catch (error) {
      return this.#unavailable(error);
    }
    if (this.#why !== undefined) this.#log.info({ sensor: name }, 'the sensor is available now');
    this.#become('sampling');
    this.#why = undefined;
    this.#sample(this.#sampler);
  }

  /** Ends sampling and lets go of the source. Never rejects. */
  async close(): Promise<void> {
    this.#become('closed');
    this.#cancelRetry();
    this.#timetable?.stop();
    this.#targets?.close();
    try {
      await withDeadline(this.#clock, CLOSE_MS, 'closing it', async () => await this.#sampler?.close?.());
    } catch (error) {
      this.#log.warn({ sensor: this.entry.name, reason: describe(error) }, 'the sensor did not close');
    }
  }

  #become(state: SensorStatus['state']): void {
    if (state !== this.#state) this.#since = this.#clock.wall();
    this.#state = state;
  }

  /** It may have been closed while it was being opened. */
  #closed(): boolean {
    return this.#state === 'closed';
  }

  #unavailable(error: unknown): void {
    if (this.#closed()) return;
    const why = describe(error);
    if (why !== this.#why) {
      if (error instanceof Unavailable)
        this.#log[this.#told ? 'debug' : 'info']({ sensor: this.entry.name, why }, 'the sensor is unavailable');
      else this.#log.error({ sensor: this.entry.name, why }, 'the sensor could not be opened');
    }
    this.#become('unavailable');
    this.#why = why;
    this.#cancelRetry = this.#clock.after(RETRY_MS, () => void this.open());
  }

  #sample(sampler: Sampler): void {
    const { name, interval, timeout } = this.entry;
    if (sampler.targets) {
      const tasks = new TargetTasks(this.entry, this.#scheduler, this.#publisher, this.#clock, this.#log, this.#tracing);
      this.#targets = tasks;
      sampler.targets((targets) => tasks.change(targets));
    }
    this.#timetable = this.#scheduler.add<readonly AnyTable[]>({
      name,
      interval,
      timeout,
      offset: this.entry.offset ?? 0,
      group: this.entry.synchronise,
      sample: (signal, time) => {
        this.#trace.begin();
        return sampler.sample(signal, time);
      },
      done: (tables, time) => {
        this.#publisher.publish(tables, time, undefined, this.#trace.traceparent);
        this.#trace.end();
        if (this.#complaint !== undefined) this.#log.info({ sensor: name }, 'the sensor samples again');
        this.#complaint = undefined;
      },
      failed: (error) => {
        this.#trace.end(error);
        const reason = describe(error);
        if (reason !== this.#complaint) this.#log.warn({ sensor: name, reason }, 'a sample failed');
        this.#complaint = reason;
      },
    });
  }
}
