/** What an operator says about a Kafka cluster, and about what is sent to it. */
import * as z from 'zod';
import { bytes, duration, secret } from '../options.ts';
import { templateMistake } from './template.ts';

const PORT_MAX = 65_535;

/** Why a text is not `host:port`, or undefined. */
function addressMistake(text: string): string | undefined {
  const match = /^([^\s:[\]/@]+):(\d+)$/.exec(text);
  if (match && Number(match[2]) >= 1 && Number(match[2]) <= PORT_MAX) return undefined;
  if (/^\[|^[\da-f]*:[\da-f:]*:/i.test(text)) return 'an IPv6 address cannot be written here: give a host name and a port';
  return 'expected host:port, such as 127.0.0.1:9092';
}

const address = z
  .string()
  .superRefine((text, context) => {
    const mistake = addressMistake(text);
    if (mistake !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(text)}: ${mistake}` });
  })
  .meta({ examples: ['127.0.0.1:9092'] });

const template = (what: 'topic' | 'key') =>
  z.string().superRefine((text, context) => {
    const mistake = templateMistake(text, what);
    if (mistake !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(text)}: ${mistake}` });
  });

const tls = z.strictObject({
  ca: z.string().min(1).optional().describe('File of the authorities that are trusted, PEM (default: those that Node trusts).'),
  cert: z.string().min(1).optional().describe('File of the certificate that is shown to the broker, PEM.'),
  key: z.string().min(1).optional().describe('File of the key of `cert`, PEM.'),
  key_password: secret().optional().describe('Password of the key, when it has one.'),
  server_name: z
    .string()
    .min(1)
    .optional()
    .describe("The name that the broker's certificate must have (default: the host that is connected to)."),
});

const sasl = z.strictObject({
  mechanism: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .prefault('scram-sha-512')
    .describe('How the password is proved; plain sends it as it is, so use it over TLS (default scram-sha-512).'),
  username: z
    .string()
    .min(1)
    .meta({ examples: ['tidegate'] })
    .describe('The user.'),
  password: secret().optional().describe('The password.'),
  password_file: z
    .string()
    .min(1)
    .optional()
    .describe('File with the password, instead of `password`; read at each connect, and a line end is cut off.'),
});

/** How a cluster is reached. */
export const clientShape = {
  brokers: z
    .array(address)
    .min(1)
    .max(100)
    .meta({ examples: [['127.0.0.1:9092']] })
    .describe('Brokers to ask for the others, as host:port; they are tried in turn.'),
  client_id: z.string().min(1).max(200).prefault('tidegate').describe("Name in the broker's logs and quotas (default tidegate)."),
  tls: tls.optional().describe('Speak TLS; `{}` is enough where Node trusts the authority. Files are read at each connect.'),
  sasl: sasl
    .refine((given) => (given.password === undefined) !== (given.password_file === undefined), {
      error: 'give either password or password_file',
    })
    .optional()
    .describe('Log in.'),
  connect_timeout: duration({ min: 100, max: 300_000 })
    .prefault('5s')
    .describe('How long one broker may take to accept a connection, as a duration (default 5s).'),
  request_timeout: duration({ min: 1000, max: 300_000 })
    .prefault('20s')
    .describe("How long a broker may take to answer; keep it below the sink's `timeout`, as a duration (default 20s)."),
} as const;

/** What is sent, and where to. */
export const produceShape = {
  topic: template('topic')
    .prefault('telemetry')
    .describe('The topic; {type}, {sensor}, {host} and {agent} are replaced by those of the event (default telemetry).'),
  key: template('key')
    .prefault('{host}/{sensor}')
    .describe("The record's key, with the same variables; empty for none (default {host}/{sensor})."),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .prefault('none')
    .describe('How records are compressed (default none).'),
  max_request_bytes: bytes({ min: 1024, max: 100_000_000 })
    .prefault('1000000B')
    .describe('The most that is sent in one request, in bytes; `message.max.bytes` of a broker is 1048588 (default 1000000B).'),
  create_topics: z.boolean().prefault(false).describe('Make a topic that does not exist (default false).'),
  partitions: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Partitions of a topic that is made, as a number (default: as the broker has it).'),
  replication_factor: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('Copies of a topic that is made, as a number (default: as the broker has it).'),
} as const;

/** What `openClient` takes, for a source as for a sink. */
export const clientOptions = z.object(clientShape);
const produceOptions = z.object(produceShape);
export type ClientOptions = z.output<typeof clientOptions>;
export type ProduceOptions = z.output<typeof produceOptions>;
export type Compression = ProduceOptions['compression'];
