/**
 * `docker-compose.yml`, the Dockerfile and what they name: that they fit together, which can be said without an engine, and that all of it runs,
 * in an engine with a network of its own. Images that come from a registry are stand-ins there (`stand-ins.ts`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { describeOwn } from '../brokers/index.ts';
import { REPOSITORY } from '../support.ts';
import { engine, until, useEngine } from './setup.ts';
import { buildStandIns } from './stand-ins.ts';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target?: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly mem_limit?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

/** How long everything may take to be healthy or to end, in milliseconds. */
const UP_MS = 240_000;
/** How long one thing may take to come true, and how often it is asked for, which takes a process each time. */
const PATIENCE = { timeout: 90_000, interval: 1000 };

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');
const compose = parse(read('docker-compose.yml')) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const own = services.filter(([, { build }]) => build);
const service = (name: string): Service => compose.services[name] as Service;
const dockerfile = read('Dockerfile');
const manifest = JSON.parse(read('package.json')) as { version: string; files: string[] };

describe('docker-compose.yml', () => {
  test('has a node, tidegate, two brokers and a consumer of each', () => {
    expect(services.map(([name]) => name).sort()).toEqual([
      'kafka',
      'kafka-consumer',
      'rabbitmq',
      'rabbitmq-consumer',
      'tidegate',
    ]);
  });

  test.each(services)('%s has a limit of memory', (_name, { mem_limit }) => {
    expect(mem_limit).toMatch(/^\d+[mg]$/);
  });

  test.each(own)('%s has a root that is read-only, and no capabilities', (_name, { read_only, cap_drop }) => {
    expect({ read_only, cap_drop }).toEqual({ read_only: true, cap_drop: ['ALL'] });
  });

  test('waits for nothing that does not say when it is healthy', () => {
    const awaited = services.flatMap(([, { depends_on = {} }]) => Object.entries(depends_on));
    expect(awaited.length).toBeGreaterThan(3);
    for (const [name, { condition }] of awaited) {
      expect(condition).toBe('service_healthy');
      expect(service(name).healthcheck !== undefined || service(name).image === 'tidegate', name).toBe(true);
    }
    expect(dockerfile).toMatch(/^HEALTHCHECK --interval=/m);
  });

  test('mounts what is there: named volumes that are declared, and files of this repository', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] as string));
    const named = sources.filter((source) => !/^[./]/.test(source));
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const source of sources.filter((one) => one.startsWith('.')))
      expect(existsSync(join(REPOSITORY, source)), source).toBe(true);
  });

  test('builds stages that the Dockerfile has', () => {
    for (const [, { build }] of own) if (build?.target) expect(dockerfile).toContain(` AS ${build.target}\n`);
    for (const [, { command = [] }] of own)
      for (const path of command.filter((word) => word.startsWith('/app/')))
        expect(existsSync(join(REPOSITORY, path.slice(5))), path).toBe(true);
  });

  test('gives a configuration that loads, whose hosts are its services, and that sees the host', async () => {
    const { config, warnings } = await loadConfig(join(REPOSITORY, 'compose/tidegate.yaml'), {}, { hostName: 'edge-7' });
    expect(warnings).toEqual([]);
    expect(config.sinks.map(({ name }) => name)).toEqual(['kafka', 'rabbitmq']);
    const hosts = [...read('compose/tidegate.yaml').matchAll(/["/ ]([a-z][\w-]*):\d{4,5}\b/g)].map(([, host]) => host as string);
    expect(hosts.length).toBeGreaterThan(4);
    for (const host of hosts) expect(compose.services).toHaveProperty(host);
    const { environment = {}, volumes = [] } = service('tidegate');
    for (const [variable, source] of [
      ['HOST_PROC', '/proc'],
      ['HOST_SYS', '/sys'],
      ['HOST_ROOT', '/'],
    ] as const)
      expect(volumes).toContain(`${source}:${environment[variable]}:ro`);
  });
});

describe('the Dockerfile', () => {
  test('has the version of the package', () => {
    expect(/^ARG VERSION=(.*)$/m.exec(dockerfile)?.[1]).toBe(manifest.version);
  });

  test('copies nothing that .dockerignore keeps out', () => {
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1).split('/')[0]);
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
    expect(copied.length).toBeGreaterThan(7);
    expect(copied.filter((path) => !sent.includes(path))).toEqual([]);
    expect(sent.filter((path) => !existsSync(join(REPOSITORY, path as string)))).toEqual([]);
  });

  test('runs no shell before the service, and not as root', () => {
    expect(dockerfile).toMatch(/^USER 65532:65532$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["\/usr\/bin\/tini-static", "--", "\/usr\/local\/bin\/node", /m);
  });
});

/** What a consumer has printed: the events by id, with their types, and what is no line of an event. */
async function printed(name: string): Promise<{ ids: Set<string>; types: Set<string>; other: string[] }> {
  const lines = (await engine.compose(['logs', '--no-color', name])).split('\n').map((line) => line.replace(/^\S+ +\| /, ''));
  const seen = { ids: new Set<string>(), types: new Set<string>(), other: [] as string[] };
  for (const line of lines) {
    const [, type, id] = /^\S+T\S+Z \S+ (\S+) \d+ rows, (?:kafka|rabbitmq), (\S+)$/.exec(line) ?? [];
    if (type === undefined || id === undefined) seen.other.push(line);
    else {
      seen.types.add(type);
      seen.ids.add(id);
    }
  }
  return seen;
}

const containerOf = async (name: string): Promise<string> => await engine.compose(['ps', '-q', name]);
const healthOf = async (name: string): Promise<string> =>
  await engine.inspect<string>(await containerOf(name), '.State.Health.Status');

/** Runs a program in the container of tidegate, where its socket and its port are. */
const inside = async (...args: string[]): Promise<string> =>
  await engine.docker(['exec', await containerOf('tidegate'), '/usr/local/bin/node', ...args]);

interface Tapped {
  readonly attributes: Record<string, string[]>;
  readonly fields: Record<string, { values: number[] }>;
}

/** What tidegate says next of the ports that it watches: the target's name and whether it is up. */
async function ports(): Promise<Record<string, number>> {
  const line = await inside('/app/dist/src/main.js', 'tap', 'node.target', '--count', '1', '--format', 'json');
  const { attributes, fields } = JSON.parse(line) as Tapped;
  return Object.fromEntries((attributes['node.target'] ?? []).map((name, row) => [name, fields['up']?.values[row] as number]));
}

async function spooled(sink: string): Promise<number> {
  const text = await inside('/app/dist/src/main.js', 'spool', sink, '--format', 'json');
  return (JSON.parse(text) as { status: { spool: { events: number } } }).status.spool.events;
}

describeOwn('Kafka', 'docker compose up', () => {
  describeOwn('RabbitMQ', 'with all that it names', () => {
    const BROKERS = ['kafka', 'rabbitmq'];
    let instead: string | undefined;
    useEngine(async (its) => {
      instead = await buildStandIns(its);
      await its.isolate();
      await its.compose(['up', '-d', '--build'], UP_MS);
    });

    test('is healthy, and the consumers print what tidegate sees of the machine and of the node', async () => {
      for (const name of [...BROKERS, 'tidegate'])
        await until(`${name} healthy`, async () => (await healthOf(name)) === 'healthy', PATIENCE);
      const ready = "const r = await fetch('http://127.0.0.1:8433/readyz'); console.log(r.status, await r.text())";
      expect(await inside('--input-type=module', '-e', ready)).toMatch(/^200 /);
      await until('up', async () => Object.values(await ports()).join() === '1,1', PATIENCE);
      const wanted = ['system.cpu', 'system.memory', 'rabbitmq.overview', 'prometheus.sample', 'node.target'];
      for (const name of BROKERS)
        await until(
          `all that ${name} has`,
          async () => {
            const { types } = await printed(`${name}-consumer`);
            return wanted.every((type) => types.has(type));
          },
          PATIENCE,
        );
    });

    test('has a RabbitMQ of the version that the file names', async (context) => {
      if (instead !== undefined) context.skip(`the tests above and below had the installed RabbitMQ instead: ${instead}`);
      const version = await engine.docker(['exec', await containerOf('rabbitmq'), 'rabbitmqctl', '-q', 'version']);
      expect(service('rabbitmq').image).toBe(`rabbitmq:${version.split('.')[0]}-management`);
    });

    test('brokers that are killed and come back have everything, and so have the consumers', async () => {
      const containers = await Promise.all(BROKERS.map(containerOf));
      await engine.docker(['kill', ...containers]);
      for (const name of BROKERS) await until(`spooled for ${name}`, async () => (await spooled(name)) > 20, PATIENCE);
      await until('down', async () => Object.values(await ports()).join() === '0,0', PATIENCE);
      expect(await healthOf('tidegate')).toBe('healthy');
      await engine.docker(['start', ...containers]);
      for (const name of BROKERS) await until(`drained to ${name}`, async () => (await spooled(name)) === 0, PATIENCE);
      await engine.compose(['stop', 'tidegate']);
      // The port of the host is open, too: the one that tests on the host would use.
      const verify = ['verify', 'kafka://127.0.0.1:9092/telemetry', '--format', 'json', '--over'];
      const text = await engine.docker(['run', '--rm', '--network=host', 'tidegate', ...verify]);
      const { verdict, events } = JSON.parse(text) as { verdict: string; events: number };
      expect(verdict).toBe('complete');
      for (const name of BROKERS)
        await until(`${name} read`, async () => (await printed(`${name}-consumer`)).ids.size >= events, PATIENCE);
      const [ofKafka, ofRabbitmq] = await Promise.all(BROKERS.map(async (name) => await printed(`${name}-consumer`)));
      expect(ofKafka?.ids.size).toBe(events);
      expect(ofRabbitmq?.ids).toEqual(ofKafka?.ids);
      expect([...(ofKafka?.other ?? []), ...(ofRabbitmq?.other ?? [])].filter((line) => /missing|lost/.test(line))).toEqual([]);
    });

    test('down leaves nothing', async () => {
      await engine.compose(['down', '-v'], UP_MS);
      expect(await engine.docker(['ps', '-aq'])).toBe('');
      expect(await engine.docker(['volume', 'ls', '-q'])).toBe('');
      expect(await engine.docker(['network', 'ls', '-q', '--filter', 'type=custom'])).toBe('');
    });
  });
});
