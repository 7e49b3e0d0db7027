/**
 * What the brokers of the tests need and a machine may lack, installed when it is first needed: Java, Maven, RabbitMQ and openssl from
 * the system's packages (Debian and its relatives, as root), the jars of Kafka by Maven into the user's cache folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { alone, CACHE, has, installPackages, STEP_MS, seconds } from '../packages.ts';
import { archiveOf, javaVersion, type KafkaJars, learn } from './java.ts';
import { type BrokerKind, BrokerMissing } from './missing.ts';
import { execute, ownedPath } from './owned.ts';

const POM = join(import.meta.dirname, 'pom.xml');
/** Where Debian has the scripts themselves; those in PATH change the user, and hide the process that they start. */
const RABBITMQ_SCRIPTS = '/usr/lib/rabbitmq/bin';
/** The oldest Java that runs Kafka 4. */
const JAVA_OLDEST = 17;
const JAVA_PACKAGES = ['openjdk-17-jre-headless', 'default-jre-headless'];

const say = (text: string): void => void process.stderr.write(`test brokers: ${text}\n`);

/** Java and the jars of Kafka. */
export async function provideKafka(): Promise<KafkaJars> {
  const pom = createHash('sha256').update(readFileSync(POM)).digest('hex');
  const jars = join(CACHE, `kafka-${pom.slice(0, 12)}`);
  const version = await javaVersion();
  const there = archiveOf(jars, version);
  if (isRecent(version) && existsSync(jars) && there.archive !== undefined) return there;
  return await once('Kafka', async () => {
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
  return await once('RabbitMQ', async () => {
    if (!existsSync(RABBITMQ_SCRIPTS)) await install('RabbitMQ', ['rabbitmq-server']);
    return RABBITMQ_SCRIPTS;
  });
}

/** Sees to it that there is an openssl command. */
export async function provideOpenssl(kind: BrokerKind): Promise<void> {
  if (await has('openssl', 'version')) return;
  await once(kind, async () => {
    if (!(await has('openssl', 'version'))) await install(kind, ['openssl']);
  });
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
  try {
    await installPackages(packages, say);
  } catch (error) {
    throw new BrokerMissing(kind, (error as Error).message);
  }
}

/** As `alone`, and what keeps it from being so is what the broker lacks. */
async function once<T>(kind: BrokerKind, work: () => Promise<T>): Promise<T> {
  try {
    return await alone(work, say);
  } catch (error) {
    throw error instanceof BrokerMissing ? error : new BrokerMissing(kind, (error as Error).message);
  }
}
