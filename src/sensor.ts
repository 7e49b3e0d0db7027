/** The contract of a sensor: one file in `sensors/`, named as the sensor is, whose default export is `defineSensor({…})`. */
import type * as z from 'zod';
import type { AnyTable, Schema } from './event.ts';
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
