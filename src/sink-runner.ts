/** Makes what runs a sink: a runner for one that writes directly, delivery for a broker's. */
import type { Clock } from './clock.ts';
import type { SinkEntry } from './config/config.ts';
import type { DeliveryStatus } from './delivery/status.ts';
import type { TideEvent } from './event.ts';
import type { Log } from './log.ts';
import { Runner } from './runner.ts';
import type { RunnerStatus } from './runner-types.ts';
import { isBroker, type SinkDefinition } from './sink.ts';
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

/** Finds what runs these sinks. Delivery is loaded when one of them is a broker's: it is megabytes of code that others need not have. */
export async function sinkRunnerFor(entries: readonly SinkEntry[]): Promise<RunSink> {
  if (!entries.some(({ definition }) => isBroker(definition))) return runDirect;
  const { deliver } = await import('./sink-delivery.ts');
  return (entry, old, surroundings) => (isBroker(entry.definition) ? deliver : runDirect)(entry, old, surroundings);
}

const runDirect: RunSink = ({ name, definition, options, common }, old, { stateDir, clock, log }) => {
  const context = { name, stateDir, warn: (message: string) => log.warn({ sink: name }, message) };
  const runner = new Runner(name, () => (definition as SinkDefinition).open(context, options), common, clock, log);
  if (old instanceof Runner) void runner.adopt(old);
  return runner;
};
