/** Makes what runs a sink: a runner for one that writes directly, delivery for a broker's. */
import type { BrokerDefinition } from './broker.ts';
import type { Clock } from './clock.ts';
import type { SinkEntry } from './config/config.ts';
import { Delivery, type DeliverySettings, type OpenBroker } from './delivery/delivery.ts';
import { openLevelStore } from './delivery/level-store.ts';
import { deliveryOf } from './delivery/options.ts';
import type { DeliveryStatus } from './delivery/status.ts';
import type { TideEvent } from './event.ts';
import type { Log } from './log.ts';
import { Runner } from './runner.ts';
import type { RunnerStatus } from './runner-types.ts';
import { isBroker, type SinkDefinition } from './sink.ts';
import { spoolFolder } from './spool/folders.ts';

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
}

/**
 * Runs a sink. `old` is what ran it under other options: its events and its account go on, in a runner that takes over or in the same
 * delivery. A sink that turned into one of the other kind starts anew, and the old one is left to stop.
 */
export function runSink(entry: SinkEntry, old: SinkRunner | undefined, surroundings: SinkSurroundings): SinkRunner {
  const { definition } = entry;
  if (isBroker(definition)) return deliver(entry, definition, old, surroundings);
  const runner = createRunner(entry, definition, surroundings);
  if (old instanceof Runner) void runner.adopt(old);
  return runner;
}

function createRunner({ name, options, common }: SinkEntry, definition: SinkDefinition, around: SinkSurroundings): Runner {
  const { stateDir, clock, log } = around;
  const context = { name, stateDir, warn: (message: string) => log.warn({ sink: name }, message) };
  return new Runner(name, () => definition.open(context, options), common, clock, log);
}

function deliver(
  entry: SinkEntry,
  definition: BrokerDefinition,
  old: SinkRunner | undefined,
  around: SinkSurroundings,
): Delivery {
  const { name, common, options } = entry;
  const open: OpenBroker = (context) => definition.openBroker(context, options);
  const settings: DeliverySettings = { ...common, delivery: deliveryOf(options) };
  if (old instanceof Delivery) {
    void old.reconfigure(open, settings);
    return old;
  }
  const { stateDir, log } = around;
  const openStore = async () =>
    await openLevelStore(spoolFolder(stateDir, name), {
      minFree: settings.delivery.spool.min_free,
      onRemark: (remark) => log.warn({ sink: name }, remark),
    });
  return new Delivery({ ...around, name, random: Math.random, openStore }, open, settings);
}
