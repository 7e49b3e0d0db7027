/** The option `otlp` at the top: where the service sends what it measures of itself, and traces of what goes through it. */
import * as z from 'zod';
import { headersOption, serverUrl } from '../http-client/options.ts';
import { duration } from '../options.ts';

/** Both in milliseconds. */
const INTERVAL_MIN = 1000;
const INTERVAL_MAX = 3_600_000;
const TIMEOUT_MIN = 100;

export const otlpOptions = z.strictObject({
  endpoint: serverUrl()
    .meta({ examples: ['http://127.0.0.1:4318'] })
    .optional()
    .describe(
      'URL of an OTLP receiver over HTTP; /v1/metrics and /v1/traces are added (default: OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318).',
    ),
  headers: headersOption()
    .meta({ examples: [{ Authorization: { file: '/etc/tidegate/otlp-token' } }] })
    .prefault({})
    .describe(
      'Headers of every request: texts, or { file: PATH }, which is read again when it changes; beside those of OTEL_EXPORTER_OTLP_HEADERS (default none).',
    ),
  interval: duration({ min: INTERVAL_MIN, max: INTERVAL_MAX })
    .prefault('60s')
    .describe('How often metrics are sent, as a duration (default 60s).'),
  timeout: duration({ min: TIMEOUT_MIN, max: INTERVAL_MAX })
    .prefault('10s')
    .describe('Deadline of each request with its repetitions, as a duration (default 10s).'),
  traces: z
    .strictObject({
      ratio: z
        .number()
        .min(0)
        .max(1)
        .prefault(0)
        .describe('Share of samples that are traced until their events are confirmed, from 0 to 1 (default 0).'),
    })
    .prefault({})
    .describe('Traces of samples and of the batches that carry them to a broker.'),
  tls: z
    .strictObject({
      ca: z
        .string()
        .min(1)
        .meta({ examples: ['/etc/ssl/otlp-ca.pem'] })
        .optional()
        .describe("File of certificates to trust instead of Node's own, in PEM form."),
    })
    .prefault({})
    .describe('How https is spoken.'),
});

export type OtlpOptions = z.output<typeof otlpOptions>;

/** Variables whose values OpenTelemetry's exporters send as headers. */
const HEADER_VARIABLES = [
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
];

/** What of the environment must not be printed. */
export function otlpSecrets(env: NodeJS.ProcessEnv): string[] {
  return HEADER_VARIABLES.flatMap((name) => {
    const pairs = env[name]?.split(',') ?? [];
    return pairs.flatMap((pair) => {
      const value = pair.slice(pair.indexOf('=') + 1).trim();
      return [value, decoded(value)];
    });
  }).filter((value) => value !== '');
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
