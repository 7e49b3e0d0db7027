/** A RabbitMQ of the tests' own: one node or a cluster of two, with ports, folders, cookie and name service of its own, on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority } from './certificates.ts';
import { provideRabbitmq } from './install.ts';
import { awaitReady, execute, freePorts, isListening, OwnedProcess, ownedFolder } from './owned.ts';

/** How long a node may take to start, and a command of rabbitmqctl, in milliseconds: many times what an idle machine needs. */
const START_MS = 120_000;
const COMMAND_MS = 60_000;
/** One scheduler and no busy waiting: a node of the tests must not take the machine from what is tested. */
const SMALL = '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none +A 4 -kernel inet_dist_use_interface {127,0,0,1}';
/** A limit of memory that no node reaches, and one that every node is above; of free disk, in bytes, likewise. */
const MEMORY = { calm: '4GB', alarm: '1MB' };
const DISK = { calm: '1MB', alarm: '1000000GB' };

export interface RabbitmqOptions {
  /** How many nodes; 1 unless given. More than one are joined to a cluster. */
  nodes?: number;
  /** Listeners with TLS; `required` asks clients for a certificate, by whose name they may log in (EXTERNAL). */
  tls?: 'plain' | 'required';
  /** Lines of rabbitmq.conf beside those here. */
  config?: readonly string[];
}

interface Folder {
  path: string;
  remove(): void;
}

export class RabbitmqNode {
  /** `amqp://` with the user guest, at the node itself. */
  readonly url: string;
  /** `host:port` of the listener with TLS. */
  readonly tlsAddress: string;
  readonly port: number;
  readonly name: string;
  readonly #scripts: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  #process: OwnedProcess | undefined;

  constructor(name: string, scripts: string, folder: string, env: NodeJS.ProcessEnv, ports: [number, number, number]) {
    const [port, tls, distribution] = ports;
    this.port = port;
    this.url = `amqp://guest:guest@127.0.0.1:${port}`;
    this.tlsAddress = `127.0.0.1:${tls}`;
    this.name = name;
    this.#scripts = scripts;
    this.#folder = folder;
    this.#env = {
      ...env,
      RABBITMQ_NODENAME: name,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'none.config'),
    };
  }

  /** rabbitmqctl at this node; resolves with what it printed. */
  async ctl(...args: string[]): Promise<string> {
    return await execute(join(this.#scripts, 'rabbitmqctl'), ['-q', ...args], { deadlineMs: COMMAND_MS, env: this.#env });
  }

  async start(): Promise<void> {
    // As under systemd, the script becomes the server, so that its process is the one that signals go to.
    const env = { ...this.#env, RUNNING_UNDER_SYSTEMD: 'true', RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: SMALL };
    const log = join(this.#folder, 'output');
    const server = new OwnedProcess(join(this.#scripts, 'rabbitmq-server'), [], { log, cwd: this.#folder, env });
    this.#process = server;
    await awaitReady(`RabbitMQ's ${this.name}`, server, START_MS, async () => await isListening(this.port));
  }

  /** SIGKILL: nothing is flushed, nobody is told. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** Starts it where it does not run, and ends it first where it does; with the same ports and data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGSTOP: connections stay open, and nobody answers. */
  freeze(): void {
    this.#process?.freeze();
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }

  /** Raises the alarm of too much memory, by which publishers are blocked, or ends it. */
  async memoryAlarm(on: boolean): Promise<void> {
    await this.ctl('set_vm_memory_high_watermark', 'absolute', on ? MEMORY.alarm : MEMORY.calm);
  }

  /** Raises the alarm of too little free disk, by which publishers are blocked, or ends it. */
  async diskAlarm(on: boolean): Promise<void> {
    await this.ctl('set_disk_free_limit', on ? DISK.alarm : DISK.calm);
  }

  /** Ends the broker within the node: connections are closed with 320, and nobody listens. */
  async stopApp(): Promise<void> {
    await this.ctl('stop_app');
  }

  async startApp(): Promise<void> {
    await this.ctl('start_app');
  }
}

/** One node, as most tests want it, or more in a cluster. */
export class Rabbitmq {
  /** The nodes, the first one first. */
  readonly nodes: readonly RabbitmqNode[];
  /** Where the certificates are, with `tls`; `authority.issue` makes a client's. */
  readonly authority: Authority | undefined;
  readonly #names: OwnedProcess;
  readonly #folder: Folder;

  private constructor(nodes: readonly RabbitmqNode[], names: OwnedProcess, folder: Folder, authority: Authority | undefined) {
    this.nodes = nodes;
    this.#names = names;
    this.#folder = folder;
    this.authority = authority;
  }

  static async start(options: RabbitmqOptions = {}): Promise<Rabbitmq> {
    // Another version than the installed one: a folder with its rabbitmq-server and rabbitmqctl.
    const scripts = process.env['TIDEGATE_TEST_RABBITMQ'] || (await provideRabbitmq());
    const folder = ownedFolder('rabbitmq');
    let broker: Rabbitmq | undefined;
    try {
      const home = join(folder.path, 'home');
      mkdirSync(home);
      writeFileSync(join(home, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });
      const count = options.nodes ?? 1;
      const [epmd, ...ports] = (await freePorts(1 + 3 * count)) as [number, ...number[]];
      const env = { ...process.env, HOME: home, ERL_EPMD_PORT: String(epmd), ERL_EPMD_ADDRESS: '127.0.0.1' };
      const authority = options.tls ? await Authority.create(folder.path, 'RabbitMQ') : undefined;
      const names = new OwnedProcess('epmd', ['-port', String(epmd)], { log: join(folder.path, 'epmd'), cwd: folder.path, env });
      const nodes = Array.from({ length: count }, (_, i) => {
        const dir = join(folder.path, String(i + 1));
        mkdirSync(dir);
        const own = ports.slice(3 * i, 3 * i + 3) as [number, number, number];
        return new RabbitmqNode(`tidegate${i + 1}@localhost`, scripts, dir, env, own);
      });
      broker = new Rabbitmq(nodes, names, folder, authority);
      await awaitReady('epmd', names, START_MS, async () => await isListening(epmd));
      await broker.#configure(options);
      // One after the other: a node that starts looks for the first, and joins it.
      for (const node of nodes) await node.start();
      return broker;
    } catch (error) {
      await broker?.close();
      folder.remove();
      throw error;
    }
  }

  get first(): RabbitmqNode {
    return this.nodes[0] as RabbitmqNode;
  }

  /** Ends all nodes and removes their folders. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map(async (node) => await node.kill()));
    await this.#names.kill();
    this.#folder.remove();
  }

  async #configure({ tls, config = [] }: RabbitmqOptions): Promise<void> {
    const server = await this.authority?.issue('server');
    for (const [i, node] of this.nodes.entries()) {
      const dir = join(this.#folder.path, String(i + 1));
      const lines = [
        'loopback_users = none',
        'log.console = true',
        'log.console.level = warning',
        'log.file = false',
        `vm_memory_high_watermark.absolute = ${MEMORY.calm}`,
        `disk_free_limit.absolute = ${DISK.calm}`,
        // One that was killed comes back at once, whichever of the cluster's nodes is first.
        'cluster_partition_handling = ignore',
        ...config,
      ];
      if (i > 0) {
        lines.push('cluster_formation.peer_discovery_backend = classic_config');
        lines.push(...[this.first, node].map(({ name }, n) => `cluster_formation.classic_config.nodes.${n + 1} = ${name}`));
      }
      if (server && this.authority) {
        lines.push(
          `listeners.ssl.1 = ${node.tlsAddress}`,
          `ssl_options.cacertfile = ${this.authority.ca}`,
          `ssl_options.certfile = ${server.cert}`,
          `ssl_options.keyfile = ${server.key}`,
          `ssl_options.verify = ${tls === 'required' ? 'verify_peer' : 'verify_none'}`,
          `ssl_options.fail_if_no_peer_cert = ${String(tls === 'required')}`,
          'ssl_cert_login_from = common_name',
          'auth_mechanisms.1 = PLAIN',
          'auth_mechanisms.2 = EXTERNAL',
        );
      }
      writeFileSync(join(dir, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
      writeFileSync(join(dir, 'enabled_plugins'), `[${tls ? 'rabbitmq_auth_mechanism_ssl' : ''}].\n`);
    }
  }
}
