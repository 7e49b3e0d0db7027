/** `server.properties` of a node: broker and controller in one process, everything on loopback, small. */
import type { Authority, Certificate } from './certificates.ts';

/** Ports of one node; `internal` is between brokers and for the tests' own administration, and no fault stands before it. */
export interface KafkaPorts {
  controller: number;
  internal: number;
  plain: number;
  sasl: number;
  tls: number;
  saslTls: number;
}

export interface KafkaOptions {
  /** How many nodes the cluster has; 1 unless given. */
  nodes?: number;
  /** The ports that clients are told to come to, one a node: those of proxies that stand before the nodes' plain listeners. */
  advertise?: readonly number[];
  /** Listeners with SASL (PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512) for these users: name to password. */
  users?: Record<string, string>;
  /** Listeners with TLS; `required` asks clients for a certificate. */
  tls?: 'plain' | 'required';
  /** Properties beside those here, or instead of them. */
  properties?: Record<string, string | number | boolean>;
}

export interface KafkaTls {
  authority: Authority;
  server: Certificate;
}

export const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const LOGIN = 'org.apache.kafka.common.security';

export function serverProperties(
  id: number,
  nodes: readonly KafkaPorts[],
  dir: string,
  options: KafkaOptions,
  tls: KafkaTls | undefined,
): string {
  const ports = nodes[id - 1] as KafkaPorts;
  const listeners = listenersOf(ports, options);
  const advertised = { ...listeners, PLAIN: options.advertise?.[id - 1] ?? ports.plain };
  const address = (all: Record<string, number>): string =>
    Object.entries(all)
      .map(([name, port]) => `${name}://127.0.0.1:${port}`)
      .join(',');
  return lines({
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': nodes.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(','),
    listeners: address({ ...listeners, CONTROLLER: ports.controller }),
    'advertised.listeners': address(advertised),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL',
    'log.dirs': dir,
    'num.partitions': 1,
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    'num.network.threads': 2,
    'num.io.threads': 2,
    // A leader moves only when a test moves it or kills its node. A killed node counts as gone, and a restarted one as back, this soon.
    'auto.leader.rebalance.enable': false,
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 300,
    ...(options.users ? saslProperties(options.users) : {}),
    ...(tls ? tlsProperties(tls, options.tls === 'required') : {}),
    ...options.properties,
  });
}

function listenersOf(ports: KafkaPorts, { users, tls }: KafkaOptions): Record<string, number> {
  return {
    INTERNAL: ports.internal,
    PLAIN: ports.plain,
    ...(users ? { SASL: ports.sasl } : {}),
    ...(tls ? { TLS: ports.tls } : {}),
    ...(users && tls ? { SASLTLS: ports.saslTls } : {}),
  };
}

function saslProperties(users: Record<string, string>): Record<string, string> {
  const known = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const properties: Record<string, string> = { 'sasl.enabled.mechanisms': ['PLAIN', ...SCRAM].join(',') };
  for (const listener of ['sasl', 'sasltls']) {
    const at = (mechanism: string): string => `listener.name.${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`;
    properties[at('PLAIN')] = `${LOGIN}.plain.PlainLoginModule required ${known.join(' ')};`;
    for (const mechanism of SCRAM) properties[at(mechanism)] = `${LOGIN}.scram.ScramLoginModule required;`;
  }
  return properties;
}

function tlsProperties({ authority, server }: KafkaTls, required: boolean): Record<string, string> {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': `${server.cert}.chain`,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority.ca,
    'ssl.client.auth': required ? 'required' : 'none',
  };
}

function lines(properties: Record<string, string | number | boolean>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value)}\n`)
    .join('');
}
