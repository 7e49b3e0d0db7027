/** The settings of a delivery, and what each of its parts needs of them. */
import type { Clock } from '../clock.ts';
import type { RunnerOptions } from '../runner-types.ts';
import type { HealthOptions } from './health.ts';
import type { KeeperOptions } from './keeper-parts.ts';
import type { DeliveryOptions } from './options.ts';
import type { SenderOptions } from './sender-parts.ts';
import type { RunRecord } from './spool-state.ts';

export interface DeliverySettings extends RunnerOptions {
  readonly delivery: DeliveryOptions;
}

/** While a broker asks to wait, deadlines stand still. */
export function pausing(clock: Clock, isPaused: () => boolean): Clock {
  return {
    wall: () => clock.wall(),
    monotonic: () => clock.monotonic(),
    after(ms, fn) {
      let cancel: () => void;
      const arm = (): void => {
        cancel = clock.after(ms, () => (isPaused() ? arm() : fn()));
      };
      arm();
      return () => cancel();
    },
  };
}

export const healthOptions = ({ backoff, delivery: { breaker } }: DeliverySettings): HealthOptions => ({ backoff, breaker });

export const keeperOptions = ({ queue, batch, delivery }: DeliverySettings): KeeperOptions => ({
  spool: delivery.spool,
  queue,
  window: delivery.drain.order === 'ordered' ? batch.max_events : undefined,
  lanes: delivery.lanes,
});

/** Settings as far as the record of the run allows: after an unclean stop it tells what may have been lost. */
export function withinRecord(settings: DeliverySettings, record: RunRecord | undefined): DeliverySettings {
  if (!record) return settings;
  const { batch, delivery } = settings;
  const { drain, lanes } = delivery;
  const { window = batch.max_events } = record;
  const order = record.window === undefined ? drain.order : 'ordered';
  return {
    ...settings,
    batch: { ...batch, max_events: Math.min(batch.max_events, window) },
    delivery: { ...delivery, lanes: Math.min(lanes, record.lanes), drain: { ...drain, order } },
  };
}

/** A batch waits for company no longer than half of the time after which what waits goes to disk. */
export function senderOptions({ batch, delivery: { spool, drain } }: DeliverySettings): SenderOptions {
  const always = spool.mode === 'always';
  return {
    batch,
    linger: Math.min(batch.wait, spool.spool_after / 2),
    // What is on disk before it is sent has no newer beside it.
    backfill: drain.order === 'backfill' && !always,
    always,
    maxAge: spool.max_age,
  };
}
