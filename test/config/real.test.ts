/** The installed sensors and sinks, whatever they are: what the configuration promises of each holds for all. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as yaml from 'yaml';
import { initConfig } from '../../src/config/init.ts';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { sensorCommon, sinkCommon } from '../../src/config/schema.ts';
import { kindOf, optionsOf } from '../../src/config/shapes.ts';
import { loadSensor, loadSink, sensorNames, sinkNames } from '../../src/registry.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { refusals } from './json-schema-walker.ts';

async function loaded(content: string): Promise<Loaded> {
  const folder = temporaryFolder();
  writeFiles(folder, { 'tidegate.yaml': content });
  return await loadConfig(join(folder, 'tidegate.yaml'), {});
}

async function init(available: boolean): Promise<string> {
  const sensors = await Promise.all(sensorNames().map((name) => loadSensor(name)));
  const sinks = await Promise.all(sinkNames().map((name) => loadSink(name)));
  return initConfig({
    sensors: sensors.map(({ name, summary, options }) => ({ name, summary, available, optionsSchema: options })),
    sinks: sinks.map(({ name, summary, options }) => ({ name, summary, optionsSchema: options })),
  });
}

describe.each(sensorNames().map((name) => [name]))('sensor %s', (name) => {
  test('has options of its own, each with a description', async () => {
    const { options } = await loadSensor(name);
    const own = optionsOf(options);
    expect(own.filter((option) => Object.hasOwn(sensorCommon.shape, option.name)).map((option) => option.name)).toEqual([]);
    expect(own.filter((option) => option.meta.description === undefined).map((option) => option.name)).toEqual([]);
  });
});

describe.each(sinkNames().map((name) => [name]))('sink %s', (name) => {
  test('has options of its own, each with a description', async () => {
    const { options } = await loadSink(name);
    const own = optionsOf(options);
    expect(own.filter((option) => Object.hasOwn(sinkCommon.shape, option.name)).map((option) => option.name)).toEqual([]);
    expect(own.filter((option) => option.meta.description === undefined).map((option) => option.name)).toEqual([]);
  });
});

test('the built-in configuration is right', async () => {
  const { config, warnings } = await loadConfig(undefined, {}, { stateDir: temporaryFolder() });
  expect(warnings.map(formatMistake)).toEqual([]);
  expect(config.sensors.length).toBeGreaterThan(0);
  expect(config.sinks.map((sink) => sink.type)).toEqual(['file']);
});

test('what tidegate init writes loads, as it is and with every option put in', async () => {
  const content = await init(true);
  const { config } = await loaded(content);
  expect(config.sinks).toHaveLength(1);
  // But for plugins: those that are named must be there.
  const all = await loaded(content.replace(/^( *)#(?=[^\s#])/gm, '$1').replace(/^plugins: .*$/m, ''));
  expect(all.config.sensors.map((sensor) => sensor.name).toSorted()).toEqual([...sensorNames()]);
  expect(all.config.sinks.map((sink) => sink.name).toSorted()).toEqual([...sinkNames()]);
});

test('the JSON Schema has every option of every type', async () => {
  const { $defs } = (await jsonSchema()) as { $defs: Record<string, { properties?: object }> };
  for (const [kind, names, load] of [
    ['sensor', sensorNames(), loadSensor],
    ['sink', sinkNames(), loadSink],
  ] as const) {
    for (const name of names) {
      const { options } = await load(name);
      if (kindOf(options) !== 'object') continue;
      const own = optionsOf(options).map((option) => option.name);
      expect(Object.keys($defs[`${kind}.${name}`]?.properties ?? {}), name).toEqual(expect.arrayContaining(own));
    }
  }
});

/** The YAML of the README, by its first line. */
const EXAMPLES = [...readFileSync(join(REPOSITORY, 'README.md'), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
  ([, text]) => text as string,
);
type Sections = Record<'sensors' | 'sinks', Record<string, { type?: string } | null>>;

/** The types that an example names and that are not here. */
function lacking(text: string): string[] {
  const { sensors, sinks } = yaml.parse(text) as Sections;
  const types = (section: Sections['sensors']) => Object.entries(section).map(([name, entry]) => entry?.type ?? name);
  const missing = (wanted: string[], names: readonly string[]) => wanted.filter((type) => !names.includes(type));
  return [...missing(types(sensors), sensorNames()), ...missing(types(sinks), sinkNames())];
}

for (const text of EXAMPLES) {
  const [first] = text.split('\n');
  const missing = lacking(text);
  const why = missing.length > 0 ? `; skipped, because there is no ${missing.join(', ')}` : '';
  describe.skipIf(missing.length > 0)(`the README's example that begins with "${first}"${why}`, () => {
    test('is right, for us and for an editor', async () => {
      const { warnings } = await loaded(text);
      expect(warnings.map(formatMistake)).toEqual([]);
      expect(refusals(await jsonSchema(), yaml.parse(text))).toEqual([]);
    });

    test('is refused by both with a wrong option in any entry', async () => {
      for (const section of ['sensors', 'sinks'] as const) {
        for (const name of Object.keys((yaml.parse(text) as Sections)[section])) {
          const wrong = yaml.parse(text) as Sections;
          wrong[section][name] = { ...wrong[section][name], nonsense: 1 } as object;
          await expect(loaded(yaml.stringify(wrong)), name).rejects.toThrow('there is no option "nonsense"');
          expect(refusals(await jsonSchema(), wrong), name).not.toEqual([]);
        }
      }
    });
  });
}
