/**
 * What the brokers of the tests need and a machine may lack, installed when it is first needed: Java, Maven, RabbitMQ and openssl from
 * the system's packages (Debian and its relatives, as root), the jars of Kafka by Maven into the user's cache folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveOf, javaVersion, type KafkaJars, learn } from './java.ts';
import { type BrokerKind, BrokerMissing } from './missing.ts';
import { execute, ownedPath } from './owned.ts';

const POM = join(import.meta.dirname, 'pom.xml');
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidegate-test');
/** Where Debian has the scripts themselves; those in PATH change the user, and hide the process that they start. */
const RABBITMQ_SCRIPTS = '/usr/lib/rabbitmq/bin';
/** While this file is there and answers 101, packages start no service. */
const NO_SERVICES = '/usr/sbin/policy-rc.d';
/** The oldest Java that runs Kafka 4. */
const JAVA_OLDEST = 17;
const JAVA_PACKAGES = ['openjdk-17-jre-headless', 'default-jre-headless'];
/** How long one step of an installation may take, in milliseconds. */
const STEP_MS = 8 * 60_000;
const POLL_MS = 250;

const say = (text: string): void => void process.stderr.write(`test brokers: ${text}\n`);

/** Java and the jars of Kafka. */
export async function provideKafka(): Promise<KafkaJars> {
  const pom = createHash('sha256').update(readFileSync(POM)).digest('hex');
  const jars = join(CACHE, `kafka-${pom.slice(0, 12)}`);
  const version = await javaVersion();
  const there = archiveOf(jars, version);
  if (isRecent(version) && existsSync(jars) && there.archive !== undefined) return there;
  return await alone('Kafka', async () => {
    if (!isRecent(await javaVersion())) await installJava();
    if (!existsSync(jars)) await fetchJars(jars);
    const installed = await javaVersion();
    if (archiveOf(jars, installed).archive === undefined) {
      say('starting Kafka once, to keep its classes as they are when loaded');
      await learn(jars, installed);
    }
    return archiveOf(jars, installed);
  });
}

const isRecent = (version: string): boolean => Number.parseInt(version, 10) >= JAVA_OLDEST;

async function fetchJars(jars: string): Promise<void> {
  if (!(await has('mvn', '--version'))) await install('Kafka', ['maven']);
  say('fetching the jars of Kafka with Maven (43 MB, once)');
  const began = performance.now();
  const partial = ownedPath(`${jars}.partial`);
  try {
    const flags = ['-B', '-q', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
    await execute('mvn', [...flags, `-DoutputDirectory=${jars}.partial`], { deadlineMs: STEP_MS, cwd: CACHE });
    renameSync(`${jars}.partial`, jars);
  } catch (error) {
    throw new BrokerMissing('Kafka', `its jars could not be fetched: ${(error as Error).message}`);
  } finally {
    partial.remove();
  }
  say(`the jars of Kafka are there after ${seconds(began)}`);
}

/** The folder with RabbitMQ's own scripts. */
export async function provideRabbitmq(): Promise<string> {
  if (existsSync(RABBITMQ_SCRIPTS)) return RABBITMQ_SCRIPTS;
  return await alone('RabbitMQ', async () => {
    if (!existsSync(RABBITMQ_SCRIPTS)) await install('RabbitMQ', ['rabbitmq-server']);
    return RABBITMQ_SCRIPTS;
  });
}

/** Sees to it that there is an openssl command. */
export async function provideOpenssl(kind: BrokerKind): Promise<void> {
  if (await has('openssl', 'version')) return;
  await alone(kind, async () => {
    if (!(await has('openssl', 'version'))) await install(kind, ['openssl']);
  });
}

async function has(command: string, ...args: string[]): Promise<boolean> {
  return await execute(command, args, { deadlineMs: 30_000 }).then(
    () => true,
    () => false,
  );
}

async function installJava(): Promise<void> {
  const [exact, usual] = JAVA_PACKAGES as [string, string];
  await install('Kafka', [exact]).catch(async (error: unknown) => {
    if (error instanceof BrokerMissing && !(await has('apt-get', '--version'))) throw error;
    await install('Kafka', [usual]);
  });
}

/** Installs packages of the system. Fails with what one may do instead. */
async function install(kind: BrokerKind, packages: readonly string[]): Promise<void> {
  const names = packages.join(' and ');
  if (process.platform !== 'linux' || !(await has('apt-get', '--version'))) {
    throw new BrokerMissing(kind, `${names} is not installed, and this system has no apt-get to install it`);
  }
  if (process.getuid?.() !== 0) {
    throw new BrokerMissing(
      kind,
      `${names} is not installed, and only root may install it (apt-get install ${packages.join(' ')})`,
    );
  }
  say(`installing ${names} with apt-get (once)`);
  const began = performance.now();
  const options = { deadlineMs: STEP_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } };
  // The tests start brokers of their own: a service of the system is not wanted, and would take the usual ports.
  const policy = existsSync(NO_SERVICES) ? undefined : ownedPath(NO_SERVICES);
  if (policy) writeFileSync(NO_SERVICES, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const quiet = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
    await execute('apt-get', ['update', ...quiet], options);
    await execute('apt-get', ['install', '-y', '--no-install-recommends', ...quiet, ...packages], options);
  } catch (error) {
    throw new BrokerMissing(kind, `${names} could not be installed: ${(error as Error).message}`);
  } finally {
    policy?.remove();
  }
  say(`installed ${names} in ${seconds(began)}`);
}

/** Runs one installation at a time, over all processes of this user. A lock whose process is gone counts for nothing. */
async function alone<T>(kind: BrokerKind, work: () => Promise<T>): Promise<T> {
  const lock = join(CACHE, 'lock');
  try {
    mkdirSync(CACHE, { recursive: true });
  } catch (error) {
    throw new BrokerMissing(kind, `${CACHE} cannot be made: ${(error as Error).message}`);
  }
  for (let waiting = false; !tryLock(lock); await sleep(POLL_MS)) {
    if (!waiting) say(`waiting for another installation (${lock})`);
    waiting = true;
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function tryLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = existsSync(lock) ? readFileSync(lock, 'utf8') : '';
  // Empty: it is being written at this moment.
  if (holder !== '' && !existsAs(Number(holder))) rmSync(lock, { force: true });
  return false;
}

function existsAs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const seconds = (began: number): string => `${Math.round((performance.now() - began) / 1000)} s`;
