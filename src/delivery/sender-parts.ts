/** What a lane's senders are told and share. */
import type { Message } from '../broker.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Health } from './health.ts';
import type { Keeper } from './keeper.ts';
import type { Lane } from './lane.ts';
import type { Notices } from './notice.ts';
import type { Pacer } from './pacer.ts';

export interface SenderOptions {
  readonly batch: { readonly max_events: number; readonly max_bytes: number };
  /** The least time between two batches that are not full, in milliseconds. */
  readonly linger: number;
  readonly backfill: boolean;
  /** Whether what is sent must be on disk. */
  readonly always: boolean;
  /** An event that was sampled longer ago is dropped, in milliseconds. */
  readonly maxAge: number;
}

/** What the senders of a sink share. */
export interface SenderParts {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly keeper: Keeper;
  readonly pacer: Pacer;
  readonly notices: Notices;
  readonly dead: DeadLetters;
  options(): SenderOptions;
  /** Whether it ends, so that nothing waits for company. */
  flushing(): boolean;
  stopped(): boolean;
  paused(): boolean;
  /** Writes a batch over a connection, with a deadline. */
  write(batch: readonly Message[]): Promise<void>;
  onFailure(): void;
  /** Called when a sender is done with a batch. */
  onSettled(lane: Lane): void;
  /** Called when a sender comes to rest. */
  onRest(): void;
}
