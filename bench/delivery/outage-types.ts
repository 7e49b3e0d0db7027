/** What the bench of an outage and its child tell each other. */
import type { DeliveryStatus } from '../../src/delivery/status.ts';

export interface ChildSpec {
  readonly sink: 'kafka' | 'rabbitmq';
  readonly folder: string;
  /** Events a second. */
  readonly offer: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly common: Readonly<Record<string, unknown>>;
}

/** In MiB. */
export interface ChildReport {
  readonly rss: number;
  /** Of it, memory that is the process's own; the rest are pages of files that are mapped. */
  readonly anonymous: number;
  readonly heap: number;
  /** CPU time until now, in seconds. */
  readonly cpu: number;
  readonly status: DeliveryStatus;
}
