/** What sensing costs a round, the whole process, beside the floor of reading the same files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJson } from '../src/codec/decode.ts';
import { Unavailable } from '../src/errors.ts';
import { Host } from '../src/host.ts';
import { loadSensor, sensorNames } from '../src/registry.ts';
import type { SensorContext } from '../src/sensor.ts';
import { type Figure, median, memoryMiB, msPerRound, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

/**
 * The sensors of a host; what Telegraf, the OpenTelemetry Collector and node_exporter were measured with, and pressure beside it. Without
 * `processes`, which reads a file of every process: 300 of them are a measurement of their own.
 */
const HOST_SENSORS = ['cpu', 'memory', 'paging', 'load', 'pressure', 'disk', 'filesystem', 'network', 'cgroup', 'system'];
const ROUNDS = { windows: 3, each: Number(process.env['BENCH_ROUNDS'] ?? 40) };
/**
 * Rounds before the first that is measured. V8 compiles a function when it has been called some hundred times, which at one round a second
 * takes minutes and costs as much as the rounds; what is measured is a service that runs for months.
 */
const WARMUP = Number(process.env['BENCH_WARMUP'] ?? 300);
/** Many processes make as many calls a round, and all of that is over in seconds. */
const WARMUP_MANY = Number(process.env['BENCH_WARMUP'] ?? 30);
/** What a bare Node was measured with elsewhere: it tells the speed of the machine. */
const NINE = ['stat', 'meminfo', 'loadavg', 'diskstats', 'net/dev', 'vmstat', 'uptime', 'mounts', 'swaps'].map(
  (name) => `/proc/${name}`,
);

const CONTEXT: SensorContext = {
  name: 'bench',
  timeout: 10_000,
  state: { load: () => undefined, save: async () => {} },
  warn: () => {},
  info: () => {},
};

/** Two of these at once are not to sample at one moment, which the name of an agent decides. */
const AGENT = process.env['BENCH_AGENT'] ?? 'bench';

const configOf = (sensors: readonly string[], file: string): string =>
  `agent: ${AGENT}\ninterval: 1s\nsensors:\n${sensors.map((name) => `  ${name}: {}\n`).join('')}sinks:\n  out: { type: file, path: ${JSON.stringify(file)} }\n`;

/** The kernel walks its table of connections for these, which takes milliseconds, and `sockets` reads them once a minute. */
const SELDOM = /\/net\/tcp6?$/;

/** The files that these sensors read. Links and folders are left out, which makes the floor lower than it might be. */
async function pathsOf(sensors: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  const host = new Host({ onRead: (path, kind) => void (kind === 'file' && !SELDOM.test(path) && paths.push(path)) });
  for (const name of sensors) {
    const sensor = await loadSensor(name);
    const sampler = await sensor.open(host, sensor.options.parse({}), CONTEXT);
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

interface Cost {
  readonly ms: number;
  /** Of a bare Node that reads the same files, and of one that keeps them open. */
  readonly floor: number;
  readonly kept: number;
  /** Of a bare Node that reads nine files. */
  readonly nine: number;
  readonly values: number;
  readonly rss: number;
}

async function costOf(sensors: readonly string[], warmup: number): Promise<Cost> {
  const { folder, remove } = scratch();
  const bare = (name: string, paths: readonly string[], ...how: string[]): string[] => {
    const list = join(folder, `${name}.paths`);
    writeFileSync(list, `${paths.join('\n')}\n`);
    return [process.execPath, join(import.meta.dirname, 'floor.mjs'), list, join(folder, name), ...how];
  };
  try {
    const [config, events] = [join(folder, 'tidegate.yaml'), join(folder, 'events.ndjson')];
    writeFileSync(config, configOf(sensors, events));
    const tidegate = [process.execPath, join(REPOSITORY, 'dist/src/main.js'), '--state', folder, 'run', '-c', config];
    const paths = await pathsOf(sensors);
    const commands = [bare('floor', paths), bare('kept', paths, 'open'), bare('nine', NINE)];
    const cost = (pid: number): Promise<number> => msPerRound(pid, { ...ROUNDS, warmup });
    // Side by side, a quarter of a second apart, so that all see the same machine.
    return await withProcess(tidegate, async (service) => {
      const others: number[] = [];
      const beside = async (rest: readonly string[][]): Promise<Cost> => {
        await sleep(250);
        const [command, ...more] = rest;
        if (command) return await withProcess(command, async ({ pid }) => (others.push(pid), await beside(more)));
        const [ms, floor, kept, nine] = await Promise.all([service.pid, ...others].map(cost));
        const costs = { ms, floor, kept, nine } as Pick<Cost, 'ms' | 'floor' | 'kept' | 'nine'>;
        return { ...costs, values: valuesPerRound(events), rss: memoryMiB(service.pid) };
      };
      return await beside(commands);
    });
  } finally {
    remove();
  }
}

export async function host(): Promise<Figure[]> {
  const { ms, floor, nine, values, rss } = await costOf(HOST_SENSORS, WARMUP);
  return [
    { what: 'CPU a round, host sensors to a file', value: ms, unit: 'ms', atMost: 2.2 },
    { what: 'values a round', value: values, unit: '', atLeast: 200 },
    { what: 'CPU a value', value: (1000 * ms) / values, unit: 'µs', atMost: 11 },
    { what: 'the floor: reading the same files', value: floor, unit: 'ms' },
    { what: 'times the floor', value: ms / floor, unit: '×', atMost: 2.6 },
    { what: 'bare Node reading nine files, for the speed of the machine', value: nine, unit: 'ms' },
    { what: 'RSS', value: rss, unit: 'MiB', atMost: 90 },
  ];
}

/** Every sensor that this machine has, with its defaults: those that start a tool do so at intervals of their own. */
export async function everySensor(): Promise<Figure[]> {
  const available = await availableSensors();
  const { ms, floor, kept, nine, values, rss } = await costOf(available, WARMUP);
  return [
    { what: `CPU a round, ${available.length} sensors to a file`, value: ms, unit: 'ms', atMost: 5 },
    { what: 'values a round', value: values, unit: '', atLeast: 200 },
    { what: 'the floor: reading the same files', value: floor, unit: 'ms' },
    { what: '— each kept open', value: kept, unit: 'ms' },
    { what: 'bare Node reading nine files, for the speed of the machine', value: nine, unit: 'ms' },
    { what: 'RSS', value: rss, unit: 'MiB' },
  ];
}

/** Those that this machine has, without options. */
export async function availableSensors(): Promise<string[]> {
  const names: string[] = [];
  for (const name of sensorNames()) {
    const sensor = await loadSensor(name);
    const defaults = sensor.options.safeParse({});
    if (!defaults.success || sensor.byDefault === false) continue;
    try {
      const sampler = await sensor.open(new Host(), defaults.data, CONTEXT);
      await sampler.close?.();
      names.push(name);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
  return names;
}

export async function manyProcesses(): Promise<Figure[]> {
  const sleepers: ChildProcess[] = Array.from({ length: 300 }, () => spawn('sleep', ['100000'], { stdio: 'ignore' }));
  try {
    const { ms, floor, values, rss } = await costOf(['process'], WARMUP_MANY);
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
