/**
 * A Docker of the tests' own, in which nothing of the machine's is used and of which nothing is left.
 *
 *   install ──▶ unshare (process and mount namespaces) ──▶ tini ──▶ dockerd ──▶ containerd, shims, containers
 *
 * All of it is in one process namespace: when its first process is killed, the kernel ends every other, and the mounts go with the last.
 * The first process is killed with the process that called `open`, however that ends. What files remain are in one folder, which goes too.
 * There is no bridge and no rule of a firewall: containers have the host's network or none. After `isolate` the daemon has a network of its
 * own instead, with bridges, names and published ports that nobody else sees and that end with it; the world is out of its reach.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awaitReady, execute, OwnedProcess, ownedFolder } from '../brokers/owned.ts';
import { alone, has, installPackages } from '../packages.ts';
import { REPOSITORY } from '../support.ts';

/** How long the daemon may take to start, in milliseconds. */
const START_MS = 60_000;
/** How long one command may take unless it says otherwise, in milliseconds. */
const COMMAND_MS = 60_000;

/** A Docker cannot be had here; the message says why. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
}

const say = (text: string): void => void process.stderr.write(`test container: ${text}\n`);

export class Engine {
  /** Where files for containers may be made; the engine sees them under the same path. */
  readonly folder: string;
  /** The machine's own `/proc`: the engine has one of its own. */
  readonly proc: string;
  #daemon: OwnedProcess;
  #composer: readonly [string, ...string[]] | undefined;
  readonly #remove: () => void;
  readonly #group: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: { path: string; remove(): void }) {
    this.folder = folder.path;
    this.#remove = folder.remove;
    this.proc = join(folder.path, 'proc');
    this.#group = `tidegate-test-${process.pid}`;
    const socket = join(folder.path, 'docker.sock');
    // The old builder needs no plugin; DOCKER_CONFIG keeps the user's own registries and contexts out.
    this.#env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: folder.path, DOCKER_BUILDKIT: '0' };
    mkdirSync(this.proc);
    this.#daemon = this.#start([], '--iptables=false');
  }

  /** Installs what is missing, and starts. Throws `NoEngine` where that cannot be. */
  static async open(): Promise<Engine> {
    await provide();
    const engine = new Engine(ownedFolder('docker'));
    await engine.#ready();
    return engine;
  }

  /** Starts again with the same images and a network of its own. Throws `NoEngine` where that cannot be. */
  async isolate(): Promise<void> {
    await this.#daemon.kill();
    // What says which processes run: none does, and others will have their numbers.
    for (const name of ['pid', 'exec']) rmSync(join(this.folder, name), { recursive: true, force: true });
    this.#daemon = this.#start(['--net']);
    await this.#ready();
  }

  /** Runs `docker ARGUMENTS`, within so many milliseconds; resolves with what it printed, and fails with what it said. */
  async docker(args: readonly string[], deadlineMs = COMMAND_MS): Promise<string> {
    return (await execute('docker', args, { deadlineMs, env: this.#env })).trimEnd();
  }

  /** Runs `docker compose ARGUMENTS` on this repository's file, by the plugin or by the program of old, installed where there is neither. */
  async compose(args: readonly string[], deadlineMs = COMMAND_MS): Promise<string> {
    this.#composer ??= await this.#findCompose();
    const [command, ...first] = this.#composer;
    const whole = [...first, '-f', join(REPOSITORY, 'docker-compose.yml'), '-p', 'tidegate', ...args];
    return (await execute(command, whole, { deadlineMs, env: this.#env })).trimEnd();
  }

  /** As `docker`, for a command whose failure is an answer. */
  async attempt(args: readonly string[]): Promise<{ ok: boolean; text: string }> {
    return await this.docker(args).then(
      (text) => ({ ok: true, text }),
      (error: unknown) => ({ ok: false, text: (error as Error).message }),
    );
  }

  /** What `docker inspect` says of a container or image, through a template. */
  async inspect<T>(name: string, template: string): Promise<T> {
    return JSON.parse(await this.docker(['inspect', '-f', `{{json ${template}}}`, name])) as T;
  }

  /** Ends the containers and the daemon, and removes what it has made. */
  async close(): Promise<void> {
    const left = await this.attempt(['ps', '-aq']);
    if (left.ok && left.text !== '') await this.attempt(['rm', '-f', ...left.text.split('\n')]);
    // At once: nothing of it is kept, and unshare lets no other signal through.
    await this.#daemon.kill();
    this.#remove();
    removeGroups(this.#group);
  }

  #start(namespaces: readonly string[], ...flags: string[]): OwnedProcess {
    const { folder } = this;
    const script = join(folder, 'start.sh');
    const lines = [
      'set -e',
      `mount --bind /proc ${this.proc}`,
      'mount -t proc proc /proc',
      ...(namespaces.includes('--net') ? ['ip link set lo up'] : []),
      `exec tini -- dockerd -H ${this.#env['DOCKER_HOST']} --data-root ${folder}/data --exec-root ${folder}/exec --pidfile ${folder}/pid \\`,
      `  ${flags.join(' ')} --ip6tables=false --bridge=none --cgroup-parent=/${this.#group} --group root`,
    ];
    writeFileSync(script, `${lines.join('\n')}\n`);
    const args = ['--pid', '--fork', '--kill-child', '--mount', '--propagation', 'slave', ...namespaces, 'sh', script];
    return new OwnedProcess('unshare', args, { log: join(folder, 'log'), cwd: folder });
  }

  async #findCompose(): Promise<readonly [string, ...string[]]> {
    if ((await this.attempt(['compose', 'version'])).ok) return ['docker', 'compose'];
    await install([['docker-compose', 'docker-compose', 'version']]);
    return ['docker-compose'];
  }

  async #ready(): Promise<void> {
    try {
      await awaitReady('dockerd', this.#daemon, START_MS, async () => {
        await this.docker(['version']);
        return true;
      });
    } catch (error) {
      await this.close();
      throw new NoEngine(`dockerd does not start on this machine: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function provide(): Promise<void> {
  if (process.env['TIDEGATE_TEST_CONTAINER'] === 'skip')
    throw new NoEngine('TIDEGATE_TEST_CONTAINER=skip leaves these tests out');
  if (process.platform !== 'linux') throw new NoEngine(`a dockerd runs on Linux only; this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new NoEngine('only root can start a dockerd of its own');
  await install([
    ['docker.io', 'dockerd', '--version'],
    ['docker.io', 'docker', '--version'],
    ['tini', 'tini', '--version'],
    ['iproute2', 'ip', '-V'],
  ]);
}

/** Packages, each with a command that fails where it is missing. */
async function install(packages: readonly (readonly [string, string, ...string[]])[]): Promise<void> {
  try {
    await alone(async () => {
      const missing = new Set<string>();
      for (const [name, ...command] of packages) if (!(await has(...command))) missing.add(name);
      if (missing.size > 0) await installPackages([...missing], say);
    }, say);
  } catch (error) {
    throw new NoEngine((error as Error).message, { cause: error });
  }
}

/** The control groups that the daemon made of the containers are empty now, and nobody else removes them. */
function removeGroups(name: string): void {
  const root = '/sys/fs/cgroup';
  const roots = [root, ...(existsSync(root) ? readdirSync(root) : []).map((one) => join(root, one))];
  for (const folder of roots.map((one) => join(one, name))) if (existsSync(folder)) removeGroup(folder);
}

function removeGroup(folder: string): void {
  try {
    removeEmpty(folder);
  } catch (error) {
    // A process that is ending holds its group for a moment longer; an empty group costs nothing.
    say(`${folder} is left: ${(error as Error).message}`);
  }
}

function removeEmpty(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  rmdirSync(folder);
}
