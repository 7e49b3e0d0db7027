/**
 * How Kafka's classes are run: small, and from an archive of loaded classes, with which a node starts in half the CPU time.
 *
 * The archive is made once for each Java, by a node that runs for this alone. Java checks it, and does without where it does not fit.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverProperties, writeMeta } from './kafka-config.ts';
import { awaitReady, execute, freePorts, isListening, OwnedProcess, ownedFolder } from './owned.ts';

const FLAGS = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-Xlog:disable'];
const LOGGING = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
/** How long the node that teaches may take to start, and then to write the archive, in milliseconds. */
const LEARN_MS = 90_000;

/** Jars, and the archive of their classes, if there is one. */
export interface KafkaJars {
  jars: string;
  archive: string | undefined;
}

/** The arguments of `java` for a class and its own arguments. */
export function javaArguments({ jars, archive }: KafkaJars, name: string, ...args: string[]): string[] {
  const shared = archive === undefined ? [] : [`-XX:SharedArchiveFile=${archive}`];
  return [...FLAGS, ...shared, LOGGING, '-cp', `${jars}/*`, name, ...args];
}

/** Which Java is in PATH: `17.0.15`; empty where there is none. */
export async function javaVersion(): Promise<string> {
  const text = await execute('java', ['--version'], { deadlineMs: 30_000 }).catch(() => '');
  return /^\S+ ([\d.]+)/.exec(text)?.[1] ?? '';
}

export function archiveOf(jars: string, version: string): KafkaJars {
  const archive = `${jars}-java-${version}.jsa`;
  return { jars, archive: existsSync(archive) ? archive : undefined };
}

/** Makes the archive. */
export async function learn(jars: string, version: string): Promise<void> {
  const folder = ownedFolder('kafka-classes');
  try {
    const data = join(folder.path, 'data');
    const properties = join(folder.path, 'server.properties');
    const made = join(folder.path, 'jsa');
    const [controller, internal, plain] = (await freePorts(3)) as [number, number, number];
    mkdirSync(data);
    writeMeta(data, 1);
    writeFileSync(
      properties,
      serverProperties(1, [{ controller, internal, plain, sasl: 0, tls: 0, saslTls: 0 }], data, {}, undefined),
    );
    const args = [`-XX:ArchiveClassesAtExit=${made}`, ...javaArguments({ jars, archive: undefined }, 'kafka.Kafka', properties)];
    const node = new OwnedProcess('java', args, { log: join(folder.path, 'log'), cwd: folder.path });
    await awaitReady('Kafka, for its classes', node, LEARN_MS, async () => await isListening(plain));
    await node.stop(LEARN_MS);
    if (existsSync(made)) renameSync(made, `${jars}-java-${version}.jsa`);
  } finally {
    folder.remove();
  }
}
