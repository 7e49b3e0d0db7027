/** What runs a sink, as the agent has it: a runner for one that writes directly, delivery for a broker's. */
import type { Clock } from './clock.ts';
import type { SinkEntry } from './config/config.ts';
import type { DeliveryStatus } from './delivery/status.ts';
import type { TideEvent } from './event.ts';
import type { Log } from './log.ts';
import type { RunnerStatus } from './runner-types.ts';
import type { Tracing } from './tracing.ts';

/** What the agent needs of it. */
export interface SinkRunner {
  publish(event: TideEvent): void;
  status(): RunnerStatus | DeliveryStatus;
  /** A round of samples begins, or is over: where a runner waits for company, it may go on at once. */
  round?(over: boolean): void;
  /** Delivers what it can in up to `ms`, then closes. */
  stop(ms: number): Promise<void>;
}

export interface SinkSurroundings {
  readonly agent: string;
  readonly run: string;
  /** The host's name in events. */
  readonly host: string;
  /** The folder for state, absolute. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

/**
 * Runs a sink. `old` is what ran it under other options: its events and its account go on, in a runner that takes over or in the same
 * delivery. A sink that turned into one of the other kind starts anew, and the old one is left to stop.
 */
export type RunSink = (entry: SinkEntry, old: SinkRunner | undefined, surroundings: SinkSurroundings) => SinkRunner;
