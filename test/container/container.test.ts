/**
 * The image as an operator has it: built, looked into, run without root on a root that is read-only, beside a broker that is away. The
 * engine is the tests' own (`engine.ts`); where none can be had, each test says why it is skipped.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeShared, sharedKafka } from '../brokers/index.ts';
import { REPOSITORY } from '../support.ts';
import { IMAGE } from './build.ts';
import { engine, start, stop, tidegate, until, useImage } from './setup.ts';

/** The most that the image may take unpacked, on a base of some 75 MB, as Debian's slim one, in bytes. */
const OWN_BYTES_MAX = 175e6;
useImage();

describe('what is in the image', () => {
  test('is what runs, its licence, and nothing else', async () => {
    const about = await engine.inspect<{ User: string; Labels: Record<string, string>; Healthcheck: { Test: string[] } }>(
      IMAGE,
      '.Config',
    );
    expect(about.User).toBe('65532:65532');
    expect(about.Labels).toMatchObject({
      'org.opencontainers.image.title': 'tidegate',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
    expect(about.Healthcheck.Test.at(-1)).toBe('health');
    const [size, base] = [
      await engine.inspect<number>(IMAGE, '.Size'),
      await engine.inspect<number>('tidegate-test/base', '.Size'),
    ];
    expect(size - base).toBeLessThan(OWN_BYTES_MAX);

    const listing = await engine.docker([
      'run',
      '--rm',
      '--entrypoint=find',
      IMAGE,
      '/app',
      '-maxdepth',
      '3',
      '-not',
      '-path',
      '*/node_modules/*/*/*',
    ]);
    const paths = listing.split('\n');
    const below = (folder: string): string[] =>
      [
        ...new Set(
          paths
            .filter((path) => path.startsWith(`${folder}/`))
            .map((path) => path.slice(folder.length + 1).split('/')[0] as string),
        ),
      ].sort();
    expect(below('/app')).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
    expect(below('/app/dist')).toEqual(['sensors', 'sinks', 'src']);
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Record<
      string,
      object
    >;
    const names = below('/app/node_modules');
    const tops = (packages: object = {}): string[] => Object.keys(packages).map((name) => name.split('/')[0] as string);
    expect(names).toEqual(expect.arrayContaining(tops(dependencies)));
    const kept = new Set(tops(dependencies));
    expect(names.filter((name) => tops(devDependencies).includes(name) && !kept.has(name) && !name.startsWith('@'))).toEqual([]);
    expect(
      await engine.docker(['run', '--rm', '--entrypoint=find', IMAGE, '/', '-xdev', '-uid', '65532', '-not', '-path', '/proc/*']),
    ).toBe('/state');
  });

  test('has its native modules: LevelDB, snappy and lz4 load', async () => {
    const program =
      "await import('level'); const s = await import('snappy'); const l = await import('lz4-napi'); const b = Buffer.from('aaaaaaaa'); console.log(String(await s.uncompress(await s.compress(b))), String(l.uncompressSync(l.compressSync(b))));";
    const run = [
      'run',
      '--rm',
      '--workdir=/app',
      '--entrypoint=/usr/local/bin/node',
      IMAGE,
      '--input-type=module',
      '-e',
      program,
    ];
    expect(await engine.docker(run)).toBe('aaaaaaaa aaaaaaaa');
  });
});

describe('a service without root on a root that is read-only', () => {
  const YAML = `
interval: 200ms
sensors: { load: {}, orphans: { type: command, shell: true, command: "sleep 0.05 & sleep 0.05 & echo 1" } }
sinks: { archive: { type: file, path: /state/events.ndjson } }
`;

  test('becomes healthy, leaves no dead processes, ends at once by either signal, and is unhealthy when it hangs', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const volume = randomUUID();
      const name = await start(['-v', `${volume}:/state`], YAML);
      const count = async (): Promise<number> =>
        Number((await engine.docker(['exec', name, 'sh', '-c', 'wc -l < /state/events.ndjson'])).trim());
      await until('ten events', async () => (await count()) > 10);
      const looked = await engine.docker([
        'exec',
        name,
        'sh',
        '-c',
        'id -u; cat /proc/1/comm; cat /proc/[0-9]*/stat; touch /app/x 2>&1 || true',
      ]);
      const [user, first, ...rest] = looked.split('\n');
      expect([user, first]).toEqual(['65532', 'tini-static']);
      expect(rest.at(-1)).toContain('Read-only file system');
      // Two for each sample were orphaned so far; one may have died at this moment.
      expect(rest.filter((line) => / Z /.test(line)).length).toBeLessThan(3);
      expect(await stop(name, signal)).toBe(0);
      expect(await engine.docker(['logs', name])).not.toContain('SIGKILL');
    }
    const name = await start([], YAML);
    // All but process 1 and the shell itself: the service and what it runs.
    await engine.docker(['exec', name, 'sh', '-c', 'kill -STOP -1']);
    const { ok, text } = await engine.attempt(['exec', name, '/usr/local/bin/node', '/app/dist/src/main.js', 'health']);
    expect({ ok, text }).toEqual({
      ok: false,
      text: expect.stringContaining('unhealthy: the service did not answer within 4000 ms'),
    });
  });
});

describe('the host, seen from inside without its network', () => {
  const SEEN = { '/sys': '/host/sys', '/': '/host/root' };
  const NAMED = { HOST_PROC: '/host/proc', HOST_SYS: '/host/sys', HOST_ROOT: '/host/root' };
  const mounts = (): string[] => [
    '--network=none',
    ...Object.entries({ [engine.proc]: '/host/proc', ...SEEN }).map(([from, to]) => `--volume=${from}:${to}:ro`),
    ...Object.entries(NAMED).map(([name, path]) => `--env=${name}=${path}`),
  ];
  interface Sampled {
    readonly type: string;
    readonly host: string;
    readonly attributes: Record<string, string[]>;
    readonly fields: Record<string, { values: number[] }>;
  }

  test('is the host: memory, CPUs, start, filesystems, traffic, processes, name', async () => {
    const traffic = (): Map<string, number> =>
      new Map(
        readFileSync('/proc/net/dev', 'utf8')
          .split('\n')
          .slice(2, -1)
          .map((line) => [line.split(':')[0]?.trim() ?? '', Number(line.split(':')[1]?.trim().split(/\s+/)[0])]),
      );
    const processes = (): number => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
    const before = { traffic: traffic(), processes: processes() };
    const out = await tidegate(
      mounts(),
      'once',
      '--format',
      'json',
      'cpu',
      'memory',
      'system',
      'filesystem',
      'network',
      'processes',
    );
    const after = { traffic: traffic() };
    const events = out.split('\n').map((line) => JSON.parse(line) as Sampled);
    const tables = (type: string, field: string): Sampled[] =>
      events.filter((event) => event.type === type && event.fields[field]);
    const value = (type: string, field: string): number => tables(type, field)[0]?.fields[field]?.values[0] as number;
    expect(new Set(events.map(({ host }) => host))).toEqual(new Set([readFileSync('/etc/hostname', 'utf8').trim()]));
    const total = Number(/^MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(value('system.memory', 'limit')).toBe(total);
    const boot = Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    expect(Math.abs(value('system', 'boot_time') - boot)).toBeLessThan(2);
    const cpus = events.flatMap(({ attributes }) => attributes['cpu.logical_number'] ?? []);
    expect(new Set(cpus).size).toBe(os.cpus().length);
    const points = tables('system.filesystem', 'limit').flatMap(
      ({ attributes }) => attributes['system.filesystem.mountpoint'] ?? [],
    );
    expect(points).toContain('/');
    expect(points.filter((point) => point.startsWith('/host') || point === '/state')).toEqual([]);
    const { attributes, fields } = tables('system.network', 'io')[0] as Sampled;
    const received = new Map(
      (attributes['network.interface.name'] ?? []).map((name, i) => [
        `${name} ${attributes['network.io.direction']?.[i]}`,
        fields['io']?.values[i] as number,
      ]),
    );
    expect(received.size).toBeGreaterThan(1);
    for (const [name, bytes] of before.traffic) {
      const seen = received.get(`${name} receive`);
      if (seen === undefined) continue;
      expect(seen).toBeGreaterThanOrEqual(bytes);
      expect(seen).toBeLessThanOrEqual(after.traffic.get(name) ?? 0);
    }
    const counted = tables('system.process', 'count')[0]?.fields['count']?.values.reduce((sum, one) => sum + one, 0) as number;
    // Other tests run beside this one; inside there are three.
    expect(counted).toBeGreaterThan(before.processes / 2);
  });

  test('has every sensor of the host that needs no tool', async () => {
    const works = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => / works /.test(line))
        .map((line) => line.split(' ')[0] as string);
    const inside = works(await tidegate(mounts(), 'sensors'));
    expect(inside).toEqual(
      expect.arrayContaining([
        'cgroup',
        'cpu',
        'disk',
        'filesystem',
        'load',
        'memory',
        'mounts',
        'network',
        'process',
        'processes',
        'sockets',
        'system',
        'vmstat',
      ]),
    );
  });
});

describeShared('Kafka', 'a broker that is away when the container is stopped', () => {
  test('costs nothing: what was spooled is on the volume, is sent by the next container, and is complete', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = `container-${randomUUID()}`;
    await admin.createTopic(topic);
    const volume = randomUUID();
    const yaml = (addresses: readonly string[]): string =>
      `interval: 200ms\nsensors: { load: {}, memory: {} }\nsinks:\n  broker: { type: kafka, brokers: ${JSON.stringify(addresses)}, topic: ${topic} }\n`;
    const summary = async (name: string): Promise<{ events: number }> => {
      const text = await engine.docker([
        'exec',
        name,
        '/usr/local/bin/node',
        '/app/dist/src/main.js',
        'spool',
        'broker',
        '--format',
        'json',
      ]);
      return (JSON.parse(text) as { status: { spool: { events: number } } }).status.spool;
    };
    // Nobody listens on port 1.
    const first = await start(['-v', `${volume}:/state`], yaml(['127.0.0.1:1']));
    await until('spooled', async () => (await summary(first)).events > 10);
    expect(await stop(first)).toBe(0);
    const kept = JSON.parse(await tidegate(['-v', `${volume}:/state`], 'spool', '--format', 'json')) as {
      source: string;
      summary: { events: number };
    };
    expect(kept).toMatchObject({ source: 'folder' });
    expect(kept.summary.events).toBeGreaterThan(10);
    const second = await start(['-v', `${volume}:/state`], yaml(brokers));
    await until('drained', async () => (await summary(second)).events === 0);
    expect(await stop(second)).toBe(0);
    const verdict = JSON.parse(
      await tidegate(['--network=host'], 'verify', `kafka://${brokers[0]}/${topic}`, '--format', 'json', '--over'),
    ) as { verdict: string; events: number };
    expect(verdict.verdict).toBe('complete');
    expect(verdict.events).toBeGreaterThan(20);
    await admin.deleteTopic(topic);
  });
});
