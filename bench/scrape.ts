/** The service scraping thousands of targets: CPU and memory of it, from the kernel, and whether any moment was missed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuMs, type Figure, memoryMiB, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

const TARGETS = 2000;
const SAMPLES = 500;
const INTERVAL_S = 10;
/** Rounds until every page is known, and those that are measured. */
const WARM_UP = 2;
const ROUNDS = 3;
/** Cases that are measured, by number; all without. */
const WANTED = process.env['BENCH_KINDS']?.split(',').map(Number);
/** Nobody listens at this port. */
const REFUSES = 9;

interface Kind {
  readonly what: string;
  /** What goes to the file of samples. */
  readonly select: string;
  /** How many different pages there are. */
  readonly variants: number;
  /** How half of the targets are dead. */
  readonly dead?: 'refused' | 'blackholed' | 'hung';
}

const KINDS: readonly Kind[] = [
  { what: 'read, and how it went to a file', select: 'none', variants: 1 },
  { what: 'all of it to a file as MessagePack', select: '*', variants: 1 },
  { what: '100 different pages, all of it to a file', select: '*', variants: 100 },
  { what: '2,000 different pages, all of it to a file', select: '*', variants: TARGETS },
  { what: 'half of them refuse connections', select: '*', variants: 1, dead: 'refused' },
  { what: 'half of them do not answer a SYN', select: '*', variants: 1, dead: 'blackholed' },
  { what: 'half of them take a connection and never answer', select: '*', variants: 1, dead: 'hung' },
];

/** How the scrapes of the living went. */
interface Reports {
  readonly scrapes: number;
  readonly up: number;
  /** Seconds of those that succeeded, from its moment to its end. */
  readonly seconds: readonly number[];
}

interface Run {
  readonly cores: number;
  readonly rss: number;
  /** Of living targets, in the window. */
  readonly window: Reports;
  /** Scrapes of living targets whose moments were in the window. */
  readonly due: number;
  /** Of living targets since the start. */
  readonly failed: number;
}

/** A server of the bench, and the port that it printed. */
async function serve(file: string, ...args: readonly string[]): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, [join(import.meta.dirname, file), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  return { server, port: Number(line.toString()) };
}

const configuration = (folder: string, targets: readonly string[], select: string): object => ({
  interval: `${INTERVAL_S}s`,
  sensors: { prometheus: { targets } },
  sinks: {
    // How the scrapes went is kept whole; of the samples as much as a disk wants.
    reports: { type: 'file', path: join(folder, 'reports'), select: ['*.scrape'] },
    samples: {
      type: 'file',
      path: join(folder, 'events'),
      format: 'msgpack',
      fsync: 'never',
      select: [select],
      rotate: { max_bytes: '64MiB', keep: 1 },
      compress: 'none',
    },
  },
});

async function run({ dead, select, variants }: Kind): Promise<Run> {
  const { folder, remove } = scratch();
  const living = await serve('page-server.ts', `${SAMPLES}`, `${variants}`);
  const silent = dead === undefined || dead === 'refused' ? undefined : await serve('dead-server.ts', dead);
  try {
    const deadPort = silent?.port ?? REFUSES;
    const half = dead === undefined ? 0 : TARGETS / 2;
    const targets = Array.from(
      { length: TARGETS },
      (_, i) => `http://127.0.0.1:${i < half ? deadPort : living.port}/metrics?${i}`,
    );
    const config = join(folder, 'tidegate.yaml');
    writeFileSync(config, JSON.stringify(configuration(folder, targets, select)));
    const main = join(REPOSITORY, 'dist/src/main.js');
    const command = [process.execPath, main, 'run', '-c', config, '--state', folder];
    return await withProcess(command, async ({ pid }) => {
      await sleep(WARM_UP * INTERVAL_S * 1000);
      const [before, began] = [cpuMs(pid), performance.now()];
      const counted = reports(join(folder, 'reports'), living.port);
      await sleep(ROUNDS * INTERVAL_S * 1000);
      // On a busy machine the window is longer than was asked for.
      const elapsed = performance.now() - began;
      const cores = (cpuMs(pid) - before) / elapsed;
      const after = reports(join(folder, 'reports'), living.port);
      return {
        cores,
        rss: memoryMiB(pid, 'VmHWM'),
        window: {
          scrapes: after.scrapes - counted.scrapes,
          up: after.up - counted.up,
          seconds: after.seconds.slice(counted.seconds.length),
        },
        due: ((TARGETS - half) * elapsed) / (INTERVAL_S * 1000),
        failed: after.scrapes - after.up,
      };
    });
  } finally {
    living.server.kill();
    // One of these does nothing any more, and so takes no other signal.
    silent?.server.kill('SIGKILL');
    remove();
  }
}

interface Report {
  readonly attributes: { readonly target: readonly string[] };
  readonly fields: Readonly<Record<'up' | 'scrape_duration_seconds', { readonly values: readonly number[] }>>;
}

/** Scrapes of living targets that are told so far. */
function reports(path: string, port: number): Reports {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const living = lines
    .map((line) => JSON.parse(line) as Report)
    .filter(({ attributes }) => attributes.target[0]?.includes(`:${port}/`));
  const succeeded = living.filter(({ fields }) => fields.up.values[0] === 1);
  return {
    scrapes: living.length,
    up: succeeded.length,
    seconds: succeeded.map(({ fields }) => fields.scrape_duration_seconds.values[0] as number),
  };
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] as number;

export async function scrapes(): Promise<Figure[]> {
  const name = `${TARGETS} targets of ${SAMPLES} samples at ${INTERVAL_S} s`;
  const figures: Figure[] = [];
  for (const [i, kind] of KINDS.entries()) {
    if (WANTED?.includes(i) === false) continue;
    const { cores, rss, window, due, failed } = await run(kind);
    figures.push(
      { what: `${name}, ${kind.what}: CPU`, value: cores, unit: 'cores', atMost: 0.5 },
      { what: '— RSS, the most', value: rss, unit: 'MiB', atMost: 400e6 / 2 ** 20 },
      // A window of wall-clock time begins and ends somewhere: some scrapes are in it by half.
      { what: '— scrapes of living targets, of those that were due', value: window.scrapes / due, unit: '', atLeast: 0.97 },
      { what: '— of those, failed, since the start', value: failed, unit: 'scrapes', atMost: 0 },
      { what: '— of those, 99 % took at most', value: 1000 * quantile(window.seconds, 0.99), unit: 'ms' },
    );
  }
  return figures;
}
