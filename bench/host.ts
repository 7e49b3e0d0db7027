/** What sensing costs a round, the whole process, beside the floor of reading the same files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJson } from '../src/codec/decode.ts';
import { Host } from '../src/host.ts';
import { loadSensor } from '../src/registry.ts';
import { type Figure, median, memoryMiB, msPerRound, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

/**
 * The sensors of a host; what Telegraf, the OpenTelemetry Collector and node_exporter were measured with, and pressure beside it. Without
 * `processes`, which reads a file of every process: 300 of them are a measurement of their own.
 */
const HOST_SENSORS = ['cpu', 'memory', 'paging', 'load', 'pressure', 'disk', 'filesystem', 'network', 'cgroup', 'system'];
const ROUNDS = { warmup: Number(process.env['BENCH_WARMUP'] ?? 30), windows: 3, each: Number(process.env['BENCH_ROUNDS'] ?? 40) };

const configOf = (sensors: readonly string[], file: string): string =>
  `interval: 1s\nsensors:\n${sensors.map((name) => `  ${name}: {}\n`).join('')}sinks:\n  out: { type: file, path: ${JSON.stringify(file)} }\n`;

/** The files that these sensors read. Links and folders are left out, which makes the floor lower than it might be. */
async function pathsOf(sensors: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  const host = new Host({ onRead: (path, kind) => void (kind === 'file' && paths.push(path)) });
  const state = { load: () => undefined, save: async () => {} };
  const context = { name: 'bench', timeout: 10_000, state, warn: () => {}, info: () => {} };
  for (const name of sensors) {
    const sensor = await loadSensor(name);
    const sampler = await sensor.open(host, sensor.options.parse({}), context);
    await sampler.sample(new AbortController().signal, 0);
    await sampler.sample(new AbortController().signal, 0);
    await sampler.close?.();
  }
  return [...new Set(paths)];
}

/** Values that one round wrote: the median over the seconds of the file. */
function valuesPerRound(file: string): number {
  const rounds = new Map<number, number>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { time, fields } = decodeJson(line);
    const values = Object.values(fields).reduce((sum, field) => sum + field.values.filter((value) => value !== null).length, 0);
    const second = Math.floor(time / 1000);
    rounds.set(second, (rounds.get(second) ?? 0) + values);
  }
  return median([...rounds.values()]);
}

async function costOf(sensors: readonly string[]): Promise<{ ms: number; floor: number; values: number; rss: number }> {
  const { folder, remove } = scratch();
  try {
    const [config, events, list] = [join(folder, 'tidegate.yaml'), join(folder, 'events.ndjson'), join(folder, 'paths')];
    writeFileSync(config, configOf(sensors, events));
    writeFileSync(list, `${(await pathsOf(sensors)).join('\n')}\n`);
    const tidegate = [process.execPath, join(REPOSITORY, 'dist/src/main.js'), '--state', folder, 'run', '-c', config];
    const floorCommand = [process.execPath, join(import.meta.dirname, 'floor.mjs'), list, join(folder, 'floor')];
    // Side by side, half a second apart, so that both see the same machine.
    return await withProcess(tidegate, async (service) => {
      await sleep(500);
      return await withProcess(floorCommand, async (bare) => {
        const [ms, floor] = await Promise.all([msPerRound(service.pid, ROUNDS), msPerRound(bare.pid, ROUNDS)]);
        return { ms, floor, values: valuesPerRound(events), rss: memoryMiB(service.pid) };
      });
    });
  } finally {
    remove();
  }
}

export async function host(): Promise<Figure[]> {
  const { ms, floor, values, rss } = await costOf(HOST_SENSORS);
  return [
    { what: 'CPU a round, host sensors to a file', value: ms, unit: 'ms', atMost: 2.2 },
    { what: 'values a round', value: values, unit: '', atLeast: 200 },
    { what: 'CPU a value', value: (1000 * ms) / values, unit: 'µs', atMost: 11 },
    { what: 'the floor: reading the same files', value: floor, unit: 'ms' },
    { what: 'times the floor', value: ms / floor, unit: '×', atMost: 2.6 },
    { what: 'RSS', value: rss, unit: 'MiB', atMost: 90 },
  ];
}

export async function manyProcesses(): Promise<Figure[]> {
  const sleepers: ChildProcess[] = Array.from({ length: 300 }, () => spawn('sleep', ['100000'], { stdio: 'ignore' }));
  try {
    const { ms, floor, values, rss } = await costOf(['process']);
    return [
      { what: 'CPU a round, 300 processes and those of the machine', value: ms, unit: 'ms', atMost: 15 },
      { what: 'values a round', value: values, unit: '', atLeast: 2500 },
      { what: 'the floor: reading the same files', value: floor, unit: 'ms' },
      { what: 'times the floor', value: ms / floor, unit: '×', atMost: 2 },
      { what: 'RSS', value: rss, unit: 'MiB', atMost: 90 },
    ];
  } finally {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  }
}
