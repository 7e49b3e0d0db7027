/** The options that every broker sink has from delivery; a broker's own schema spreads them: `z.strictObject({ ...deliveryOptions, … })`. */
import * as z from 'zod';
import { bytes, duration } from '../options.ts';

/** Rates are finite so that a pause between two batches is, too. */
const RATE_MAX = 100_000_000;
const RATE_HELP = `expected auto, or events a second above 0, up to ${RATE_MAX}; at 0 the spool would never empty: tidegate spool SINK pause holds a sink back`;

const spoolOptions = z.strictObject({
  mode: z
    .enum(['on_failure', 'always'])
    .prefault('on_failure')
    .describe(
      'When an event goes to disk: at the first failure or after `spool_after`; or always, before it is sent (default on_failure).',
    ),
  spool_after: duration({ min: 10, max: 3_600_000 })
    .prefault('1s')
    .describe('An event that has waited this long unconfirmed is on disk, as a duration (default 1s).'),
  max_bytes: bytes({ min: 65_536 })
    .prefault('2GiB')
    .describe('Size of the events on disk, in bytes; the folder may be half again as large (default 2GiB).'),
  min_free: bytes().prefault('256MiB').describe('Free space on its disk that the spool leaves alone, in bytes (default 256MiB).'),
  max_age: duration({ min: 1000 })
    .prefault('7d')
    .describe('An event that was sampled longer ago is dropped, as a duration (default 7d).'),
  fsync: z
    .enum(['always', 'interval', 'never'])
    .prefault('interval')
    .describe(
      'When the disk itself must have what was written: before it counts, every `fsync_interval`, whenever the kernel likes (default interval).',
    ),
  fsync_interval: duration({ min: 10, max: 3_600_000 })
    .prefault('1s')
    .describe('The most that a power cut can take, with `fsync: interval`, as a duration (default 1s).'),
  when_full: z
    .enum(['drop_oldest', 'drop_newest', 'block'])
    .prefault('drop_oldest')
    .describe('What gives way when the spool is full; block leaves that to the queue (default drop_oldest).'),
});

/** How fast a spool empties: what may also be set while the service runs. */
export const drainRateOptions = {
  rate: z
    .union([z.literal('auto'), z.number()], { error: RATE_HELP })
    .refine((rate) => rate === 'auto' || (rate > 0 && rate <= RATE_MAX), RATE_HELP)
    .prefault('auto')
    .describe(
      'Events a second while the spool empties; auto is twice the measured peak of what comes in, and at least 1000 (default auto).',
    ),
  byte_rate: z
    .union([z.literal('auto'), bytes({ min: 1024 })])
    .prefault('auto')
    .describe('Bytes a second while the spool empties; auto is as for `rate`, and at least 4MiB (default auto).'),
};

const drainOptions = z.strictObject({
  order: z
    .enum(['ordered', 'backfill'])
    .prefault('ordered')
    .describe(
      'ordered: new events queue behind the spool. backfill: they go first, and the spool empties beside them (default ordered).',
    ),
  ...drainRateOptions,
});

const breakerOptions = z.strictObject({
  failures: z.int().min(1).max(1000).prefault(5).describe('Failures in a row that open it, as a number (default 5).'),
  after: duration({ max: 3_600_000 })
    .prefault('2s')
    .describe(
      'It opens only when nothing has succeeded for this long, so that a flaky broker is not taken for a dead one (default 2s).',
    ),
  probe_max: duration({ min: 10, max: 3_600_000 })
    .prefault('1500ms')
    .describe(
      'The longest delay between two probes while it is open, as a duration; they start at `backoff.initial` (default 1500ms).',
    ),
});

const deadLetterOptions = z.strictObject({
  max_bytes: bytes()
    .prefault('64MiB')
    .describe('Size of the rejected events that are kept, in bytes; the oldest give way (default 64MiB).'),
});

export const deliveryOptions = {
  format: z.enum(['json', 'msgpack']).prefault('json').describe('How an event is encoded (default json).'),
  lanes: z
    .int()
    .min(1)
    .max(256)
    .prefault(1)
    .describe('Lanes that are sent side by side, each over a connection of its own; order holds within a lane (default 1).'),
  lane_by: z
    .string()
    .regex(
      /^(sequence|host|sensor|type|(attribute|label):.+)$/,
      'expected sequence, host, sensor, type, attribute:NAME or label:NAME',
    )
    .prefault('sensor')
    .describe('What keeps events in one lane: sequence (none), host, sensor, type, attribute:NAME, label:NAME (default sensor).'),
  spool: spoolOptions.prefault({}).describe('What is kept on disk while the broker does not take it.'),
  drain: drainOptions.prefault({}).describe('How the spool empties when the broker is back.'),
  breaker: breakerOptions.prefault({}).describe('When it stops calling a broker that does not answer; it probes by itself.'),
  dead_letters: deadLetterOptions.prefault({}).describe('What becomes of an event that the broker will never take.'),
} as const;

const schema = z.object(deliveryOptions);
export type DeliveryOptions = z.output<typeof schema>;
export type SpoolOptions = z.output<typeof spoolOptions>;
export type DrainOptions = z.output<typeof drainOptions>;
export type DrainRate = Pick<DrainOptions, 'rate' | 'byte_rate'>;

/** A broker sink's options hold delivery's. */
export const deliveryOf = (options: unknown): DeliveryOptions => options as DeliveryOptions;
