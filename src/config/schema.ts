/**
 * The options that are not a component's own, declared once: types, checks, defaults, documentation and the JSON Schema for
 * editors come from here. Durations are milliseconds and sizes are bytes once parsed.
 */
import * as z from 'zod';
import { httpOptions } from '../http/options.ts';
import { bytes, duration, globs } from '../options.ts';
import { byType, NEEDS_EVERY, needsEvery, takingOptions } from '../select/options.ts';
import { otlpOptions } from '../telemetry/options.ts';

/** A name of a sensor or sink in the configuration. It is part of event identities and of file names, so that `..` is none. */
export const NAME_PATTERN = /^[a-z0-9_][a-z0-9_.-]*$/;
export const NAME_LENGTH_MAX = 64;
/** Below this a sample costs more than it tells. In milliseconds. */
const INTERVAL_MIN = 100;
const INTERVAL_MAX = 7 * 86_400_000;
const TIMEOUT_MIN = 10;
const TIMEOUT_MAX = 3_600_000;
/** A sample that has no timeout of its own may take its interval, but no longer than this, in milliseconds. */
export const SAMPLE_TIMEOUT_MAX = 30_000;

const interval = () => duration({ min: INTERVAL_MIN, max: INTERVAL_MAX }).meta({ examples: ['10s'] });
const timeout = () => duration({ min: TIMEOUT_MIN, max: TIMEOUT_MAX }).meta({ examples: ['5s'] });
const labels = () =>
  z
    .record(z.string().min(1).max(128), z.string().max(1024))
    .meta({ public: true, examples: [{ env: 'prod' }] })
    .prefault({});
const identity = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/, 'expected letters, digits, "_", "." and "-" only')
    .max(253)
    .meta({ public: true, examples: ['edge-7'] });

const logOptions = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .prefault('info')
      .describe('The least severe message that is logged (default info).'),
    format: z
      .enum(['auto', 'text', 'json'])
      .prefault('auto')
      .describe('How messages are written: auto is text on a terminal and json elsewhere (default auto).'),
  })
  .prefault({})
  .describe('What is logged, and how.');

const plugins = z
  .array(
    z.union([
      z.string().min(1),
      z.strictObject({
        from: z.string().min(1).describe('A path relative to this file, or the name of a package.'),
        memory: bytes({ min: 16 * 2 ** 20, max: 64 * 2 ** 30 })
          .prefault('128MiB')
          .describe('What one worker of it may have in memory, in bytes (default 128MiB).'),
      }),
    ]),
  )
  .meta({ examples: [['./plugins']] })
  .optional()
  .describe('Folders, files and packages with sensors and sinks of your own (default none).');

/** The options at the top of a file, but for `sensors`, `sinks` and `include`. */
export const general = z.strictObject({
  interval: interval().prefault('10s').describe('How often each sensor samples, as a duration (default 10s).'),
  timeout: timeout()
    .optional()
    .describe('How long a sample may take, as a duration (default: the interval of its sensor, at most 30s).'),
  labels: labels().describe('Names and texts that every event carries (default none).'),
  agent: identity().optional().describe('Identity of this agent in the id of every event (default: the host name).'),
  host: identity().optional().describe("The host's name in every event (default: the machine's own)."),
  log: logOptions,
  http: httpOptions,
  otlp: otlpOptions
    .optional()
    .describe('Where the service sends what it measures of itself, and traces, by OTLP over HTTP (default nowhere).'),
  plugins,
});

export const include = z
  .union([z.string().min(1), z.array(z.string().min(1))])
  .meta({ examples: [['conf.d/*.yaml']] })
  .optional()
  .describe('Files to read as well, as paths or patterns relative to this file (default none).');

/** What every sensor has beside its own options. */
export const sensorCommon = z.strictObject({
  type: z.string().optional().describe("Which sensor this is (default: the entry's name)."),
  enabled: z.boolean().prefault(true).describe('Whether it runs (default true).'),
  interval: interval()
    .optional()
    .describe(
      "How often it samples, as a duration (default: the interval at the top, or the sensor's own where that is longer).",
    ),
  timeout: timeout()
    .optional()
    .describe('How long a sample may take, as a duration (default: the timeout at the top, or the interval, at most 30s).'),
  offset: duration()
    .meta({ examples: ['0s'] })
    .optional()
    .describe('When in the interval it samples, as a duration (default: a small share of the interval, from its name).'),
  synchronise: z
    .string()
    .min(1)
    .max(NAME_LENGTH_MAX)
    .optional()
    .meta({ examples: ['network'] })
    .describe(
      'Name of a group: sensors of one sample at the same moments where their intervals meet, and their skew is measured (default none).',
    ),
  labels: labels().describe('Names and texts that its events carry beside those at the top (default none).'),
});

const queueOptions = z.strictObject({
  max_events: z
    .int()
    .min(1)
    .max(10_000_000)
    .prefault(10_000)
    .describe('Events that may wait in memory, as a number (default 10000).'),
  max_bytes: bytes({ min: 65_536 }).prefault('64MiB').describe('Size of the events that may wait, in bytes (default 64MiB).'),
  max_age: duration({ min: 1000 })
    .meta({ examples: ['1h'] })
    .optional()
    .describe('How long an event may wait before it is dropped, as a duration (default: no limit).'),
  when_full: z
    .enum(['drop_oldest', 'drop_newest', 'block'])
    .prefault('drop_oldest')
    .describe('What gives way when the queue is full; block takes nothing until half of it is free (default drop_oldest).'),
});

const batchOptions = z.strictObject({
  max_events: z.int().min(1).max(100_000).prefault(500).describe('Events written together at most, as a number (default 500).'),
  max_bytes: bytes({ min: 1024, max: 2 ** 30 })
    .prefault('1MiB')
    .describe('Size of the events written together at most, in bytes (default 1MiB).'),
  wait: duration({ max: TIMEOUT_MAX })
    .prefault('1s')
    .describe(
      'The least time between two batches that are not full, as a duration (default 1s). A round of samples may be written a tenth earlier.',
    ),
});

const backoffOptions = z.strictObject({
  initial: duration({ min: 10, max: TIMEOUT_MAX })
    .prefault('500ms')
    .describe('Delay after a first failure, as a duration (default 500ms).'),
  max: duration({ min: 10, max: TIMEOUT_MAX })
    .prefault('30s')
    .describe('What the delay, doubling at each failure, does not exceed, as a duration (default 30s).'),
});

/** What every sink has beside its own options. */
export const sinkCommon = z
  .strictObject({
    type: z.string().optional().describe("Which sink this is (default: the entry's name)."),
    enabled: z.boolean().prefault(true).describe('Whether it runs (default true).'),
    select: globs()
      .meta({ examples: [['system.*', '!system.process.*']] })
      .prefault(['*'])
      .describe('Types of the events it takes, as patterns; a leading ! excludes (default all).'),
    ...takingOptions,
    by_type: byType,
    queue: queueOptions.prefault({}).describe('How many events may wait for it in memory.'),
    batch: batchOptions.prefault({}).describe('How many events are written together.'),
    timeout: timeout().prefault('30s').describe('Deadline of each write, as a duration (default 30s).'),
    backoff: backoffOptions.prefault({}).describe('Delays between attempts while it fails.'),
    shutdown_timeout: duration({ max: TIMEOUT_MAX })
      .meta({ examples: ['5s'] })
      .optional()
      .describe('How long it may go on writing when the service stops, as a duration (default: as long as the service).'),
  })
  .refine(needsEvery, { path: ['aggregate'], message: NEEDS_EVERY });

export type GeneralOptions = z.output<typeof general>;
export type SinkCommon = z.output<typeof sinkCommon>;
