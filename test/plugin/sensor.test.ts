/** A sensor of one's own in its worker: what it samples, and how little its faults do. */
import { afterEach, describe, expect, test } from 'vitest';
import { schemaAt, shapeOf } from '../../src/config/shapes.ts';
import { describe as inWords, Unavailable } from '../../src/errors.ts';
import { PluginSampler, pluginSensor } from '../../src/plugin/sensor.ts';
import type { SensorContext } from '../../src/sensor.ts';
import { hostOf, plain, sensorContext } from '../support.ts';
import { plugins } from './support.ts';

const { sensor: file } = plugins();
const { host } = hostOf({ 'proc/loadavg': '0.25 0.50 1.00 2/345 6789\n' });
const opened: PluginSampler[] = [];
afterEach(async () => {
  for (const sampler of opened.splice(0)) await sampler.close();
});

interface Opened {
  readonly sampler: PluginSampler;
  readonly said: string[];
}

async function open(options: unknown, more: Partial<SensorContext> = {}): Promise<Opened> {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const context = sensorContext({ timeout: 20_000, warn: say, info: say, ...more });
  const sensor = await pluginSensor(file);
  const sampler = (await sensor.open(host, sensor.options.parse(options), context)) as PluginSampler;
  opened.push(sampler);
  return { sampler, said };
}

const sample = async ({ sampler }: Opened, time = 7) =>
  (await sampler.sample(new AbortController().signal, time)).map((table) => plain(table.seal()));

describe("a plugin's sensor", () => {
  test('says what it is without running here', async () => {
    const sensor = await pluginSensor(file);
    expect(sensor).toMatchObject({ name: 'tide', summary: 'The tide.', version: file.version });
    expect(sensor.emits.map(({ type, fieldNames }) => [type, fieldNames])).toEqual([['own.tide', ['level', 'lag']]]);
    expect(sensor.options.parse({})).toMatchObject({ place: 'harbour', lag: '10s', even: 2 });
  });

  test('samples tables with what its options say, and keeps the layout while the rows are the same', async () => {
    const tide = await open({ place: 'pier', lag: '1m', more: true });
    const rows = (n: number) => [
      {
        type: 'own.tide',
        rows: [
          { place: 'pier', level: n, lag: 60 },
          { place: 'none', lag: 7 },
        ],
      },
      { type: 'own.more', rows: [{ n }] },
    ];
    expect(await sample(tide)).toEqual(rows(1));
    expect(await sample(tide)).toEqual(rows(2));
    const { signal } = new AbortController();
    const layouts = [await tide.sampler.sample(signal, 0), await tide.sampler.sample(signal, 0)].map(
      ([table]) => table?.seal().layout,
    );
    expect(layouts[0]).toBe(layouts[1]);
  });

  test('is told every mistake in its options that its own schema finds, and what it then emits', async () => {
    const sensor = await pluginSensor(file);
    const issues = await sensor.verify?.(sensor.options.parse({ even: 3, lag: 'soon' }));
    expect(issues?.map(({ path, message }) => [path, message])).toEqual([
      [['lag'], expect.stringContaining('is not a duration')],
      [['even'], 'expected an even number; try 2'],
    ]);
    const right = sensor.options.parse({ more: true });
    expect(await sensor.verify?.(right)).toEqual([]);
    expect(sensor.emitsFor?.(right).map(({ type }) => type)).toEqual(['own.more']);
  });

  test('marks secrets for the service', async () => {
    const sensor = await pluginSensor(file);
    expect(schemaAt(sensor.options, ['token'])).toSatisfy((schema) => shapeOf(schema).meta.secret === true);
  });

  test.each([
    ['loop', /did not end within 1500 ms/],
    ['crash', /threw what nothing caught: boom/],
    ['exit', /ended by itself with code 3/],
    ['buffers', /more than 128MiB of memory/],
    ['heap', /128MiB of memory/],
  ])('that fails by %s costs its own samples, is started again, and says why', async (what, why) => {
    const timeout = what === 'loop' ? 500 : 20_000;
    const tide = await open({ what }, { timeout });
    await expect(sample(tide)).rejects.toThrow(why);
    await expect(sample(tide)).rejects.toThrow(/started again after a while/);
    expect(tide.said.filter((line) => /its worker has ended, and is started again in 1s/.test(line))).toHaveLength(1);
    await expect.poll(() => tide.sampler.restarts(), { timeout: 20_000 }).toBe(1);
  });

  test('keeps its state across a restart of its worker', async () => {
    const tide = await open({ what: 'once' });
    await expect(sample(tide)).rejects.toThrow('code 4');
    await expect.poll(async () => (await sample(tide).catch(() => [])).length, { timeout: 20_000, interval: 200 }).toBe(1);
    expect(tide.said.some((line) => line.startsWith('its worker runs again'))).toBe(true);
  });

  test('may sample no table that it does not declare', async () => {
    await expect(sample(await open({ what: 'other' }))).rejects.toThrow('"own.other", which it does not declare');
  });

  test('writes to no output of the service, and little to its log', async () => {
    const tide = await open({ what: 'flood' });
    await sample(tide);
    expect(tide.said).toHaveLength(20);
    expect(tide.said[0]).toBe('it says: line 0');
    expect(tide.said[19]).toMatch(/left out/);
  });

  test('is unavailable where it says so, and refused where it cannot be loaded', async () => {
    const broken = plugins({
      'sensors/lost.ts': `import { defineSensor, Unavailable, z } from 'tidegate/sensor';
        export default defineSensor({ name: 'lost', summary: 'x', emits: [], options: {}, open() { throw new Unavailable('no sea here'); } });`,
      'sensors/loop.ts': 'throw new Error("half a file")',
    });
    const of = (name: string) => ({ ...broken.sensor, name, file: `${broken.folder}/sensors/${name}.ts` });
    const lost = await pluginSensor(of('lost'));
    const error = await Promise.resolve(lost.open(host, {}, sensorContext())).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Unavailable);
    expect(inWords(error)).toBe('no sea here');
    await expect(pluginSensor(of('loop'))).rejects.toThrow(/loop\.ts: half a file/);
    await expect(pluginSensor(of('gone'))).rejects.toThrow(/gone\.ts/);
  });
});
