import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../src/errors.ts';
import { createRegistry, loadSensor, loadSink, sensorNames, sinkNames } from '../src/registry.ts';
import { REPOSITORY, writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

const component = (name: string) =>
  `globalThis.tidegateLoaded = [...(globalThis.tidegateLoaded ?? []), '${name}'];\nexport default { name: '${name}' };\n`;
const loaded = (): string[] => (globalThis as unknown as { tidegateLoaded?: string[] }).tidegateLoaded ?? [];

function folder(): string {
  const path = temporaryFolder();
  writeFiles(path, {
    'package.json': '{ "type": "module" }',
    'sensors/memory.js': component('memory'),
    'sensors/cpu.js': component('cpu'),
    'sensors/cpu.d.ts': 'x',
    'sensors/cpu.js.map': 'x',
    'sensors/.hidden.js': 'x',
    'sensors/README.md': 'x',
    'sensors/broken.js': 'export default { name: "other" };\n',
    'sensors/nothing.js': 'export const name = "nothing";\n',
    'sinks/file.js': component('file'),
  });
  return path;
}

describe('a registry', () => {
  test('has the files of its folders, and imports what is asked for, once', async () => {
    const registry = createRegistry(folder(), '.js');
    expect(registry.sensorNames()).toEqual(['broken', 'cpu', 'memory', 'nothing']);
    expect(registry.sinkNames()).toEqual(['file']);
    expect(loaded()).toEqual([]);
    const [first, second] = await Promise.all([registry.loadSensor('cpu'), registry.loadSensor('cpu')]);
    expect(first).toBe(second);
    expect(first.name).toBe('cpu');
    expect(loaded()).toEqual(['cpu']);
    expect((await registry.loadSink('file')).name).toBe('file');
    expect(loaded()).toEqual(['cpu', 'file']);
  });

  test('refuses a name that is none, with the nearest right one', async () => {
    const registry = createRegistry(folder(), '.js');
    await expect(registry.loadSensor('memry')).rejects.toThrow(
      new UsageError('there is no sensor "memry"; did you mean "memory"?'),
    );
    await expect(registry.loadSink('kafka')).rejects.toThrow(new UsageError('there is no sink "kafka"; there is: file'));
    await expect(registry.loadSensor('../sinks/file')).rejects.toThrow(UsageError);
    await expect(registry.loadSensor('constructor')).rejects.toThrow(UsageError);
  });

  test('refuses a file that exports another name, or nothing', async () => {
    const registry = createRegistry(folder(), '.js');
    await expect(registry.loadSensor('broken')).rejects.toThrow(
      'must export the sensor "broken" by default, and exports "other"',
    );
    await expect(registry.loadSensor('nothing')).rejects.toThrow(
      'must export the sensor "nothing" by default, and exports nothing that has a name',
    );
  });

  test('of TypeScript takes no declarations', () => {
    const path = temporaryFolder();
    writeFiles(path, { 'sensors/a.ts': '', 'sensors/a.d.ts': '', 'sensors/b.js': '' });
    expect(createRegistry(path, '.ts').sensorNames()).toEqual(['a']);
  });
});

describe('this installation', () => {
  const names = (kind: string) =>
    readdirSync(join(REPOSITORY, kind))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -3))
      .toSorted();

  test('has every file as a component of its name', async () => {
    expect(sensorNames()).toEqual(names('sensors'));
    expect(sinkNames()).toEqual(names('sinks'));
    for (const name of sensorNames()) expect((await loadSensor(name)).name).toBe(name);
    for (const name of sinkNames()) expect((await loadSink(name)).name).toBe(name);
  });
});
