/**
 * What sensing eight GPUs costs the service a round: a stand-in `nvidia-smi` writes the rows that a driver of today writes, and details. Beside
 * it runs the same service with `load` alone, which is what any service costs. Only threads of the service count, not the tool's.
 */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Columns } from '../src/gpu/nvidia-columns.ts';
import { type Figure, median, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

const GPUS = 8;
/** As often as both can, so that many rounds fit into a minute; the cost of a round does not depend on it. In milliseconds. */
const INTERVAL_MS = 200;
const ROUNDS = {
  warmup: Number(process.env['BENCH_WARMUP'] ?? 300),
  windows: 5,
  each: Number(process.env['BENCH_ROUNDS'] ?? 50),
};

/** Columns with the values of a data centre card at work. */
const CELLS: Readonly<Record<string, string>> = {
  'utilization.gpu': '97 %',
  'memory.total': '81559 MiB',
  'memory.used': '11125 MiB',
  'power.draw': '433.78 W',
  'clocks.current.sm': '1980 MHz',
  'temperature.gpu': '53',
  pstate: 'P0',
};

/** The tool: a shell script over files, so that it costs the machine little. Every column of the sensor's is listed in its help. */
function makeTool(folder: string): string {
  const source = readFileSync(join(REPOSITORY, 'src/gpu/nvidia-columns.ts'), 'utf8');
  const listed = ['uuid', 'name', ...Object.keys(CELLS)];
  for (const [, prefix = '', names = ''] of source.matchAll(/\.\.\.each\('([\w.]+)', \[([^\]]*)\]/g))
    for (const [, name = ''] of names.matchAll(/'(\w+)'/g)) listed.push(`${prefix}${name}`);
  for (const kind of ['corrected', 'uncorrected'])
    for (const span of ['volatile', 'aggregate'])
      for (const place of ['dram', 'sram', 'total']) listed.push(`ecc.errors.${kind}.${span}.${place}`);
  const { asked } = new Columns(listed.map((name) => [name]));
  const row = (gpu: number): string =>
    asked
      .map((name) =>
        name === 'uuid'
          ? `GPU-0a000000-0000-0000-0000-00000000000${gpu}`
          : name === 'name'
            ? 'NVIDIA Example'
            : (CELLS[name] ?? '0'),
      )
      .join(', ');
  const rows = Array.from({ length: GPUS }, (_, gpu) => row(gpu)).join('\n');
  writeFileSync(join(folder, 'help'), `${listed.map((name) => `"${name}"\n`).join('\n')}`);
  writeFileSync(join(folder, 'header'), `${asked.join(', ')}\n`);
  writeFileSync(join(folder, 'rows'), `${rows}\n`);
  const tool = join(folder, 'nvidia-smi');
  const script = `#!/bin/sh
echo start >> '${folder}/starts'
case "$1" in
  --help-query-gpu) cat '${folder}/help' ;;
  --query-gpu=*) cat '${folder}/header'; while cat '${folder}/rows'; do sleep ${INTERVAL_MS / 1000}; done ;;
  -q) while cat '${REPOSITORY}/fixtures/gpu/nvidia/details.xml'; do sleep 10; done ;;
esac
`;
  writeFileSync(tool, script);
  chmodSync(tool, 0o755);
  return tool;
}

/** Milliseconds on a CPU of the threads of one process, without its children. */
function ownCpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return (
    tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e6
  );
}

async function msPerRound(pid: number): Promise<number> {
  await sleep(ROUNDS.warmup * INTERVAL_MS);
  const windows: number[] = [];
  for (let i = 0; i < ROUNDS.windows; i++) {
    const before = ownCpuMs(pid);
    await sleep(ROUNDS.each * INTERVAL_MS);
    windows.push((ownCpuMs(pid) - before) / ROUNDS.each);
  }
  return median(windows);
}

export async function gpuFigures(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  try {
    const tool = makeTool(folder);
    const service = (name: string, sensor: string): string[] => {
      const config = join(folder, `${name}.yaml`);
      const sink = `sinks:\n  out: { type: file, path: ${JSON.stringify(join(folder, `${name}.ndjson`))} }\n`;
      writeFileSync(config, `interval: ${INTERVAL_MS}ms\nsensors:\n  load: {}\n${sensor}${sink}`);
      return [process.execPath, join(REPOSITORY, 'dist/src/main.js'), '--state', join(folder, name), 'run', '-c', config];
    };
    const options = `vendors: [nvidia], nvidia_smi: ${JSON.stringify(tool)}, stream_interval: ${INTERVAL_MS}ms, details: 10s`;
    return await withProcess(
      service('with', `  gpu: { ${options} }\n`),
      async (with_) =>
        await withProcess(service('without', ''), async (without) => {
          const [ms, base] = await Promise.all([msPerRound(with_.pid), msPerRound(without.pid)]);
          const starts = readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n').length;
          return [
            { what: `CPU a round, ${GPUS} GPUs, beyond a service without them`, value: ms - base, unit: 'ms', atMost: 1 },
            { what: 'CPU a round, the whole service', value: ms, unit: 'ms' },
            { what: 'CPU a round, the service without them', value: base, unit: 'ms' },
            { what: 'processes started in all rounds', value: starts, unit: '', atMost: 60 },
          ];
        }),
    );
  } finally {
    remove();
  }
}
