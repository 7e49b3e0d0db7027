/** What a sink's keeper is told. */
import type { Clock } from '../clock.ts';
import type { Ledger } from '../ledger.ts';
import type { Log } from '../log.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Intake } from './intake.ts';
import type { RoomOptions } from './room.ts';
import type { OpenStore } from './store.ts';

export interface KeeperOptions extends RoomOptions {
  /** The most events that a lane has in flight at once; undefined where they are not in order. */
  readonly window: number | undefined;
  readonly lanes: number;
}

export interface KeeperParts {
  readonly name: string;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly dead: DeadLetters;
  readonly openStore: OpenStore;
  /** Whether the broker fails, so that memory is not to be trusted with anything. */
  readonly failing: () => boolean;
  /** Called when the disk knows of another way to send: `recorded` is new. */
  readonly onRecord: () => void;
  /** Called when there may be more to send. */
  readonly onChange: () => void;
}
