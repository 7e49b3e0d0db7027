/** The options of the sink `rabbitmq` that are its own, and what is checked across them. */
import * as z from 'zod';
import { deliveryOptions } from '../delivery/options.ts';
import { bytes, duration, secret } from '../options.ts';
import { isShort, PLACEHOLDERS, SHORT_BYTES_MAX, templateMistake } from './template.ts';

/** A broker's address. Without a port: 5672, or 5671 with TLS. */
const HOST_PATTERN = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+)(:\d{1,5})?$/;
const PORT_MAX = 65_535;
/** amqplib keeps what is unconfirmed in an array from whose front it takes. */
const WINDOW_MAX = 2000;

const host = z
  .string()
  .regex(HOST_PATTERN, 'expected host or host:port; user, password, vhost and tls are options of their own')
  .refine((text) => Number(/:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1] ?? 1) <= PORT_MAX, `a port is at most ${PORT_MAX}`);

const name = z.string().refine(isShort, `at most ${SHORT_BYTES_MAX} bytes, which is the most that AMQP takes`);

const template = z.string().superRefine((text, context) => {
  const mistake = templateMistake(text);
  if (mistake !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} ${mistake}` });
});

const path = z.string().min(1);

const tls = z.strictObject({
  ca: path.optional().describe("A PEM file of authorities to trust instead of the system's; read anew at every connection."),
  cert: path.optional().describe('A PEM file with the client certificate; read anew at every connection.'),
  key: path.optional().describe('A PEM file with its key; read anew at every connection.'),
  key_password: secret().optional().describe('The password of the key, when it has one.'),
  server_name: z.string().min(1).optional().describe("The name that the broker's certificate must bear (default: the host)."),
});

const own = {
  hosts: z
    .array(host)
    .min(1)
    .max(64)
    .meta({ examples: [['127.0.0.1:5672']] })
    .describe('Nodes of the cluster, as host or host:port, tried in turn from a random one on; the port is 5672, with TLS 5671.'),
  vhost: name.prefault('/').describe('The virtual host (default /).'),
  auth: z
    .enum(['plain', 'external'])
    .prefault('plain')
    .describe('How to log in: with user and password, or by the client certificate (default plain).'),
  user: z.string().min(1).optional().describe('The user (default guest, which a broker takes from its own machine only).'),
  password: secret().optional().describe('The password (default guest for the user guest).'),
  password_file: path.optional().describe('A file with the password in its first line; read anew at every connection.'),
  tls: tls.optional().describe('Present, even empty, it means TLS.'),
  exchange: name
    .prefault('')
    .describe(
      'The exchange to publish to; the empty name is the default exchange, where the routing key names a queue (default "").',
    ),
  routing_key: template
    .optional()
    .describe(
      `The routing key, with {${PLACEHOLDERS.join('}, {')}} filled in (default: the queue on the default exchange, else {type}).`,
    ),
  queue_name: name.min(1).optional().describe('A queue to publish to, or to check, or to declare and bind; see `declare`.'),
  declare: z
    .enum(['none', 'passive', 'create'])
    .prefault('passive')
    .describe(
      'What to do about exchange and queue at a connection: nothing, check that they exist, declare them (default passive).',
    ),
  exchange_type: z
    .string()
    .regex(/^[\w-]{1,100}$/, 'expected topic, fanout, direct, headers or a type of a plugin')
    .prefault('topic')
    .describe('With `declare: create`, the type of the exchange (default topic).'),
  queue_type: z
    .enum(['quorum', 'classic', 'stream'])
    .prefault('quorum')
    .describe('With `declare: create`, the type of the queue (default quorum).'),
  binding_key: name
    .optional()
    .describe('With `declare: create`, what binds the queue (default # for topic, else the routing key).'),
  unroutable: z
    .enum(['keep', 'dead_letter'])
    .prefault('keep')
    .describe('What becomes of an event that no queue takes: kept until one is bound, or dead-lettered (default keep).'),
  max_message_bytes: bytes({ min: 1024, max: 512 * 2 ** 20 })
    .prefault('16MiB')
    .describe('A larger event is dead-lettered unsent; 16MiB is the limit of RabbitMQ 4 (default 16MiB).'),
  window: z
    .int()
    .min(1)
    .max(WINDOW_MAX)
    .prefault(1000)
    .describe('Unconfirmed messages of a lane; 1 keeps order strictly (default 1000).'),
  window_bytes: bytes({ min: 65_536, max: 2 ** 30 })
    .prefault('8MiB')
    .describe('Unconfirmed bytes of a lane; one larger message goes alone (default 8MiB).'),
  connections: z
    .int()
    .min(1)
    .max(64)
    .prefault(1)
    .describe('AMQP connections that the channels of lanes are spread over (default 1).'),
  heartbeat: duration({ min: 1000, max: 600_000 })
    .prefault('10s')
    .describe('A broker that is silent for two to three of these is gone, as a duration in whole seconds (default 10s).'),
  connect_timeout: duration({ min: 100, max: 600_000 })
    .prefault('10s')
    .describe('The most that connecting to one host may take, log-in included, as a duration (default 10s).'),
} as const;

export const options = z.strictObject({ ...deliveryOptions, ...own }).superRefine((all, context) => {
  for (const [at, message] of mistakes(all)) context.addIssue({ code: 'custom', path: [at], message });
});

const ownSchema = z.object(own);
export type RabbitOptions = z.output<typeof ownSchema>;
/** What it takes to connect. */
export type ConnectOptions = Pick<
  RabbitOptions,
  'hosts' | 'vhost' | 'auth' | 'user' | 'password' | 'password_file' | 'tls' | 'heartbeat' | 'connect_timeout'
>;

/** What no option says by itself: where, and what is wrong. */
function* mistakes(all: RabbitOptions): Iterable<[string, string]> {
  const { auth, user, password, password_file, tls, exchange, queue_name: queue, routing_key } = all;
  if (password !== undefined && password_file !== undefined)
    yield ['password_file', 'give `password` or `password_file`, not both'];
  const secretGiven = password !== undefined || password_file !== undefined;
  if (auth === 'external') {
    if (user !== undefined || secretGiven)
      yield ['auth', 'with external the certificate says who this is: leave out user and password'];
    if (tls?.cert === undefined) yield ['auth', 'external needs the client certificate: give `tls.cert` and `tls.key`'];
  } else if (user !== undefined && user !== 'guest' && !secretGiven) {
    yield ['user', 'needs its password: give `password` or `password_file`'];
  }
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) yield ['tls', '`cert` and `key` come together'];
  if (exchange === '' && queue === undefined && routing_key === undefined) {
    yield ['exchange', 'say where to publish: `exchange`, or `queue_name`, or a `routing_key` that names a queue'];
  }
  if (exchange === '' && queue !== undefined && routing_key !== undefined && routing_key !== queue) {
    yield ['routing_key', 'on the default exchange the routing key is the queue: leave one of them out, or name an exchange'];
  }
  if (bindingKey(all) === undefined) {
    yield ['binding_key', `is needed to bind the queue to an exchange of the type ${all.exchange_type}`];
  }
}

/** The template of routing keys. */
export const routingKey = ({ routing_key, queue_name, exchange }: RabbitOptions): string =>
  routing_key ?? (exchange === '' ? (queue_name ?? '') : '{type}');

/** What it publishes to, on each of its hosts. */
export function destinations(all: RabbitOptions): readonly string[] {
  const { hosts, tls, vhost, exchange } = all;
  const place = `${exchange === '' ? 'the default exchange' : exchange} with the routing key ${routingKey(all)}`;
  return hosts.map((address) => {
    const at = /:\d+$/.test(address.replace(/^\[.*\]/, '')) ? address : `${address}:${tls ? 5671 : 5672}`;
    return `${place} in ${vhost} of ${at}`;
  });
}

/** What the queue is bound with when it is declared; undefined when that cannot be told. */
export function bindingKey(all: RabbitOptions): string | undefined {
  if (all.declare !== 'create' || all.exchange === '' || all.queue_name === undefined) return '';
  if (all.binding_key !== undefined) return all.binding_key;
  if (all.exchange_type === 'topic') return '#';
  if (all.exchange_type === 'fanout') return '';
  const key = routingKey(all);
  return key.includes('{') ? undefined : key;
}
