/**
 * The contract of a broker sink: one file in `sinks/`, whose default export is `defineBroker({…})`. It speaks its protocol and nothing else.
 *
 * `src/delivery/` is around it and owns everything that a promise needs: numbering, lanes, memory and spool, deadlines, back-off, breaker,
 * rate, dead letters, the ledger. It opens one connection for each lane that it has in flight and calls one method of a connection at a
 * time; after a failure or a deadline it closes the connection and opens another. Failures are `SinkError`s, which say what happens next.
 */
import type * as z from 'zod';
import type { Clock } from './clock.ts';

/** An event as a broker carries it: encoded, numbered, in a lane. Never changes, however often it is sent. */
export interface Message {
  /** Agent, run, sensor, number: the event's own identity, the same on every repeat. CloudEvents `id`. */
  readonly id: string;
  /** CloudEvents `type`. */
  readonly type: string;
  /** Unix time in milliseconds. CloudEvents `time`. */
  readonly time: number;
  readonly agent: string;
  readonly host: string;
  readonly sensor: string;
  readonly contentType: 'application/json' | 'application/msgpack';
  readonly body: Buffer;
  /** From 0. Order holds within a lane. */
  readonly lane: number;
  /** `run/lane/n`, the header `tidegate-seq`: n counts without gaps what the sink accepted in this lane and run. Undefined for a loss notice. */
  readonly seq: string | undefined;
  /** Sent beside newer events, by `drain.order: backfill`: the header `tidegate-backfill: true`. */
  readonly backfill: boolean;
  /** W3C trace context of the sample, the header `traceparent`; only where the sample is traced. */
  readonly traceparent?: string | undefined;
}

export interface BrokerConnection {
  /**
   * Resolves once the broker is responsible for all of the batch, which is of one lane and to be sent in its order. On a partial failure the
   * `SinkError` says in `confirmed` which messages, by index, the broker has taken; those are not sent again.
   * `signal` aborts at the deadline, and then nothing that the call still does may reach the broker: destroy the socket.
   */
  write(batch: readonly Message[], signal: AbortSignal): Promise<void>;
  /** Lets go of everything at once, waiting for nothing; also after a failure, and more than once. */
  close(): Promise<void>;
}

export interface Broker {
  /** Opens a connection, or a channel of a shared one, and checks what can be: credentials, the exchange, the topic. */
  connect(signal: AbortSignal): Promise<BrokerConnection>;
  /** Ends what connections share. */
  close(): Promise<void>;
}

/** What a broker sink is told about where it runs. */
export interface BrokerContext {
  /** The sink's name in the configuration. */
  readonly name: string;
  /** Identity of this agent. */
  readonly agent: string;
  readonly clock: Clock;
  /** Says a thing once when it changes. */
  warn(message: string): void;
  /** The broker asks to wait, and why; undefined when it no longer does. Nothing new is written meanwhile, and deadlines stand still. */
  blocked(reason: string | undefined): void;
}

export interface BrokerDefinition<O extends z.ZodType = z.ZodType> {
  /** Equal to the file's name. */
  readonly name: string;
  /** One sentence: where events go, and in what form. */
  readonly summary: string;
  /** Its own options and, spread into them, those of `src/delivery/options.ts`. A plugin has its own alone: the service adds delivery's. */
  readonly options: O;
  /** Of one that is loaded from elsewhere: another one when its code has changed, so that a reload of the configuration starts it anew. */
  readonly version?: string;
  /** Of one whose schema is not here in full: what is wrong with options that `options` lets through. */
  verify?(options: unknown): Promise<readonly z.core.$ZodIssue[]>;
  /**
   * Where its events end up, as texts that are the same for the same place. An agent's sinks number what they accept each for itself, under one
   * run, so that a reader of a place that two of them write to could not tell their streams apart: the configuration refuses that.
   */
  destinations?(options: z.output<O>): readonly string[];
  openBroker(context: BrokerContext, options: z.output<O>): Broker;
}

/** Declares a broker sink. Only fixes its types. */
export const defineBroker = <O extends z.ZodType>(sink: BrokerDefinition<O>): BrokerDefinition<O> => sink;

/** Names of the headers that are tidegate's own, beside those of CloudEvents. */
export const SEQ_HEADER = 'tidegate-seq';
export const BACKFILL_HEADER = 'tidegate-backfill';
/** https://www.w3.org/TR/trace-context/#traceparent-header */
export const TRACE_HEADER = 'traceparent';
