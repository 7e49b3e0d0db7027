/** Options that say what a sink takes of the events that it selects. */
import * as z from 'zod';
import { formatDuration, globs, parseDuration } from '../options.ts';

export const AGGREGATES = ['last', 'min', 'max', 'mean'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** Every so many samples, or the first sample of each period of so many milliseconds. */
export type Every = { readonly samples: number } | { readonly ms: number };

const MS_MIN = 1000;
const MS_MAX = 366 * 86_400_000;
const SAMPLES_MAX = 1_000_000;

/** `10m` is a period, and a bare number is one of samples. */
function every(): z.ZodType<Every, string | number> {
  return z
    .union([z.string(), z.number()], { error: 'expected a number of samples, or a duration such as 10m' })
    .transform((value, context): Every => {
      const wrong = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      if (typeof value === 'number') {
        if (Number.isInteger(value) && value >= 1 && value <= SAMPLES_MAX) return { samples: value };
        return wrong(`${value} is no number of samples, from 1 to ${SAMPLES_MAX}; a period has a unit, as 10m`);
      }
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= MS_MIN && ms <= MS_MAX) return { ms };
      return wrong(
        `${JSON.stringify(value)} is no period from ${formatDuration(MS_MIN)} to ${formatDuration(MS_MAX)}, as 30s or 10m, and no number of samples`,
      );
    })
    .meta({ written: 'duration', examples: ['10m'] });
}

/** What of an event is taken, and of which events. */
export const takingOptions = {
  rows: z
    .record(z.string().min(1), globs())
    .optional()
    .meta({ examples: [{ 'system.device': ['sd*', 'nvme*'] }] })
    .describe(
      'Rows that it takes: names of attributes with patterns, of which all must fit; events without them are whole (default all).',
    ),
  fields: globs()
    .optional()
    .meta({ examples: [['*.io', '!*.operations']] })
    .describe('Fields that it takes, as patterns of names of metrics (type.field); a leading ! excludes (default all).'),
  every: every()
    .optional()
    .describe('How often it takes a sample: a number for every nth, a duration for the first of each period (default each).'),
  aggregate: z
    .array(z.enum(AGGREGATES))
    .min(1)
    .optional()
    .meta({ examples: [['last', 'max', 'mean']] })
    .describe(
      'With every: what to take of gauges and sums that shrink; min, max and mean are fields of their own (default last).',
    ),
};

/** Whether what is to be added up is of more than one sample. */
export const needsEvery = (given: { every?: unknown; aggregate?: unknown }): boolean =>
  given.aggregate === undefined || given.every !== undefined;
export const NEEDS_EVERY = 'there is nothing to add up without every: give every too, as 10m';

const taking = z.strictObject(takingOptions).refine(needsEvery, { path: ['aggregate'], message: NEEDS_EVERY });
export type Taking = z.output<typeof taking>;

export const byType = z
  .record(z.string().min(1), taking)
  .optional()
  .meta({ examples: [{ 'process*': { every: '10m', aggregate: ['mean', 'max'] } }] })
  .describe(
    'The same by type: patterns, of which the first that fits stands in place of all that is said for the sink (default none).',
  );
