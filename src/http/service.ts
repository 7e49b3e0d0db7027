/** What the API needs of the process that it is a part of. */
import type { AgentStatus } from '../agent-status.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Operations } from '../delivery/operations.ts';
import type { DrainRate } from '../delivery/options.ts';
import type { DeliveryStatus } from '../delivery/status.ts';
import type { TideEvent } from '../event.ts';
import type { Log } from '../log.ts';
import type { ProcessReading } from '../telemetry/process-figures.ts';
import type { LogLevel } from './view.ts';

/** What of a delivery is used. */
export interface ServedDelivery {
  readonly operations: Pick<Operations, 'store' | 'deadLetters' | 'retry' | 'discard' | 'discardSpooled'>;
  status(): DeliveryStatus;
  pause(): void;
  resume(): void;
  probe(): void;
  /** See `Delivery.drainAt`. */
  drainAt(rate: Partial<DrainRate>): void;
}

/** What of an agent is used. */
export interface ServedAgent {
  /** Tells this run from every other. */
  readonly run: string;
  /** See `Scheduler.late`. */
  readonly late: number;
  status(): AgentStatus;
  /** What the process costs, and how its event loop fares. `asked`: somebody wants to know, and it is not only noted. */
  process(asked?: boolean): ProcessReading;
  subscribe(take: (event: TideEvent) => void): () => void;
  /** Undefined for a sink that is not there, or is no broker's. */
  delivery(sink: string): ServedDelivery | undefined;
}

export interface Service {
  readonly version: string;
  /** How an operator calls this program so that it means this service: `tidegate`, with `--state` where its folder is not the usual one. */
  readonly command: string;
  readonly agent: ServedAgent;
  readonly clock: Clock;
  readonly log: Log;
  /** When it started, on the wall clock in milliseconds. */
  readonly started: number;
  /** The configuration in force. */
  config(): Config;
  /** Whether what the configuration says has begun. */
  ready(): boolean;
  /** Reads the configuration again. Resolves with what is wrong with it, or with nothing when it is in force. */
  reload(): Promise<string | undefined>;
  setLevel(level: LogLevel): void;
  /** What the service measures of itself, as Prometheus text. */
  readonly metrics: () => string;
}

/** Who asks, and over what. */
export interface Caller {
  /** In words, for the log: an address, or the socket. */
  readonly from: string;
  /** Over the service's own socket, whose user is the service's: may do everything. */
  readonly trusted: boolean;
  /** Only this machine can reach where it came in. */
  readonly loopback: boolean;
  readonly secure: boolean;
  /** What must be presented for a change; undefined where none is configured. */
  readonly token: string | undefined;
}

/** What every route is given beside the request. */
export interface ApiEnv {
  Bindings: { caller: Caller };
}
