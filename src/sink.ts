/** The contract of a sink: one file in `sinks/`, named as the sink is, whose default export is `defineSink({…})`. */
import type * as z from 'zod';
import type { BrokerDefinition } from './broker.ts';
import type { TideEvent } from './event.ts';

/**
 * An opened sink speaks its protocol and nothing else; the runner owns queue, batches, deadlines, retries and counting.
 * The runner calls one method at a time: `connect` until it succeeds, then `write` for each batch; `close` at the end or
 * before the next `connect`. Failures are `SinkError`s, which say what happens next; any other error counts as transient.
 */
export interface Sink {
  /** Makes the destination ready. */
  connect(signal: AbortSignal): Promise<void>;
  /** Resolves once the destination is responsible for all of the batch. `signal` aborts at the deadline. */
  write(batch: readonly TideEvent[], signal: AbortSignal): Promise<void>;
  /** Lets go of everything; also after a failure, and more than once. */
  close(): Promise<void>;
}

/** What a sink is told about where it runs. */
export interface SinkContext {
  /** The sink's name in the configuration. */
  readonly name: string;
  /** The folder for state, absolute. */
  readonly stateDir: string;
  /** Says a thing once when it changes. */
  warn(message: string): void;
}

export interface SinkDefinition<O extends z.ZodType = z.ZodType> {
  /** Equal to the file's name. */
  readonly name: string;
  /** One sentence: where events go, and in what form. */
  readonly summary: string;
  readonly options: O;
  /** Of one that is loaded from elsewhere: another one when its code has changed, so that a reload of the configuration starts it anew. */
  readonly version?: string;
  /** Of one whose schema is not here in full: what is wrong with options that `options` lets through. */
  verify?(options: unknown): Promise<readonly z.core.$ZodIssue[]>;
  open(context: SinkContext, options: z.output<O>): Sink;
}

/** Declares a sink. Only fixes its types. */
export const defineSink = <O extends z.ZodType>(sink: SinkDefinition<O>): SinkDefinition<O> => sink;

/** What a file of `sinks/` exports: a sink, or a broker's, which gets delivery around it. */
export type AnySink = SinkDefinition | BrokerDefinition;

export const isBroker = (sink: AnySink): sink is BrokerDefinition => 'openBroker' in sink;
