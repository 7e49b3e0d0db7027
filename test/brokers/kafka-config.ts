/** `server.properties` of a node: broker and controller in one process, everything on loopback, small. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** Files in PEM: whom a node trusts, and its own key and certificates in one. */
export interface KafkaTls {
  ca: string;
  chain: string;
}

export const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk';
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
    // A leader moves only when a test moves it or kills its node. A killed node counts as gone, and a restarted one as back, this soon;
    // sooner, and a machine that has too much to do takes a slow node for a dead one.
    'auto.leader.rebalance.enable': false,
    'broker.session.timeout.ms': nodes.length === 1 ? 2000 : 4000,
    'broker.heartbeat.interval.ms': 500,
    'initial.broker.registration.timeout.ms': 90_000,
    'controller.quorum.fetch.timeout.ms': 3000,
    'controller.quorum.election.timeout.ms': 1500,
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

function tlsProperties({ ca, chain }: KafkaTls, required: boolean): Record<string, string> {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': chain,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': ca,
    'ssl.client.auth': required ? 'required' : 'none',
  };
}

function lines(properties: Record<string, string | number | boolean>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value)}\n`)
    .join('');
}

/** What `StorageTool format` writes into a node's folder when there are no users to add, without the second that it takes. */
export function writeMeta(dir: string, id: number): void {
  // 16 bytes in base64, which differ between nodes: the last character alone would not, as only two of its bits count.
  const directory = `Tidegate${String(id).padStart(4, '0')}AAAAAAAAAA`;
  const meta = { version: 1, 'cluster.id': CLUSTER_ID, 'node.id': id, 'directory.id': directory };
  writeFileSync(join(dir, 'meta.properties'), lines(meta));
}
