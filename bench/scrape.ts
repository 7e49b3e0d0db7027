/** The service scraping thousands of targets: CPU and memory of it, from the kernel, and whether any moment was missed. */
import { spawn } from 'node:child_process';
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

interface Run {
  readonly cores: number;
  readonly rss: number;
  readonly up: number;
  readonly scrapes: number;
}

/** `dead` of the targets are at a port where nobody listens. */
async function run({ dead, select, variants }: { dead: number; select: string; variants: number }): Promise<Run> {
  const { folder, remove } = scratch();
  const server = spawn(process.execPath, [join(import.meta.dirname, 'page-server.ts'), `${SAMPLES}`, `${variants}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const port = Number(line.toString());
    const targets = Array.from({ length: TARGETS }, (_, i) => `http://127.0.0.1:${i < dead ? 9 : port}/metrics?${i}`);
    const out = join(folder, 'events');
    writeFileSync(
      join(folder, 'tidegate.yaml'),
      JSON.stringify({
        interval: `${INTERVAL_S}s`,
        sensors: { prometheus: { targets } },
        sinks: {
          // How the scrapes went is kept whole; of the samples as much as a disk wants.
          reports: { type: 'file', path: join(folder, 'reports'), select: ['*.scrape'] },
          samples: {
            type: 'file',
            path: out,
            format: 'msgpack',
            fsync: 'never',
            select: [select],
            rotate: { max_bytes: '64MiB', keep: 1 },
            compress: 'none',
          },
        },
      }),
    );
    const command = [
      process.execPath,
      join(REPOSITORY, 'dist/src/main.js'),
      'run',
      '-c',
      join(folder, 'tidegate.yaml'),
      '--state',
      folder,
    ];
    return await withProcess(command, async ({ pid }) => {
      await sleep(WARM_UP * INTERVAL_S * 1000);
      const before = cpuMs(pid);
      const counted = reports(join(folder, 'reports'));
      await sleep(ROUNDS * INTERVAL_S * 1000);
      const cores = (cpuMs(pid) - before) / (ROUNDS * INTERVAL_S * 1000);
      const after = reports(join(folder, 'reports'));
      return { cores, rss: memoryMiB(pid, 'VmHWM'), up: after.up - counted.up, scrapes: after.scrapes - counted.scrapes };
    });
  } finally {
    server.kill();
    remove();
  }
}

/** Scrapes that are told so far, and those of them that succeeded. */
function reports(path: string): { scrapes: number; up: number } {
  const events = readFileSync(path, 'utf8').trim().split('\n');
  return {
    scrapes: events.length,
    up: events.filter((event) => event.includes('"up":{"kind":"gauge","unit":"1","values":[1]}')).length,
  };
}

export async function scrapes(): Promise<Figure[]> {
  const name = `${TARGETS} targets of ${SAMPLES} samples at ${INTERVAL_S} s`;
  const figures: Figure[] = [];
  const asked = TARGETS * ROUNDS;
  for (const [what, options] of [
    ['read, and how it went to a file', { dead: 0, select: 'none', variants: 1 }],
    ['all of it to a file as MessagePack', { dead: 0, select: '*', variants: 1 }],
    ['100 different pages, all of it to a file', { dead: 0, select: '*', variants: 100 }],
    ['half of them dead', { dead: TARGETS / 2, select: '*', variants: 1 }],
  ] as const) {
    const { cores, rss, up, scrapes: count } = await run(options);
    figures.push(
      { what: `${name}, ${what}: CPU`, value: cores, unit: 'cores', atMost: 0.5 },
      { what: '— RSS, the most', value: rss, unit: 'MiB', atMost: 400 },
      // A window of wall-clock time may begin and end within a moment.
      { what: '— scrapes, of those that were due', value: count / asked, unit: '', atLeast: 0.99 },
      { what: '— of living targets, succeeded', value: up / (asked * (1 - options.dead / TARGETS)), unit: '', atLeast: 0.99 },
    );
  }
  return figures;
}
