/** `docker-compose.yml`, the Dockerfile and what they name fit together: what can be said of them without an engine. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { REPOSITORY } from '../support.ts';

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

  const installed = spawnSync('docker', ['compose', 'version']).status === 0;
  test.skipIf(!installed)(
    `is what docker compose understands${installed ? '' : ' (skipped: docker compose is not installed)'}`,
    () => {
      const { status, stderr } = spawnSync('docker', ['compose', 'config', '-q'], { cwd: REPOSITORY, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    },
  );
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
