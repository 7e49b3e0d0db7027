/**
 * What a component of one's own costs beyond one in the service: CPU of the service and of its worker together, an event. What the service does
 * to have and to seal the table of such an event, plugin or not, is taken off.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerDefinition, Message } from '../src/broker.ts';
import { systemClock } from '../src/clock.ts';
import { type AnyTable, createSource, defineSchema, gauge, type Layout, TideEvent } from '../src/event.ts';
import { Host } from '../src/host.ts';
import { findPlugins, type PluginFile } from '../src/plugin/find.ts';
import { pluginSensor } from '../src/plugin/sensor.ts';
import { pluginSink } from '../src/plugin/sink.ts';
import type { Sampler } from '../src/sensor.ts';
import type { SinkDefinition } from '../src/sink.ts';
import { cpuMs, type Figure, memoryMiB, scratch, sleep } from './measure.ts';

const SAMPLES = 3000;
const [BATCHES, BATCH] = [200, 500];
/**
 * Samples before the first that is measured: some 10,000 go by until V8 compiles nothing any more, in either process, and what is measured is
 * a service that runs for months.
 */
const WARMUP = 20_000;
/** How far apart samples are that find both processes asleep, in milliseconds, and how many. */
const [APART_MS, APART] = [50, 200];
const PROBE_MS = 1500;

const PLACES = Array.from({ length: 10 }, (_, i) => `place ${i}`);
const SENSOR = `import { defineSchema, defineSensor, gauge, z } from 'tidegate/sensor';
const level = defineSchema({ type: 'own.level', doc: '', attributes: ['place'], fields: { level: gauge('m', ''), lag: gauge('s', '') } });
const PLACES = Array.from({ length: 10 }, (_, i) => 'place ' + i);
export default defineSensor({ name: 'level', summary: 'x', emits: [level], options: z.strictObject({}),
  open: () => ({ sample(_signal, time) { const table = level.table(); for (const place of PLACES) table.add([place], { level: time, lag: 1 }); return [table]; } }) });
`;
const SINK = `import { defineSink, z } from 'tidegate/sink';
export default defineSink({ name: 'nowhere', summary: 'x', options: z.strictObject({}), open: () => ({ async connect() {}, async write() {}, async close() {} }) });
`;
const BROKER = `import { defineBroker, z } from 'tidegate/sink';
export default defineBroker({ name: 'away', summary: 'x', options: z.strictObject({}),
  openBroker: () => ({ connect: async () => ({ async write() {}, async close() {} }), async close() {} }) });
`;

/** The one process that this one has started and that lives. */
const worker = (): number => Number(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').at(-1));

export async function plugins(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  for (const name of ['sensors', 'sinks']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'sensors/level.ts'), SENSOR);
  writeFileSync(join(folder, 'sinks/nowhere.ts'), SINK);
  writeFileSync(join(folder, 'sinks/away.ts'), BROKER);
  const files = findPlugins('.', folder, 128 * 2 ** 20);
  const named = (wanted: string): PluginFile => {
    const file = files.find(({ name }) => name === wanted);
    if (!file) throw new Error(`the plugin ${wanted} is not there`);
    return file;
  };
  const [sensorFile, sinkFile, brokerFile] = [named('level'), named('nowhere'), named('away')];
  const context = {
    name: 'bench',
    timeout: 10_000,
    state: { load: () => undefined, save: async () => {} },
    warn: () => {},
    info: () => {},
  };
  const sampler = await (await pluginSensor(sensorFile)).open(new Host(), {}, context);
  const builtIn: Sampler = { sample: (_signal, time) => [levels((place) => [place, time, 1])] };
  // The process that was asked what the plugin is ends meanwhile.
  await sleep(PROBE_MS);
  const [sampled, own] = [await backToBack(sampler), await backToBack(builtIn)];
  const [roused, ownRoused] = [await apart(sampler), await apart(builtIn)];
  const resident = memoryMiB(worker(), 'RssAnon');
  await sampler.close?.();
  const written = await writing(sinkFile, folder);
  const sent = await sending(brokerFile);
  remove();
  return [
    {
      what: "a sample of a plugin's sensor, an event of 10 rows, beyond one of the service",
      value: sampled - own,
      unit: 'µs CPU',
      atMost: 50,
    },
    { what: '— one of the service', value: own, unit: 'µs CPU' },
    {
      what: `— ${APART_MS} ms apart, which wakes both processes, beyond one of the service`,
      value: roused - ownRoused,
      unit: 'µs CPU',
    },
    { what: "an event to a plugin's sink, in batches of 500", value: written, unit: 'µs CPU', atMost: 50 },
    { what: "a message of 400 B to a plugin's broker, in batches of 500", value: sent, unit: 'µs CPU', atMost: 50 },
    { what: "a plugin's worker, memory of its own", value: resident, unit: 'MiB' },
  ];
}

const level = defineSchema({
  type: 'own.level',
  doc: '',
  attributes: ['place'],
  fields: { level: gauge('m', ''), lag: gauge('s', '') },
});

/** An event of ten rows: of each its place, its level and its lag. */
function levels(row: (place: string, n: number) => readonly [string, number, number]): AnyTable {
  const table = level.table();
  PLACES.forEach((place, n) => {
    const [at, height, lag] = row(place, n);
    table.add([at], { level: height, lag });
  });
  return table;
}

/** Microseconds on a CPU that a sample takes, with the sealing of its table: one behind the other. */
async function backToBack(sampler: Sampler): Promise<number> {
  const round = rounds(sampler);
  for (let i = 0; i < WARMUP; i++) await round();
  const before = cpuMs(process.pid);
  for (let i = 0; i < SAMPLES; i++) await round();
  return ((cpuMs(process.pid) - before) / SAMPLES) * 1000;
}

/** The same, so far apart that whoever works for it has fallen asleep. */
async function apart(sampler: Sampler): Promise<number> {
  const round = rounds(sampler);
  const before = cpuMs(process.pid);
  for (let i = 0; i < APART; i++) {
    await round();
    await sleep(APART_MS);
  }
  return ((cpuMs(process.pid) - before) / APART) * 1000;
}

function rounds(sampler: Sampler): () => Promise<void> {
  const { signal } = new AbortController();
  let layout: Layout | undefined;
  let n = 0;
  return async () => {
    for (const table of await sampler.sample(signal, n++)) ({ layout } = table.seal(layout));
  };
}

async function writing(file: PluginFile, folder: string): Promise<number> {
  const source = createSource({ agent: 'a', run: 'r', sensor: 's', host: 'h', labels: {} });
  let layout: Layout | undefined;
  const event = (n: number): TideEvent => {
    const sealed = levels((place, row) => [place, n, row]).seal(layout);
    ({ layout } = sealed);
    return new TideEvent(source, n, n, sealed);
  };
  const batch = Array.from({ length: BATCH }, (_, n) => event(n));
  const sink = ((await pluginSink(file)) as SinkDefinition).open({ name: 'bench', stateDir: folder, warn: () => {} }, {});
  const { signal } = new AbortController();
  await sink.connect(signal);
  await sleep(PROBE_MS);
  for (let i = 0; i < 20; i++) await sink.write(batch, signal);
  const before = cpuMs(process.pid);
  for (let i = 0; i < BATCHES; i++) await sink.write(batch, signal);
  const each = ((cpuMs(process.pid) - before) / BATCHES / BATCH) * 1000;
  await sink.close();
  return each;
}

async function sending(file: PluginFile): Promise<number> {
  const definition = (await pluginSink(file)) as BrokerDefinition;
  const context = { name: 'bench', agent: 'a', clock: systemClock, warn: () => {}, blocked: () => {} };
  const broker = definition.openBroker(context, definition.options.parse({}));
  const about = { type: 'own.level', time: 0, agent: 'a', host: 'h', sensor: 's', lane: 0, backfill: false };
  const message = (n: number): Message => ({
    ...about,
    id: `a/r/s/${n}`,
    contentType: 'application/json',
    body: Buffer.alloc(400, 'x'),
    seq: `r/0/${n}`,
  });
  const batch = Array.from({ length: BATCH }, (_, n) => message(n));
  const { signal } = new AbortController();
  const connection = await broker.connect(signal);
  await sleep(PROBE_MS);
  for (let i = 0; i < 20; i++) await connection.write(batch, signal);
  const before = cpuMs(process.pid);
  for (let i = 0; i < BATCHES; i++) await connection.write(batch, signal);
  const each = ((cpuMs(process.pid) - before) / BATCHES / BATCH) * 1000;
  await broker.close();
  return each;
}
