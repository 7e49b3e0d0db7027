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
   */
  sample(signal: AbortSignal): readonly AnyTable[] | Promise<readonly AnyTable[]>;
  close?(): void | Promise<void>;
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

export interface Sensor<O extends z.ZodType = z.ZodType> {
  /** Equal to the file's name. */
  readonly name: string;
  /** One sentence: what is measured, and from where. */
  readonly summary: string;
  readonly emits: readonly Schema[];
  /** Options of this sensor alone; `interval`, `timeout` and `labels` belong to the scheduler. */
  readonly options: O;
  /** Whether it runs when there is no configuration. Default true. */
  readonly byDefault?: boolean;
  /** Throws `Unavailable` when this machine lacks what it reads. */
  open(host: Host, options: z.output<O>): Sampler | Promise<Sampler>;
}

/** Declares a sensor. Only fixes its types. */
export const defineSensor = <O extends z.ZodType>(sensor: Sensor<O>): Sensor<O> => sensor;
