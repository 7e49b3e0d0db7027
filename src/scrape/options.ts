/** Options of `sensors/prometheus.ts`. */
import * as z from 'zod';
import { bytes, duration, globs, secret } from '../options.ts';
import { addressOf } from './address.ts';

const labels = z.record(z.string().min(1), z.string());
const patterns = z.record(z.string().min(1), globs());

const selector = z
  .union([
    globs(),
    z.strictObject({
      name: globs().optional().describe('Names of metrics, as patterns (default all).'),
      labels: patterns
        .default({})
        .describe('For each label, patterns over its value; a label that is not there is the empty text (default none).'),
    }),
  ])
  .describe('Names as patterns, or a name with labels.');

const target = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      addressOf(text, { scheme: 'http', path: '/metrics' });
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

const auth = {
  basic_auth: z
    .strictObject({
      username: z.string().describe('The user.'),
      password: secret().optional().describe('The password (default empty).'),
      password_file: z
        .string()
        .min(1)
        .optional()
        .describe('A file with the password, read again when it changes; it goes before `password`.'),
    })
    .optional()
    .describe('A user and password for every target (default none).'),
  bearer_token: secret().optional().describe('A token for every target, as a text (default none).'),
  bearer_token_file: z.string().min(1).optional().describe('A file with the token, read again when it changes.'),
  headers: z
    .record(z.string().min(1), z.string().meta({ secret: true }))
    .default({})
    .describe('Headers of every request (default none).'),
  header_files: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe('Files with the values of headers, read again when they change (default none).'),
};

const tls = z
  .strictObject({
    ca_file: z.string().min(1).optional().describe('Certificates that are trusted, as a PEM file (default those of Node).'),
    cert_file: z.string().min(1).optional().describe('Our certificate, as a PEM file (default none).'),
    key_file: z.string().min(1).optional().describe('The key of our certificate, as a PEM file.'),
    server_name: z
      .string()
      .min(1)
      .optional()
      .describe("The name that the target's certificate is for (default that in its address)."),
    insecure_skip_verify: z.boolean().default(false).describe('Whether any certificate is taken (default false).'),
  })
  .prefault({})
  .describe('How TLS connections are made. Files are read again when they change.');

const fileSd = z.strictObject({
  files: z.array(z.string().min(1)).min(1).describe('Files with lists of targets, JSON or YAML; the last part may have a `*`.'),
  refresh: duration({ min: 100 })
    .prefault('5s')
    .describe('How often to look in any case, because not every file system tells of changes, as a duration (default 5s).'),
});

const dnsSd = z.strictObject({
  names: z.array(z.string().min(1)).min(1).describe('Names to ask for.'),
  type: z
    .enum(['A', 'AAAA', 'SRV'])
    .default('SRV')
    .describe('Which records: SRV has ports, A and AAAA need `port` (default SRV).'),
  port: z.int().min(1).max(65535).optional().describe('The port of targets that A and AAAA records name.'),
  server: z.string().min(1).optional().describe("The DNS server, as address:port (default the system's)."),
  refresh: duration({ min: 100 }).prefault('30s').describe('How often to ask, as a duration (default 30s).'),
  labels: labels.default({}).describe('Labels of these targets (default none).'),
});

export const options = z
  .strictObject({
    targets: z
      .array(
        z.union([
          target,
          z.strictObject({
            targets: z.array(target).min(1).describe('Addresses.'),
            labels: labels.default({}).describe('Labels of these targets (default none).'),
          }),
        ]),
      )
      .min(1)
      .optional()
      .meta({ examples: [['http://127.0.0.1:9100/metrics']] })
      .describe(
        'Pages to scrape: `http://host:9100/metrics`, `host:9100`, `unix:/run/node.sock:/metrics`, or some of these with labels.',
      ),
    file_sd: fileSd.optional().describe('Targets from files, watched (default none).'),
    dns_sd: dnsSd.optional().describe('Targets from DNS (default none).'),
    scheme: z.enum(['http', 'https']).default('http').describe('For targets that are written without one (default http).'),
    path: z
      .string()
      .refine((path) => path.startsWith('/'), 'a path starts with /')
      .default('/metrics')
      .describe('For targets that are written without one (default /metrics).'),
    target_labels: labels.default({}).describe('Labels of every target, which go with its events (default none).'),
    ...auth,
    tls,
    follow_redirects: z
      .boolean()
      .default(true)
      .describe('Whether redirects are followed; another host is sent no credentials (default true).'),
    compression: z.boolean().default(true).describe('Whether gzip is asked for (default true).'),
    mode: z
      .enum(['lenient', 'strict'])
      .default('lenient')
      .describe('lenient reads what the Prometheus server reads; strict keeps every rule of OpenMetrics 1.0 (default lenient).'),
    protobuf: z
      .boolean()
      .default(false)
      .describe('Whether protobuf is asked for first, the only format with native histograms (default false).'),
    fallback_protocol: z
      .enum(['text', 'openmetrics', 'protobuf'])
      .optional()
      .describe('What an answer is read as whose content type is none of these formats (default: the scrape fails).'),
    honor_labels: z
      .boolean()
      .default(false)
      .describe(
        "Whether a page's label wins over its target's of the same name; otherwise it becomes exported_NAME (default false).",
      ),
    honor_timestamps: z.boolean().default(true).describe('Whether timestamps of the page are taken (default true).'),
    start_times: z
      .boolean()
      .default(false)
      .describe(
        'Whether `_created` series become the field `start_time` of the series that they are about (default false: rows of their own).',
      ),
    exemplars: z.boolean().default(true).describe('Whether exemplars are kept (default true).'),
    metadata: duration({ min: 1000 })
      .prefault('10m')
      .describe(
        'How often type, unit and help of all metrics are said again; they are said at once when they change (default 10m).',
      ),
    keep: z
      .array(selector)
      .optional()
      .describe('Series that are kept: what none of these matches is dropped before it is built (default all).'),
    drop: z.array(selector).default([]).describe('Series that are dropped before they are built (default none).'),
    rename_labels: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe('New names of labels; an empty one removes the label (default none).'),
    body_size_limit: bytes({ min: 1 })
      .prefault('100MiB')
      .describe('Uncompressed size at which a page is refused, in bytes (default 100MiB).'),
    max_series: z.int().min(1).default(1_000_000).describe('Series above which a page is refused (default 1000000).'),
    sample_limit: z
      .int()
      .min(0)
      .default(0)
      .describe('Samples above which a scrape fails, those dropped not counted; 0 is none (default 0).'),
    label_limit: z
      .int()
      .min(0)
      .default(0)
      .describe("Labels of a series above which a scrape fails, name and target's labels counted; 0 is none (default 0)."),
    label_name_length_limit: z
      .int()
      .min(0)
      .default(0)
      .describe("Length of a label's name above which a scrape fails, in bytes; 0 is none (default 0)."),
    label_value_length_limit: z
      .int()
      .min(0)
      .default(0)
      .describe("Length of a label's value above which a scrape fails, in bytes; 0 is none (default 0)."),
    target_limit: z.int().min(0).default(0).describe('Targets above which none is scraped; 0 is none (default 0).'),
    max_in_flight: z
      .int()
      .min(1)
      .default(128)
      .describe(
        'Scrapes at one time; targets that do not answer have eight times as many of their own, and so have those that gave way because no answer came (default 128).',
      ),
    prefix: z
      .string()
      .max(128)
      .regex(/^[a-z][a-z0-9_.]*$/, 'a prefix has small letters, digits, dots and underscores')
      .default('prometheus')
      .describe('First part of the types of its events (default prometheus).'),
  })
  .superRefine((value, context) => {
    const fail = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    const { basic_auth: basic, bearer_token: token, bearer_token_file: file, dns_sd: dns } = value;
    if (value.targets === undefined && !value.file_sd && !dns)
      fail('targets', 'there is nothing to scrape: name targets, file_sd or dns_sd');
    if (token !== undefined && file !== undefined)
      fail('bearer_token_file', 'there is a bearer_token too; one of them is enough');
    if (basic && (token !== undefined || file !== undefined))
      fail('basic_auth', 'there is a bearer token too; one of them is enough');
    if (dns && dns.type !== 'SRV' && dns.port === undefined) fail('dns_sd', `${dns.type} records name no port: set port`);
    if ((value.tls.cert_file === undefined) !== (value.tls.key_file === undefined))
      fail('tls', 'cert_file and key_file go together');
  });

export type ScrapeOptions = z.output<typeof options>;
export type AuthOptions = Pick<ScrapeOptions, 'basic_auth' | 'bearer_token' | 'bearer_token_file' | 'headers' | 'header_files'>;
export type TlsOptions = ScrapeOptions['tls'];
export type FileSdOptions = z.output<typeof fileSd>;
export type DnsSdOptions = z.output<typeof dnsSd>;
export type Selector = z.output<typeof selector>;
