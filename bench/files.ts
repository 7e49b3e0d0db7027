/**
 * What it costs to watch files that nobody touches: a service with `load` alone, the same with `files` over one file, and with `files` over
 * FILES of them, side by side. Nothing may depend on how many there are.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuMs, type Figure, median, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

const [FOLDERS, EACH] = [20, 20];
const FILES = FOLDERS * EACH;
/** The cost of a round does not depend on it, and many rounds fit into a minute. In milliseconds. */
const INTERVAL_MS = 200;
const ROUNDS = {
  warmup: Number(process.env['BENCH_WARMUP'] ?? 300),
  windows: 5,
  each: Number(process.env['BENCH_ROUNDS'] ?? 50),
};

interface Cost {
  /** CPU, in milliseconds. */
  readonly ms: number;
  /** Calls of read(2) and the like. */
  readonly reads: number;
}

/** proc_pid_io(5) */
const readsOf = (pid: number): number => Number(/^syscr: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

/** Medians over windows, a round. */
async function costOf(pid: number): Promise<Cost> {
  await sleep(ROUNDS.warmup * INTERVAL_MS);
  const windows: Cost[] = [];
  for (let i = 0; i < ROUNDS.windows; i++) {
    const [ms, reads] = [cpuMs(pid), readsOf(pid)];
    await sleep(ROUNDS.each * INTERVAL_MS);
    windows.push({ ms: (cpuMs(pid) - ms) / ROUNDS.each, reads: (readsOf(pid) - reads) / ROUNDS.each });
  }
  return { ms: median(windows.map(({ ms }) => ms)), reads: median(windows.map(({ reads }) => reads)) };
}

function makeTree(folder: string): void {
  for (let i = 0; i < FOLDERS; i++) {
    const inside = join(folder, `folder-${i}`);
    mkdirSync(inside, { recursive: true });
    for (let n = 0; n < EACH; n++) writeFileSync(join(inside, `file-${n}.txt`), `${i} ${n}\n`);
  }
}

export async function filesIdle(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  try {
    const [many, one] = [join(folder, 'many'), join(folder, 'one')];
    makeTree(many);
    mkdirSync(one);
    writeFileSync(join(one, 'file.txt'), 'one\n');
    const service = (name: string, watched?: string): string[] => {
      const config = join(folder, `${name}.yaml`);
      const files = watched === undefined ? '' : `  files: { paths: [${JSON.stringify(watched)}], recursive: true }\n`;
      const sink = `sinks:\n  out: { type: file, path: ${JSON.stringify(join(folder, `${name}.ndjson`))} }\n`;
      writeFileSync(config, `interval: ${INTERVAL_MS}ms\nhttp: { enabled: false }\nsensors:\n  load: {}\n${files}${sink}`);
      return [process.execPath, join(REPOSITORY, 'dist/src/main.js'), '--state', join(folder, name), 'run', '-c', config];
    };
    return await withProcess(service('without'), async (without) => {
      await sleep(INTERVAL_MS / 3);
      return await withProcess(service('few', one), async (few) => {
        await sleep(INTERVAL_MS / 3);
        return await withProcess(service('with', many), async (all) => {
          const [base, single, whole] = await Promise.all([costOf(without.pid), costOf(few.pid), costOf(all.pid)]);
          return [
            {
              what: `CPU a round, ${FILES} idle files in ${FOLDERS} folders, beyond one file`,
              value: whole.ms - single.ms,
              unit: 'ms',
              atMost: 0.1,
            },
            { what: 'reads a round, the same', value: whole.reads - single.reads, unit: '', atMost: 0.2 },
            {
              what: `CPU a round, ${FILES} idle files, beyond a service without the sensor`,
              value: whole.ms - base.ms,
              unit: 'ms',
              atMost: 0.3,
            },
            { what: 'reads a round, the same', value: whole.reads - base.reads, unit: '' },
            { what: 'CPU a round, the service without the sensor', value: base.ms, unit: 'ms' },
          ];
        });
      });
    });
  } finally {
    remove();
  }
}
