/**
 * A real node_exporter and a real Prometheus, Debian's packages, on ports of their own: both scrape node_exporter, and what does not move must be the same number in
 * both. Prometheus' own page is scraped as text, OpenMetrics and protobuf.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { numberOf } from '../../src/exposition/number.ts';
import { temporaryFolder } from '../temporary.ts';
import { scrape, targetAt } from './support.ts';

const folder = temporaryFolder();
/** Comparisons at most, until what moved in between is told from what is read wrongly. */
const ROUNDS = 5;
const children: ChildProcess[] = [];

/** The path of a package's command: installed, or fetched by apt and unpacked into the temporary folder, which changes nothing of the machine. */
function commandOf(name: string): string | undefined {
  const works = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
  if (works(name)) return name;
  const quietly = { cwd: folder, stdio: 'ignore', timeout: 60_000 } as const;
  if (spawnSync('apt-get', ['download', name], quietly).status !== 0) return undefined;
  const archive = readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  if (archive === undefined || spawnSync('dpkg-deb', ['-x', archive, name], quietly).status !== 0) return undefined;
  const command = join(folder, name, 'usr', 'bin', name);
  return works(command) ? command : undefined;
}

const EXPORTER = commandOf('prometheus-node-exporter');
const PROMETHEUS = commandOf('prometheus');
const missing = EXPORTER === undefined || PROMETHEUS === undefined;

afterAll(async () => {
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve();
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        }),
    ),
  );
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server and waits until it answers. */
async function start(command: string, args: readonly string[], ready: string): Promise<void> {
  const child = spawn(command, args, { stdio: 'ignore' });
  children.push(child);
  await expect
    .poll(
      async () => {
        expect(child.exitCode, `${command} ended`).toBeNull();
        return await fetch(ready).then(
          ({ status }) => status,
          () => 0,
        );
      },
      { timeout: 25_000, interval: 100 },
    )
    .toBe(200);
}

type Sampled = Record<string, string>;
/** Prometheus has no labels without a value; before its version 3 it left bounds as they were written. */
const keyOf = (name: string, labels: object): string =>
  JSON.stringify([
    name,
    ...Object.entries(labels as Record<string, string>)
      .filter(([, value]) => value !== '')
      .map(([key, value]) => [key, key === 'le' || key === 'quantile' ? String(numberOf(value)) : value])
      .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  ]);
const text = (value: number): string =>
  Number.isNaN(value)
    ? 'NaN'
    : value === Number.POSITIVE_INFINITY
      ? '+Inf'
      : value === Number.NEGATIVE_INFINITY
        ? '-Inf'
        : `${value}`;

/** What our scrape of a page has. */
async function ours(url: string, options: object = {}): Promise<Sampled> {
  const { plain, report } = await scrape(await targetAt(url, { honor_labels: true, ...options }), 10_000);
  expect(report).toMatchObject({ up: 1, reason: '' });
  const rows = plain.filter(({ type }) => type === 'prometheus.sample').flatMap((table) => table.rows);
  return Object.fromEntries(
    rows.map(({ name, labels, value }) => [keyOf(name as string, labels as object), text(value as number)]),
  );
}

/**
 * What differs in each of up to `ROUNDS` comparisons. What is the same before and after did most likely not move in between, when the other
 * looked; on a busy machine it may have, but not the same each time. What is read wrongly differs each time.
 */
async function persistent(compare: () => Promise<string[]>): Promise<string[]> {
  let left = await compare();
  for (let round = 1; round < ROUNDS && left.length > 0; round++) {
    const now = await compare();
    left = left.filter((key) => now.includes(key));
  }
  return left;
}

describe.skipIf(missing)('peers (needs prometheus and prometheus-node-exporter of Debian, which apt could not fetch)', () => {
  test('Prometheus and we see one node_exporter alike', { timeout: 60_000 }, async () => {
    const [exporterPort, prometheusPort] = [await freePort(), await freePort()];
    const exporter = `http://127.0.0.1:${exporterPort}/metrics`;
    await start(EXPORTER as string, [`--web.listen-address=127.0.0.1:${exporterPort}`], exporter);
    const config = join(folder, 'prometheus.yml');
    writeFileSync(
      config,
      `global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: node\n  static_configs: [{targets: ['127.0.0.1:${exporterPort}']}]\n`,
    );
    const api = `http://127.0.0.1:${prometheusPort}`;
    await start(
      PROMETHEUS as string,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${prometheusPort}`,
        '--web.enable-lifecycle',
      ],
      `${api}/-/ready`,
    );

    const theirs = async (): Promise<Sampled> => {
      const answer = await fetch(`${api}/api/v1/query?query=${encodeURIComponent('{job="node"}')}`);
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      return Object.fromEntries(
        data.result.map(({ metric: { __name__: name = '', job: _job, instance: _instance, ...labels }, value: [, value] }) => [
          keyOf(name, labels),
          value,
        ]),
      );
    };
    await expect.poll(async () => (await theirs())[keyOf('up', {})], { timeout: 20_000 }).toBe('1');

    const scrapes = async (): Promise<number> =>
      Number((await theirs())[keyOf('promhttp_metric_handler_requests_total', { code: '200' })]);
    let [seen, after]: [Sampled, Sampled] = [{}, {}];
    const differing = async (): Promise<string[]> => {
      const before = await ours(exporter);
      const scrapesBefore = await scrapes();
      await expect.poll(scrapes, { timeout: 20_000 }).toBeGreaterThan(scrapesBefore + 1);
      [seen, after] = [await theirs(), await ours(exporter)];
      const [theirsNow, oursNow] = [seen, before];
      const still = Object.keys(before).filter((key) => before[key] === after[key]);
      expect(still.length).toBeGreaterThan(100);
      return still.filter((key) => Number(theirsNow[key]) !== Number(oursNow[key]) && theirsNow[key] !== oursNow[key]);
    };
    expect(await persistent(differing)).toEqual([]);
    // And no series is there that only one of the two sees, but for what each adds.
    const added = new Set([
      'up',
      'scrape_duration_seconds',
      'scrape_samples_scraped',
      'scrape_samples_post_metric_relabeling',
      'scrape_series_added',
    ]);
    const names = (sampled: Sampled): string[] =>
      [...new Set(Object.keys(sampled).map((key) => (JSON.parse(key) as [string])[0]))].filter((name) => !added.has(name));
    expect(names(seen).toSorted()).toEqual(names(after).toSorted());

    // Its own page, in three formats.
    const own = `${api}/metrics`;
    const formats = async (): Promise<string[]> => {
      const [openMetrics, protobuf, again] = [await ours(own), await ours(own, { protobuf: true }), await ours(own)];
      const unmoved = Object.keys(openMetrics).filter((key) => openMetrics[key] === again[key]);
      expect(unmoved.length).toBeGreaterThan(200);
      return unmoved.filter((key) => protobuf[key] !== openMetrics[key]);
    };
    expect(await persistent(formats)).toEqual([]);
  });
});
