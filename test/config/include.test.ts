import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { around, failure, load, mistakes, testRegistry } from './support.ts';

const SINKS = 'sinks:\n  file: { path: x }\n';

describe('include', () => {
  test('mappings merge; what a file says itself goes before, and a later file before an earlier one', async () => {
    const { config } = await load({
      'tidegate.yaml': `include: [a.yaml, b.yaml]\ninterval: 1s\nlabels: { own: main }\nsensors:\n  cpu: {}\n${SINKS}`,
      'a.yaml': 'interval: 2s\ntimeout: 500ms\nlabels: { own: a, both: a, a: a }\nlog: { level: debug }\nsensors:\n  disk: {}\n',
      'b.yaml': 'timeout: 700ms\nlabels: { both: b }\nlog: { format: json }\nsensors:\n',
    });
    expect(config).toMatchObject({
      interval: 1000,
      timeout: 700,
      labels: { own: 'main', both: 'b', a: 'a' },
      log: { level: 'debug', format: 'json' },
    });
    expect(config.sensors.map((sensor) => sensor.name)).toEqual(['disk', 'cpu']);
    expect(config.files.map((file) => file.replace(/.*\//, ''))).toEqual(['tidegate.yaml', 'a.yaml', 'b.yaml']);
  });

  test('patterns are sorted, take no folder, may match nothing, and do not mean the file itself', async () => {
    const { config } = await load({
      'tidegate.yaml': `include: ["*.yaml", "conf.d/*", "none.d/*.yaml"]\n${SINKS}`,
      'conf.d/b.yaml': 'sensors: { b: { type: cpu } }\ninterval: 2s\n',
      'conf.d/a.yaml': 'sensors: { a: { type: cpu } }\ninterval: 1s\n',
      'conf.d/off/c.yaml': 'sensors: { c: { type: cpu } }\n',
    });
    expect(config.sensors.map((sensor) => sensor.name)).toEqual(['a', 'b']);
    expect(config.interval).toBe(2000);
  });

  test('paths, secrets among them, are relative to the file that names them', async () => {
    const { config } = await load(
      {
        'tidegate.yaml': 'include: conf.d/main.yaml\nsensors: { cpu: }\n',
        'conf.d/main.yaml': 'include: "${NAME}.yaml"\n',
        'conf.d/sinks.yaml': 'sinks:\n  broker: { servers: [a], password: "${file:secret}" }\n',
        'conf.d/secret': 'hunter22\n',
      },
      { NAME: 'sinks' },
    );
    expect(config.sinks[0]?.options).toMatchObject({ password: 'hunter22' });
  });

  test('a file may be included by many, and an included one may be empty', async () => {
    const { config } = await load({
      'tidegate.yaml': `include: [a.yaml, b.yaml]\n${SINKS}`,
      'a.yaml': 'include: common.yaml\n',
      'b.yaml': 'include: common.yaml\n',
      'common.yaml': 'include: empty.yaml\nsensors: { cpu: }\n',
      'empty.yaml': '# Nothing here.\n',
    });
    expect(config.sensors).toHaveLength(1);
  });

  test('a name in two files is a mistake that names both places', async () => {
    const { report } = await failure({
      'tidegate.yaml': `include: [a.yaml]\nsensors:\n  cpu: {}\n${SINKS}`,
      'a.yaml': '# A comment.\nsensors:\n  cpu: { per_cpu: true }\nsinks:\n  file: { path: y }\n',
    });
    expect(report).toContain('tidegate.yaml:3:3: the sensor "cpu" is also in a.yaml:3\n');
    expect(report).toContain('tidegate.yaml:5:3: the sink "file" is also in a.yaml:5\n');
    expect(report).toContain('2 mistakes');
  });

  test('a cycle is refused', async () => {
    const { error, report } = await failure({
      'tidegate.yaml': `include: a.yaml\n${around()}`,
      'a.yaml': 'include: [b.yaml]\n',
      'b.yaml': 'include: [./tidegate.yaml]\n',
    });
    expect(report).toContain('b.yaml:1:11: tidegate.yaml includes itself');
    expect(error.mistakes).toHaveLength(1);
    expect(error.mistakes[0]?.hint).toMatch(/^by way of .*tidegate\.yaml → .*a\.yaml → .*b\.yaml → .*tidegate\.yaml$/);
    expect(await mistakes(`include: tidegate.yaml\n${around()}`)).toHaveLength(1);
  });

  test('mistakes in an included file are told there, after those of the file that includes it', async () => {
    const { report } = await failure({
      'tidegate.yaml': `include: [conf.d/a.yaml, gone.yaml]\nintervall: 1s\n${SINKS}`,
      'conf.d/a.yaml': 'sensors:\n  cpu: { per_cpus: 1 }\nlabels: { a: "${NONE}" }\n',
    });
    expect(report.split('\n').filter((line) => /^[\w/.]+:\d+:/.test(line))).toEqual([
      'tidegate.yaml:1:26: the file gone.yaml is not there',
      'tidegate.yaml:2:1: there is no option "intervall"',
      'conf.d/a.yaml:2:10: sensors.cpu: there is no option "per_cpus"',
      'conf.d/a.yaml:3:15: the environment variable NONE is not set',
    ]);
  });

  test('a section is not missing because a file could not be read', async () => {
    expect(await mistakes({ 'tidegate.yaml': 'include: [sinks.yaml]\nsensors: { cpu: }\n' })).toEqual([
      '1:11 the file sinks.yaml is not there',
    ]);
    expect(
      await mistakes({ 'tidegate.yaml': 'include: [sinks.yaml]\nsensors: { cpu: }\n', 'sinks.yaml': 'sinks: [' }),
    ).toHaveLength(1);
  });

  test.each([
    ['include: 5', '1:10 include: expected a path or a pattern'],
    ['include: [{}]', '1:11 include: expected a path or a pattern'],
    ['include: [""]', '1:11 include: expected a path or a pattern'],
    ['include: [.]', '1:11 the file FOLDER is a folder, not a file'],
  ])('%s', async (line, expected) => {
    expect(await mistakes(`${line}\n${around()}`)).toEqual([expected]);
  });

  test('hundreds of files are a mistake', async () => {
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c/${i}.yaml`, '{}\n']));
    expect(await mistakes({ ...files, 'tidegate.yaml': `include: "c/*"\n${around()}` })).toEqual([
      '1:10 more than 256 files are included',
    ]);
  });

  test('the folder of a relative path is the one that it was named by', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'real/tidegate.yaml': `include: a.yaml\n${SINKS}`,
      'a.yaml': 'sensors: { cpu: }\n',
      'tidegate.yaml': '-> real/tidegate.yaml',
    });
    const { config } = await loadConfig(join(folder, 'tidegate.yaml'), {}, { registry: testRegistry() });
    expect(config.sensors).toHaveLength(1);
  });
});
