/** `plugins:` of a configuration: what is found, and mistakes in options at their places. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { display } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { findPlugins } from '../../src/plugin/find.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { plugins } from './support.ts';

const { folder } = plugins({
  'sensors/other.js':
    'export default { name: "other", summary: "By JSON Schema.", emits: [], options: { type: "object", properties: { depth: { type: "number", minimum: 1, description: "How deep." } } }, open: () => ({ sample: () => [] }) };',
  'node_modules/seaside/package.json': '{ "name": "seaside", "type": "module", "tidegate": { "folder": "dist" } }',
  'node_modules/seaside/dist/sensors/gull.js':
    'export default { name: "gull", summary: "Gulls.", emits: [], options: {}, open: () => ({ sample: () => [] }) };',
  'package.json': '{ "type": "module" }',
});

async function load(text: string) {
  const file = join(folder, 'tidegate.yaml');
  writeFiles(folder, { 'tidegate.yaml': text });
  return await loadConfig(file, { TOKEN: 'hush-hush-hush' }, { hostName: 'h' });
}

const SINK = 'sinks: { shore: { path: x.ndjson } }\n';

describe('a configuration with plugins', () => {
  test('has them as it has the others, secrets hidden', async () => {
    const { config, warnings } = await load(
      `plugins: [., { from: seaside, memory: 64MiB }]\nsensors: { tide: { lag: 1m, token: "\${TOKEN}", more: true }, gull: {}, load: {}, other: { depth: 2 } }\n${SINK}`,
    );
    expect(warnings).toEqual([]);
    expect(config.sensors.map(({ type }) => type)).toEqual(['tide', 'gull', 'load', 'other']);
    expect(display(config)['sensors']).toMatchObject({ tide: { lag: '1m', token: '***', place: 'harbour' } });
    expect(config.sinks.map(({ type }) => type)).toEqual(['shore']);
  });

  test('says every mistake in their options, with its place', async () => {
    const text = `plugins: [.]
sensors:
  tide: { plase: x, lag: 3s }
  a: { type: tide, even: 3 }
  b: { type: tide, lag: soon }
  c: { type: other, depth: 0 }
  d: { type: tidee }
sinks:
  shore: {}
`;
    const error = await load(text).catch((thrown: unknown) => thrown);
    const { mistakes } = error as { mistakes: { line: number; column: number; what: string; hint: string }[] };
    expect(mistakes.map(({ line, column, what, hint }) => [line, column, what, hint])).toEqual([
      [3, 11, 'sensors.tide: there is no option "plase"', 'did you mean "place"?'],
      [4, 26, 'sensors.a.even: expected an even number', 'try 2'],
      [5, 25, 'sensors.b.lag: "soon" is not a duration', 'write it as 500ms, 10s, 1m30s, 24h or 7d'],
      [6, 28, 'sensors.c.depth: expected at least 1', undefined],
      [7, 14, 'sensors.d: there is no sensor "tidee"', 'did you mean "tide"?'],
      [9, 3, 'sinks.shore: the option "path" is missing', 'add it, for example path: "text" (The file)'],
    ]);
  });

  test('says what it cannot find, and what cannot be loaded', async () => {
    writeFiles(join(folder, 'bad'), { 'sensors/broken.ts': 'export default {', 'sensors/cpu.ts': '' });
    const text = `plugins: [./gone, nopackage, ./bad, { from: ./empty }]\nsensors: { broken: {}, load: {} }\nsinks: { console: {} }\n`;
    writeFiles(join(folder, 'empty'), { 'README.md': 'x' });
    const error = await load(text).catch((thrown: unknown) => String(thrown));
    for (const said of [
      /tidegate\.yaml:1:11: plugins: there is no .*gone/,
      /tidegate\.yaml:1:19: plugins: .*no package "nopackage"/,
      /plugins: .*cpu\.ts: there is a sensor "cpu" already; give it another name/s,
      /empty has no sensors/,
      /sensors\.broken: the sensor "broken" cannot be loaded: .*broken\.ts/,
    ])
      expect(error).toMatch(said);
  });

  test('takes a plugin anew when its folder has changed', async () => {
    const text = `plugins: [.]\nsensors: { tide: {}, load: {} }\n${SINK}`;
    const prints = async () => (await load(text)).config.sensors.map(({ fingerprint }) => fingerprint);
    const before = await prints();
    writeFiles(folder, { 'lib/moon.ts': 'export const phase = 1;\n' });
    const after = await prints();
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });
});

test('one file is found where its folder says what it is', () => {
  const place = temporaryFolder();
  writeFiles(place, { 'sensors/a.ts': '', 'sensors/a.test.ts': '', 'sensors/a.d.ts': '', 'b.ts': '', 'sinks/C.ts': '' });
  const found = (from: string) => findPlugins(from, place, 1).map(({ kind, name, file }) => [kind, name, file]);
  expect(found('sensors/a.ts')).toEqual([['sensor', 'a', join(place, 'sensors/a.ts')]]);
  expect(() => found('b.ts')).toThrow('neither sensors nor sinks');
  expect(() => found('.')).toThrow('"C" cannot be the name of a sink');
});
