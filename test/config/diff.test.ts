import { expect, test } from 'vitest';
import { type Config, type ConfigChanges, diffConfig } from '../../src/config/config.ts';
import { around, load } from './support.ts';

const config = async (text: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}): Promise<Config> =>
  (await load({ 'tidegate.yaml': text, ...files }, env)).config;

const NONE = { added: [], removed: [], changed: [] };
const difference = async (before: string, after: string): Promise<ConfigChanges> =>
  diffConfig(await config(before), await config(after));

test('nothing differs where the same is written in another way', async () => {
  const before =
    'interval: 10s\nsensors:\n  cpu:\n  disk: { labels: { a: x, b: y }, only: [sda] }\nsinks:\n  file: { path: x }\n';
  const after = `# A comment.
sinks: { file: { enabled: true, path: "x", queue: { max_bytes: 64MiB } } }
sensors:
  disk: { only: [sda], labels: { b: "y", a: "x" }, exclude: "^(loop|ram)" }
  cpu: {}
`;
  const { sensors, sinks, rest } = await difference(before, after);
  expect(sensors).toEqual({ ...NONE, same: ['disk', 'cpu'] });
  expect(sinks).toEqual({ ...NONE, same: ['file'] });
  expect(rest).toEqual([]);
});

test('what is added, removed and changed', async () => {
  const { sensors, sinks, rest } = await difference(
    around(
      '  cpu: {}\n  disk: {}\n  old: { type: disk }\n  off: { type: disk }',
      '  a: { type: file, path: x }\n  b: { type: file, path: y }',
    ),
    around(
      '  new: { type: disk }\n  disk: { only: [sda] }\n  cpu: {}\n  off: { type: disk, enabled: false }',
      '  a: { type: file, path: x, batch: { wait: 2s } }\n  b: { type: file, path: y }',
    ),
  );
  expect(sensors).toEqual({ added: ['new'], removed: ['old', 'off'], changed: ['disk'], same: ['cpu'] });
  expect(sinks).toEqual({ added: [], removed: [], changed: ['a'], same: ['b'] });
  expect(rest).toEqual([]);
});

test('another type under the same name is a change', async () => {
  expect((await difference(around('  x: { type: cpu }'), around('  x: { type: disk }'))).sensors.changed).toEqual(['x']);
});

test('an option at the top changes the entries that it gives a value to, and no other', async () => {
  const sensors = '  cpu: { interval: 3s, timeout: 1s }\n  disk: {}';
  const interval = await difference(around(sensors), around(sensors, undefined, 'interval: 20s'));
  expect(interval).toMatchObject({
    sensors: { changed: ['disk'], same: ['cpu'] },
    sinks: { same: ['file'] },
    rest: ['interval'],
  });
  const labels = await difference(around(sensors), around(sensors, undefined, 'labels: { a: b }\nlog: { level: debug }'));
  expect(labels).toMatchObject({ sensors: { changed: ['cpu', 'disk'] }, sinks: { same: ['file'] }, rest: ['labels', 'log'] });
  const timeout = await difference(around(sensors), around(sensors, undefined, 'timeout: 4s'));
  expect(timeout).toMatchObject({ sensors: { changed: ['disk'], same: ['cpu'] }, rest: ['timeout'] });
  const host = await difference(around(sensors), around(sensors, undefined, 'host: other'));
  expect(host).toMatchObject({ sensors: { changed: [] }, rest: ['agent', 'host'] });
});

test('another value of a variable or a secret file is a change', async () => {
  const text = around('  cpu:', '  file: { path: "${A}" }\n  broker: { servers: [a], password: "${file:p}" }');
  const before = await config(text, { A: 'one' }, { p: 'hunter22' });
  expect(diffConfig(before, await config(text, { A: 'one' }, { p: 'hunter22' })).sinks.changed).toEqual([]);
  expect(diffConfig(before, await config(text, { A: 'two' }, { p: 'hunter22' })).sinks.changed).toEqual(['file']);
  expect(diffConfig(before, await config(text, { A: 'one' }, { p: 'hunter23' })).sinks.changed).toEqual(['broker']);
});
