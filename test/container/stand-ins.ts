/**
 * Images with the names and tags that docker-compose.yml and the Dockerfile take from a registry, which tests have not. What runs in them is
 * real, started by the files of `stand-ins/`: Java and Kafka as `test/brokers` installs them, on Debian's C library, and the RabbitMQ 4 of
 * Debian 13 on that one's. Where it cannot be had, RabbitMQ is the installed one, too, of whatever version.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { provideKafka, provideRabbitmq } from '../brokers/install.ts';
import { execute } from '../brokers/owned.ts';
import { BASE, build, importBases, importRelease, NODE } from './build.ts';
import type { Engine } from './engine.ts';

const FILES = join(import.meta.dirname, 'stand-ins');
/** What only those need who build with Java, and links that Debian leaves open. */
const UNUSED = new Set(['jmods', 'include', 'man', 'demo', 'docs', 'legal', 'src.zip', 'cacerts']);
/** Programs that RabbitMQ's scripts call and the base lacks. */
const TOOLS = ['sed', 'grep'];
const RABBITMQ_TAG = 'rabbitmq:4-management';
const TRIXIE = 'tidegate-test/trixie';
/** What RabbitMQ's package asks for beside Erlang is for its installation, its service and tools that are not used. */
const UNASKED = ['adduser', 'openssl', 'openssl-provider-legacy', 'procps', 'python3', 'socat'];
const IMAGE_MS = 120_000;

/**
 * Makes them all, and the images of this repository, so that `docker compose build` finds every step done. Resolves with why RabbitMQ is the
 * installed one, where it is.
 */
export async function buildStandIns(engine: Engine): Promise<string | undefined> {
  const base = await importBases(engine);
  await engine.docker(['tag', BASE, 'debian:bookworm-slim']);
  await engine.docker(['tag', NODE, 'node:24-bookworm-slim']);
  await kafka(engine, base);
  const last = ({ message }: Error): string => message.trim().split('\n').at(-1) as string;
  const why = await rabbitmq4(engine).then(() => undefined, last);
  if (why !== undefined) await installedRabbitmq(engine, base);
  await build(engine, ['-t', 'tidegate']);
  await build(engine, ['--target=consumer', '-t', 'tidegate-consumer']);
  return why;
}

async function kafka(engine: Engine, base: string): Promise<void> {
  const { jars } = await provideKafka();
  const java = dirname(dirname(await found('java')));
  await image(engine, base, 'apache/kafka:4.1.0', 'kafka', { 'opt/java': java, 'opt/kafka/libs': jars });
}

async function rabbitmq4(engine: Engine): Promise<void> {
  const packages = ['dash', 'coreutils', ...TOOLS, 'rabbitmq-server'];
  const root = await importRelease(engine, TRIXIE, { name: 'trixie', without: UNASKED }, packages);
  await image(engine, root, RABBITMQ_TAG, 'rabbitmq', {}, { from: TRIXIE });
}

async function installedRabbitmq(engine: Engine, base: string): Promise<void> {
  const own = dirname(await provideRabbitmq());
  // `erl` is in a folder `bin` of Erlang's own.
  const erlang = dirname(dirname(await found('erl')));
  const tools = await Promise.all(TOOLS.map(found));
  await image(engine, base, RABBITMQ_TAG, 'rabbitmq', { 'usr/lib/rabbitmq': own, 'usr/lib/erlang': erlang }, { programs: tools });
}

/** Builds `stand-ins/NAME` with folders of this machine, each at its place, and single programs, and the libraries that all of them load. */
async function image(
  engine: Engine,
  base: string,
  tag: string,
  name: string,
  folders: Readonly<Record<string, string>>,
  { programs = [], from: on = BASE }: { programs?: readonly string[]; from?: string } = {},
): Promise<void> {
  const context = join(engine.folder, name);
  cpSync(join(FILES, name), context, { recursive: true });
  mkdirSync(join(context, 'system'), { recursive: true });
  for (const [to, from] of Object.entries(folders)) {
    // Java's configuration is links to /etc, RabbitMQ's programs are links to each other.
    const dereference = to === 'opt/java';
    const filter = (path: string): boolean => !(dereference && UNUSED.has(basename(path)));
    cpSync(from, join(context, 'system', to), { recursive: true, dereference, verbatimSymlinks: !dereference, filter });
  }
  const roots = [...Object.values(folders), ...programs];
  for (const file of [...programs, ...(roots.length > 0 ? await libraries(roots) : [])]) {
    const at = relative('/', join(realpathSync(dirname(file)), basename(file)));
    if (existsSync(join(base, at))) continue;
    mkdirSync(dirname(join(context, 'system', at)), { recursive: true });
    copyFileSync(file, join(context, 'system', at));
  }
  await engine.docker(['build', '-q', '--build-arg', `BASE=${on}`, '-t', tag, context], IMAGE_MS);
}

/** Where a program of PATH really is. */
async function found(name: string): Promise<string> {
  return realpathSync((await execute('sh', ['-c', 'command -v "$1"', 'sh', name], { deadlineMs: 10_000 })).trim());
}

/** The shared libraries of all programs and libraries in these files and folders. */
async function libraries(roots: readonly string[]): Promise<string[]> {
  const script = String.raw`find "$@" -type f \( -name '*.so' -o -perm -u+x \) -exec ldd {} + 2>/dev/null || true`;
  const text = await execute('sh', ['-c', script, 'sh', ...roots], { deadlineMs: 30_000 });
  const paths = new Set([...text.matchAll(/=> (\/\S+)/g)].map(([, path]) => path as string));
  return [...paths].filter((path) => statSync(path).isFile() && !roots.some((root) => path.startsWith(`${root}/`)));
}
