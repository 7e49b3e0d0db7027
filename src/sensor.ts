/** The contract of a sensor: one file in `sensors/`, named as the sensor is, whose default export is `defineSensor({…})`. */
import type * as z from 'zod';
import type { AnyTable, LabelMap, Schema } from './event.ts';
import type { Host } from './host.ts';

/** An opened sensor. The scheduler calls `sample` at every interval, never twice at once, and `close` at the end. */
export interface Sampler {
  /**
   * Reads the source once and returns a table for each schema that has something to say.
   * Returns directly when it can: what need not wait need not be a promise. `signal` aborts at the sample's timeout.
   * Throws what went wrong; the scheduler counts it, says it once and samples again at the next interval.
   *
   * `time` is the moment that the tables will be stamped with, as Unix time in milliseconds: what an age is reckoned from. It is the only
   * clock that a sensor sees.
   */
  sample(signal: AbortSignal, time: number): readonly AnyTable[] | Promise<readonly AnyTable[]>;
  close?(): void | Promise<void>;
  /** Of one that works in a worker: how often that was started again, since it was opened. */
  restarts?(): number;
  /**
   * Of a sensor with many sources: tells its targets, at once and whenever they change. The scheduler samples each at the sensor's interval, at
   * moments of its own that are spread over it, beside `sample`.
   */
  targets?(changed: (targets: readonly Target[]) => void): void;
}

/** One of many sources of a sensor, such as a page that is scraped. */
export interface Target {
  /** No other target of the sensor has it. It decides where in the interval the target's moments are. */
  readonly name: string;
  /** Go with each of its events, beside the sensor's. */
  readonly labels: LabelMap;
  /** What is wrong with it, after its last sample. The same words for as long as it is the same: they are logged when they change. */
  readonly problem: string | undefined;
  /**
   * As a sampler's, but ends by itself within `timeout` milliseconds, and what goes wrong is told in its tables: that a target is down is a
   * measurement.
   */
  sample(signal: AbortSignal, timeout: number): readonly AnyTable[] | Promise<readonly AnyTable[]>;
  /** It is no target any more. Lets go of the source and returns what is to be said of that. */
  leave(): readonly AnyTable[];
}

/** What an instance keeps from one run to the next: one small JSON value. */
export interface SensorState {
  /** What was saved last; undefined when nothing was, or when it can no longer be read, which is said. */
  load(): unknown;
  /** Resolves when it is on disk, or when that has failed, which is said once. Never rejects. */
  save(value: unknown): Promise<void>;
}

/** What an instance is told about where it runs. */
export interface SensorContext {
  /** Its name in the configuration. */
  readonly name: string;
  /** How long a sample may take, in milliseconds; one that asks others must give up on them before. */
  readonly timeout: number;
  readonly state: SensorState;
  /** Says a thing once when it changes: what went wrong. A sample that fails as a whole throws instead. */
  warn(message: string): void;
  /** That it is right again. */
  info(message: string): void;
  /** What the service measures of itself; undefined where there is none that runs. */
  self?(): readonly AnyTable[];
}

/** Options that come with the sensor under a name, and what a sensor with them emits; for people who choose. */
export interface Preset {
  readonly name: string;
  readonly summary: string;
  readonly emits: readonly Schema[];
}

export interface Sensor<O extends z.ZodType = z.ZodType> {
  /** Equal to the file's name. */
  readonly name: string;
  /** One sentence: what is measured, and from where. */
  readonly summary: string;
  /** What an operator has to do for it to work or to see all, in a few lines; shown by `tidegate sensors NAME`. */
  readonly notes?: string;
  /** What every instance emits. */
  readonly emits: readonly Schema[];
  /** What an instance emits beside that, where its options decide. */
  emitsFor?(options: z.output<O>): readonly Schema[];
  readonly presets?: readonly Preset[];
  /** Options of this sensor alone; `interval`, `timeout` and `labels` belong to the scheduler. */
  readonly options: O;
  /** How often it samples at most unless its entry says otherwise, in milliseconds: what costs a device more than it tells. Default: no limit. */
  readonly interval?: number;
  /** Whether it runs when there is no configuration. Default true. */
  readonly byDefault?: boolean;
  /** Of one that is loaded from elsewhere: another one when its code has changed, so that a reload of the configuration starts it anew. */
  readonly version?: string;
  /** Of one whose schema is not here in full: what is wrong with options that `options` lets through. */
  verify?(options: unknown): Promise<readonly z.core.$ZodIssue[]>;
  /** Throws `Unavailable` when this machine lacks what it reads. */
  open(host: Host, options: z.output<O>, context: SensorContext): Sampler | Promise<Sampler>;
}

/** All that an instance with these options, as its schema parsed them, may emit. */
export const emitted = (sensor: Sensor, options: unknown): readonly Schema[] => [
  ...sensor.emits,
  ...(sensor.emitsFor?.(options) ?? []),
];

/** Declares a sensor. Only fixes its types. */
export const defineSensor = <O extends z.ZodType>(sensor: Sensor<O>): Sensor<O> => sensor;
