/** What a component of one's own costs beyond one in the service: CPU of the service and of its worker together, an event. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerDefinition, Message } from '../src/broker.ts';
import { systemClock } from '../src/clock.ts';
import { createSource, defineSchema, gauge, type Layout, TideEvent } from '../src/event.ts';
import { Host } from '../src/host.ts';
import { findPlugins, type PluginFile } from '../src/plugin/find.ts';
import { pluginSensor } from '../src/plugin/sensor.ts';
import { pluginSink } from '../src/plugin/sink.ts';
import type { SinkDefinition } from '../src/sink.ts';
import { cpuMs, type Figure, memoryMiB, scratch, sleep } from './measure.ts';

const SAMPLES = 3000;
const [BATCHES, BATCH] = [200, 500];
const WARMUP = 1000;
const PROBE_MS = 1500;

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
  const { signal } = new AbortController();
  let layout: Layout | undefined;
  const round = async (n: number): Promise<void> => {
    for (const table of await sampler.sample(signal, n)) ({ layout } = table.seal(layout));
  };
  // The process that was asked what the plugin is ends meanwhile.
  await sleep(PROBE_MS);
  for (let i = 0; i < WARMUP; i++) await round(i);
  const before = cpuMs(process.pid);
  for (let i = 0; i < SAMPLES; i++) await round(i);
  const sampled = ((cpuMs(process.pid) - before) / SAMPLES) * 1000;
  const resident = memoryMiB(worker(), 'RssAnon');
  await sampler.close?.();
  const written = await writing(sinkFile, folder);
  const sent = await sending(brokerFile);
  remove();
  return [
    { what: "a sample of a plugin's sensor, an event of 10 rows", value: sampled, unit: 'µs CPU', atMost: 50 },
    { what: "an event to a plugin's sink, in batches of 500", value: written, unit: 'µs CPU', atMost: 50 },
    { what: "a message of 400 B to a plugin's broker, in batches of 500", value: sent, unit: 'µs CPU', atMost: 50 },
    { what: "a plugin's worker, memory of its own", value: resident, unit: 'MiB' },
  ];
}

async function writing(file: PluginFile, folder: string): Promise<number> {
  const level = defineSchema({
    type: 'own.level',
    doc: '',
    attributes: ['place'],
    fields: { level: gauge('m', ''), lag: gauge('s', '') },
  });
  const source = createSource({ agent: 'a', run: 'r', sensor: 's', host: 'h', labels: {} });
  let layout: Layout | undefined;
  const event = (n: number): TideEvent => {
    const table = level.table();
    for (let row = 0; row < 10; row++) table.add([`place ${row}`], { level: n, lag: row });
    const sealed = table.seal(layout);
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
