/** A Kafka of the tests' own: one node or several, each broker and controller in one process, on free ports of loopback. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority } from './certificates.ts';
import { provideKafka } from './install.ts';
import { javaArguments, type KafkaJars } from './java.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import {
  CLUSTER_ID,
  type KafkaOptions,
  type KafkaPorts,
  type KafkaTls,
  SCRAM,
  serverProperties,
  writeMeta,
} from './kafka-config.ts';
import { awaitReady, execute, freePorts, isListening, OwnedProcess, ownedFolder } from './owned.ts';

/** How long a node may take to start, and a tool of Kafka's to do its work, in milliseconds: many times what an idle machine needs. */
const START_MS = 120_000;
const TOOL_MS = 60_000;

interface Node {
  id: number;
  ports: KafkaPorts;
  folder: string;
  process: OwnedProcess | undefined;
}

export class KafkaCluster {
  /** `host:port` of the plain listeners, or of the proxies before them. */
  readonly brokers: string[];
  readonly saslBrokers: string[];
  readonly tlsBrokers: string[];
  readonly saslTlsBrokers: string[];
  /** `host:port` of each node's plain listener itself, for a proxy to forward to. */
  readonly direct: string[];
  /** Where the certificates are, with `tls`; `authority.issue` makes a client's. */
  readonly authority: Authority | undefined;
  /** Topics and leaders. It comes by a listener of its own, past every proxy. */
  readonly admin: KafkaAdmin;
  readonly #nodes: readonly Node[];
  readonly #folder: { path: string; remove(): void };
  readonly #java: KafkaJars;

  private constructor(
    java: KafkaJars,
    folder: { path: string; remove(): void },
    nodes: readonly Node[],
    options: KafkaOptions,
    authority: Authority | undefined,
  ) {
    const at = (port: keyof KafkaPorts): string[] => nodes.map(({ ports }) => `127.0.0.1:${ports[port]}`);
    this.direct = at('plain');
    this.brokers = options.advertise ? options.advertise.map((port) => `127.0.0.1:${port}`) : this.direct;
    this.saslBrokers = at('sasl');
    this.tlsBrokers = at('tls');
    this.saslTlsBrokers = at('saslTls');
    this.authority = authority;
    this.admin = new KafkaAdmin(at('internal'));
    this.#nodes = nodes;
    this.#folder = folder;
    this.#java = java;
  }

  static async start(options: KafkaOptions = {}): Promise<KafkaCluster> {
    const java = await provideKafka();
    const folder = ownedFolder('kafka');
    let cluster: KafkaCluster | undefined;
    try {
      const nodes = await layOut(options.nodes ?? 1, folder.path);
      const authority = options.tls ? await Authority.create(folder.path, 'Kafka') : undefined;
      const tls = authority ? await serverChain(authority, folder.path) : undefined;
      for (const { id, folder: dir } of nodes) {
        const ports = nodes.map((node) => node.ports);
        writeFileSync(join(dir, 'server.properties'), serverProperties(id, ports, join(dir, 'data'), options, tls));
      }
      cluster = new KafkaCluster(java, folder, nodes, options, authority);
      await cluster.#format(options.users ?? {});
      await cluster.#run(nodes);
      return cluster;
    } catch (error) {
      await cluster?.close();
      folder.remove();
      throw error;
    }
  }

  /** SIGKILL for one node, or for all: nothing is flushed, nobody is told. */
  async kill(node?: number): Promise<void> {
    await Promise.all(this.#chosen(node).map(async ({ process }) => await process?.kill()));
  }

  /** Ends one node, or all, as an operator would: leaders move first. */
  async stop(node?: number): Promise<void> {
    await Promise.all(this.#chosen(node).map(async ({ process }) => await process?.stop()));
  }

  /** SIGSTOP: connections stay open, and nobody answers. */
  freeze(node?: number): void {
    for (const { process } of this.#chosen(node)) process?.freeze();
  }

  thaw(node?: number): void {
    for (const { process } of this.#chosen(node)) process?.signal('SIGCONT');
  }

  /** Starts what does not run, and ends first what does; with the same ports and data. Resolves when it serves again. */
  async restart(node?: number): Promise<void> {
    await this.stop(node);
    await this.#run(this.#chosen(node));
  }

  /** What the records of a topic take on disk on the first node, in bytes. @public */
  diskBytes(topic: string): number {
    const data = join(this.#nodes[0]?.folder ?? '', 'data');
    const logs = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(
      (path) => /^(.+)-\d+\/\d+\.log$/.exec(path)?.[1] === topic,
    );
    return logs.reduce((sum, path) => sum + statSync(join(data, path)).size, 0);
  }

  /** Runs one of Kafka's own tools by its class, such as `kafka.admin.ConfigCommand`; resolves with what it printed. */
  async tool(name: string, ...args: string[]): Promise<string> {
    return await execute('java', javaArguments(this.#java, name, ...args), { deadlineMs: TOOL_MS });
  }

  /** Sets a user's password for SCRAM; that of PLAIN stays as it is. */
  async setPassword(user: string, password: string): Promise<void> {
    const entity = ['--alter', '--entity-type', 'users', '--entity-name', user];
    // One after the other: a request may change a user only once.
    for (const mechanism of SCRAM) {
      const added = `${mechanism}=[password=${password}]`;
      await this.tool('kafka.admin.ConfigCommand', ...this.admin.bootstrap, ...entity, '--add-config', added);
    }
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    await this.kill();
    this.#folder.remove();
  }

  #chosen(id?: number): readonly Node[] {
    const nodes = id === undefined ? this.#nodes : this.#nodes.filter((node) => node.id === id);
    if (nodes.length === 0) throw new Error(`no node ${id}; they are numbered from 1 to ${this.#nodes.length}`);
    return nodes;
  }

  async #format(users: Record<string, string>): Promise<void> {
    if (Object.keys(users).length === 0) {
      for (const { id, folder } of this.#nodes) writeMeta(join(folder, 'data'), id);
      return;
    }
    const scram = Object.entries(users).flatMap(([name, password]) =>
      SCRAM.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
    );
    await Promise.all(
      this.#nodes.map(async ({ folder }) => {
        const properties = join(folder, 'server.properties');
        await this.tool('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, '-g', ...scram);
      }),
    );
  }

  async #run(nodes: readonly Node[]): Promise<void> {
    for (const node of nodes) {
      const args = javaArguments(this.#java, 'kafka.Kafka', join(node.folder, 'server.properties'));
      node.process = new OwnedProcess('java', args, { log: join(node.folder, 'log'), cwd: node.folder });
    }
    await Promise.all(
      nodes.map(async ({ id, ports, process }) => {
        await awaitReady(`Kafka's node ${id}`, process as OwnedProcess, START_MS, async () => {
          return (await isListening(ports.plain)) && (await this.admin.nodes()).includes(id);
        });
      }),
    );
  }
}

async function layOut(count: number, folder: string): Promise<Node[]> {
  const free = await freePorts(6 * count);
  return Array.from({ length: count }, (_, i) => {
    const [controller, internal, plain, sasl, tls, saslTls] = free.slice(6 * i) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const dir = join(folder, String(i + 1));
    mkdirSync(join(dir, 'data'), { recursive: true });
    return { id: i + 1, ports: { controller, internal, plain, sasl, tls, saslTls }, folder: dir, process: undefined };
  });
}

async function serverChain(authority: Authority, folder: string): Promise<KafkaTls> {
  const { key, cert } = await authority.issue('server');
  const chain = join(folder, 'server-chain.pem');
  writeFileSync(chain, [key, cert, authority.ca].map((file) => readFileSync(file, 'utf8')).join(''));
  return { ca: authority.ca, chain };
}
