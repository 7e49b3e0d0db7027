/** The service as a whole: how fast it starts, and what it holds after an hour of rounds. Both on the published build. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, median, printedBy, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

const STARTS = 5;

/** Milliseconds from starting the process to the first event on disk, with the embedded defaults. */
async function firstEvent(): Promise<number> {
  const { folder, remove } = scratch();
  try {
    const began = performance.now();
    return await withProcess([process.execPath, join(REPOSITORY, 'dist/src/main.js'), '--state', folder], async () => {
      while ((statSync(join(folder, 'events.ndjson'), { throwIfNoEntry: false })?.size ?? 0) === 0) await sleep(2);
      return performance.now() - began;
    });
  } finally {
    remove();
  }
}

export async function start(): Promise<Figure[]> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) times.push(await firstEvent());
  return [{ what: `start to first event on disk, median of ${STARTS}`, value: median(times), unit: 'ms', atMost: 500 }];
}

/** What `compressed.mjs` prints. */
interface Hour {
  readonly rounds: number;
  readonly rss: readonly number[];
}

export function hour(): Figure[] {
  const { folder, remove } = scratch();
  try {
    const { rounds, rss } = printedBy<Hour>(['--expose-gc', join(import.meta.dirname, 'compressed.mjs'), folder]);
    const [early, late] = [rss[Math.floor(rss.length / 4)] as number, rss.at(-1) as number];
    return [
      { what: 'rounds of one second, time-compressed', value: rounds, unit: '', atLeast: 3600 },
      { what: 'RSS after them', value: late, unit: 'MiB', atMost: 90 },
      { what: 'growth since a quarter of them', value: late - early, unit: 'MiB', atMost: 3 },
    ];
  } finally {
    remove();
  }
}
