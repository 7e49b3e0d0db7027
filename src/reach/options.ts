/** Options of the sensor `node`: what to ping, how, and when that makes it up or down. */
import * as z from 'zod';
import { headersOption, serverUrl } from '../http-client/options.ts';
import { duration, regex } from '../options.ts';

/** The ways to ping, one for each target. */
export const CHECKS = ['tcp', 'unix', 'http', 'tls', 'dns', 'icmp'] as const;
/** All are pinged at once. */
const TARGETS_MAX = 256;
export type Check = (typeof CHECKS)[number];

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:port`. */
const hostPort = (): z.ZodType<HostPort, string> =>
  z
    .string()
    .transform((text, context) => {
      const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
      const port = Number(digits);
      const host = bracketed ?? plain;
      if (host !== undefined && port > 0 && port < 65_536) return { host, port };
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(text)} is no host and port: write 127.0.0.1:80 or [::1]:80`,
      });
      return z.NEVER;
    })
    .meta({ examples: ['127.0.0.1:30303'] });

/** A name or an address that no command takes for an option. */
const hostName = () => z.string().regex(/^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/, 'expected the name of a host, or an address');

const RECORDS = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SRV', 'TXT'] as const;

/** Which checks an option is for. */
const ONLY: Readonly<Record<string, readonly Check[]>> = {
  statuses: ['http'],
  body: ['http'],
  headers: ['http'],
  method: ['http'],
  ca: ['http', 'tls'],
  cert: ['http', 'tls'],
  key: ['http', 'tls'],
  server_name: ['http', 'tls'],
  verify: ['http', 'tls'],
  min_validity: ['http', 'tls'],
  record: ['dns'],
  server: ['dns'],
  answer: ['dns'],
};

const target = z
  .strictObject({
    tcp: hostPort().optional().describe('Reachable when a connection is taken, as host:port.'),
    unix: z.string().min(1).optional().describe('Reachable when a connection is taken, as the path of a socket.'),
    http: serverUrl().optional().describe('Reachable when it answers as it should, as a URL.'),
    tls: hostPort().optional().describe('Reachable when TLS is spoken and the certificate is right, as host:port.'),
    dns: hostName().optional().describe('Reachable when the name has an answer, as a name.'),
    icmp: hostName().optional().describe('Reachable when it answers the command ping, as a name or an address.'),
    method: z.enum(['GET', 'HEAD']).optional().describe('http: how to ask (default GET).'),
    statuses: z
      .array(z.int().min(100).max(599))
      .min(1)
      .optional()
      .describe('http: statuses that are right, as numbers (default 200 to 399).'),
    body: regex().optional().describe('http: what the first 64 KiB of the answer must match (default anything).'),
    headers: headersOption().optional().describe('http: headers to send, as texts or { file: PATH } (default none).'),
    ca: z.string().min(1).optional().describe("http, tls: file of certificates to trust instead of Node's own, in PEM form."),
    cert: z.string().min(1).optional().describe('http, tls: file of the certificate to show, in PEM form.'),
    key: z.string().min(1).optional().describe("http, tls: file of that certificate's key, in PEM form."),
    server_name: z
      .string()
      .min(1)
      .optional()
      .describe('http, tls: name to ask for and to find in the certificate (default the host).'),
    verify: z.boolean().optional().describe('http, tls: whether the certificate must be right (default true).'),
    min_validity: duration()
      .optional()
      .describe('http, tls: how long the certificate must still be valid, as a duration (default 0s).'),
    record: z.enum(RECORDS).optional().describe('dns: what to ask for (default A).'),
    server: z
      .string()
      .regex(/^(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\])(:\d+)?$|^[0-9A-Fa-f:]+$/, 'expected an address, perhaps with :port')
      .optional()
      .describe("dns: name server to ask, as address or address:port (default the system's)."),
    answer: regex().optional().describe('dns: what one of the answers must match (default anything).'),
  })
  .superRefine((given, context) => {
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    const checks = CHECKS.filter((check) => given[check] !== undefined);
    if (checks.length !== 1) return wrong(`expected one of ${CHECKS.join(', ')}, and here is ${checks.join(' and ') || 'none'}`);
    for (const [option, value] of Object.entries(given))
      if (value !== undefined && ONLY[option] && !ONLY[option].includes(checks[0] as Check))
        wrong(`${option} is an option of ${ONLY[option].join(' and ')}, and this is ${checks[0]}`);
    if ((given.cert === undefined) !== (given.key === undefined)) wrong('cert and key are given together');
    return undefined;
  });

export const options = z.strictObject({
  targets: z
    .record(z.string().min(1).max(128), target)
    .refine((all) => Object.keys(all).length > 0, 'expected at least one target')
    .refine((all) => Object.keys(all).length <= TARGETS_MAX, `expected at most ${TARGETS_MAX} targets: make two sensors of them`)
    .meta({ examples: [{ node: { tcp: '127.0.0.1:30303' } }] })
    .describe('What to ping: names of your choice, each with one of tcp, unix, http, tls, dns, icmp.'),
  down_after: z
    .int()
    .min(1)
    .max(1000)
    .prefault(3)
    .describe('Pings in a row that must fail before it is down, as a number (default 3).'),
  up_after: z
    .int()
    .min(1)
    .max(1000)
    .prefault(2)
    .describe('Pings in a row that must succeed before what was down is up, as a number (default 2).'),
  ping_timeout: duration({ min: 10, max: 3_600_000 })
    .prefault('5s')
    .describe('How long a ping may take, as a duration, and no longer than nine tenths of what a sample may (default 5s).'),
});

export type TargetOptions = z.output<typeof target>;
export type NodeOptions = z.output<typeof options>;
