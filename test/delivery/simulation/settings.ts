/** Settings and weather that a seed decides. */
import type { DeliverySettings } from '../../../src/delivery/delivery.ts';
import type { Weather } from './broker.ts';
import type { Random } from './random.ts';

export function randomSettings(random: Random): DeliverySettings {
  const rate = random.pick(['auto', 'auto', 50, 2000] as const);
  return {
    queue: {
      max_events: random.pick([20, 200, 10_000]),
      max_bytes: random.pick([20_000, 200_000, 10_000_000]),
      when_full: random.pick(['drop_oldest', 'drop_newest', 'block'] as const),
    },
    batch: {
      max_events: random.pick([1, 5, 20, 500]),
      max_bytes: random.pick([2000, 100_000]),
      wait: random.pick([0, 200, 1000]),
    },
    timeout: random.pick([300, 2000]),
    backoff: random.pick([
      { initial: 50, max: 1000 },
      { initial: 500, max: 30_000 },
    ]),
    delivery: {
      format: 'json',
      lanes: random.pick([1, 1, 2, 4]),
      lane_by: 'sequence',
      spool: {
        mode: random.pick(['on_failure', 'on_failure', 'always'] as const),
        spool_after: random.pick([500, 1000, 2000]),
        max_bytes: random.pick([20_000, 100_000, 10_000_000]),
        min_free: 0,
        max_age: random.pick([30_000, 7 * 86_400_000]),
        fsync: random.pick(['always', 'interval', 'never'] as const),
        fsync_interval: 1000,
        when_full: random.pick(['drop_oldest', 'drop_newest', 'block'] as const),
      },
      drain: { order: random.pick(['ordered', 'ordered', 'backfill'] as const), rate, byte_rate: 'auto' },
      breaker: { failures: random.pick([1, 5]), after: random.pick([0, 2000]), probe_max: 1500 },
      dead_letters: { max_bytes: random.pick([0, 5000, 1_000_000]) },
    },
  };
}

export function randomWeather(random: Random): Weather {
  const share = (): number => (random.chance(0.5) ? 0 : random.pick([0.1, 0.4, 1]));
  const some = { refuse: share(), fail: share() / 2, hang: share() / 4, lose: share() / 2, partial: share() / 2 };
  return { ...some, misconfigured: random.chance(0.1) ? 1 : 0, latency: random.pick([0, 5, 100]) };
}
