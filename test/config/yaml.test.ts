import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistake.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { around, failure, load, mistakes, short, testRegistry } from './support.ts';

describe('syntax', () => {
  test.each([
    [
      'a tab',
      'sensors:\n\tcpu: {}\nsinks:\n\tfile: { path: x }\n',
      ['2:1 a tab indents this line', '4:1 a tab indents this line'],
    ],
    ['an open quote', 'host: "web\nsensors:\n  cpu:\n', ['1:7 this quote is never closed']],
    ['an open single quote', "host: 'web\nsensors:\n  cpu:\n", ['1:7 this quote is never closed']],
    ['a second colon', 'host: a: b\n', ['1:7 a second ": " in one line, or a line that is indented too far']],
    ['a line too far right', 'host: a\n  agent: b\n', ['1:7 a name goes on over the end of its line']],
    ['a missing colon', 'sensors:\n  cpu\n  disk: {}\n', ['2:3 a name goes on over the end of its line']],
    [
      'an open bracket',
      'include: [a\nhost: b\n',
      ['2:1 this is not YAML: flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    [
      'a reserved character',
      around(undefined, undefined, 'host: @web'),
      ['1:7 this is not YAML: plain value cannot start with reserved character @'],
    ],
    [
      'a bad escape',
      `${around(undefined, '  file: { path: "C:\\data" }')}`,
      ['4:20 this is not YAML: invalid escape sequence \\d'],
    ],
    ['a tag', around(undefined, '  file: { path: !secret x }'), ['4:17 this is not YAML: unresolved tag: !secret']],
    ['a second document', `${around()}---\nhost: b\n`, ['5:1 a second document begins here']],
    ['a variable in a mapping', `${around(undefined, '  file: { path: ${X} }')}`, ['4:17 ${ begins a mapping here']],
    [
      'two unrelated ones',
      around('  disk: { only: `a }', undefined, 'host: @web'),
      [
        '1:7 this is not YAML: plain value cannot start with reserved character @',
        '3:17 this is not YAML: plain value cannot start with reserved character `',
      ],
    ],
  ])('%s', async (_name, text, expected) => {
    expect((await mistakes(text, { X: 'x' })).slice(0, expected.length)).toEqual(expected);
  });

  test('what the syntax allows to see is checked in the same run', async () => {
    expect(await mistakes('sensors:\n\tcpu: { per_cpus: 1 }\nsinks:\n\tfile: { path: x }\n')).toEqual([
      '2:1 a tab indents this line',
      '2:9 sensors.cpu: there is no option "per_cpus"',
      '4:1 a tab indents this line',
    ]);
  });

  test('broken structure hides what depends on it', async () => {
    expect(await mistakes('sensors: [\n')).toEqual([
      '2:1 this is not YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
    ]);
  });

  test('hints say what to do', async () => {
    const { report } = await failure('sensors:\n\tcpu: {}\n');
    expect(report).toContain('= indent with spaces');
    const { report: variable } = await failure(around(undefined, '  file: { path: ${X} }'));
    expect(variable).toContain('= within { } and [ ] put a text with ${…} in quotes');
  });

  test('Windows line ends and a byte order mark are no mistake', async () => {
    const { config } = await load(`\ufeff${around().replaceAll('\n', '\r\n')}`);
    expect(config.sensors).toHaveLength(1);
    expect(await mistakes(around('  cpu: { a: 1 }').replaceAll('\n', '\r\n'))).toEqual([
      '2:10 sensors.cpu: there is no option "a"',
    ]);
  });
});

describe('keys', () => {
  test('a name twice is a mistake that says where the first is', async () => {
    const text = 'interval: 1s\nsensors:\n  cpu: {}\n  disk: {}\n  cpu: {}\nsinks:\n  file: { path: x, path: y }\ninterval: 2s\n';
    expect(await mistakes(text)).toEqual([
      '5:3 "cpu" is here twice; the first is in line 3',
      '7:20 "path" is here twice; the first is in line 7',
      '8:1 "interval" is here twice; the first is in line 1',
    ]);
  });

  test('numbers, true and the like are names as they are written', async () => {
    const { config } = await load(around('  cpu: { labels: { 1: a, true: b, 0x1F: c, 1.10: d } }\n  007: { type: disk }'));
    expect(config.sensors[0]?.labels).toEqual({ '1': 'a', true: 'b', '0x1F': 'c', '1.10': 'd' });
    expect(config.sensors[1]?.name).toBe('007');
  });

  test.each(['? [a, b]\n    : 1', ': 1', '? {}\n    : 1'])('%j is no name', async (line) => {
    expect((await mistakes(around(`  cpu:\n    ${line}`)))[0]).toContain('a name is missing before the ":", or is no plain text');
  });
});

describe('anchors', () => {
  test('an alias is a copy', async () => {
    const { config } = await load(
      around('  cpu: &fast { interval: 1s, labels: { a: b } }\n  disk: *fast\n  d2: { type: disk, labels: { c: d } }'),
    );
    expect(config.sensors.map(({ interval, labels }) => [interval, labels])).toEqual([
      [1000, { a: 'b' }],
      [1000, { a: 'b' }],
      [10_000, { c: 'd' }],
    ]);
  });

  test('merge keys give what a mapping does not have itself; the first of several counts', async () => {
    const text = `
sensors:
  cpu: &base { interval: 1s, timeout: 500ms }
  a: { <<: *base, type: disk, interval: 3s }
  b:
    <<: [{ interval: 7s }, *base]
    type: disk
sinks:
  file: { path: x }
`;
    const { config } = await load(text);
    expect(config.sensors.map(({ name, interval, timeout }) => [name, interval, timeout])).toEqual([
      ['cpu', 1000, 500],
      ['a', 3000, 500],
      ['b', 7000, 500],
    ]);
  });

  test('a mistake inside an alias is told where it is written', async () => {
    const text = around('  cpu: &base\n    interval: fast\n    nonsense: 1\n  disk:\n    <<: *base');
    expect(await mistakes(text)).toEqual([
      '3:15 sensors.cpu.interval: "fast" is not a duration',
      '3:15 sensors.disk.interval: "fast" is not a duration',
      '4:5 sensors.cpu: there is no option "nonsense"',
      '4:5 sensors.disk: there is no option "nonsense"',
    ]);
  });

  test('an anchor that is set again counts from there on', async () => {
    const { config } = await load(
      around('  cpu: { interval: &t 1s }\n  a: { type: disk, interval: *t }\n  b: { type: disk, timeout: &t 2s, interval: *t }'),
    );
    expect(config.sensors.map((sensor) => sensor.interval)).toEqual([1000, 1000, 2000]);
  });

  test('an alias without an anchor', async () => {
    const { error } = await failure(around('  cpu: &base { interval: 1s }\n  disk: *bas'));
    expect(error.mistakes.map(short)).toEqual(['3:9 there is no anchor &bas before this alias']);
    expect(error.mistakes[0]?.hint).toBe('did you mean &base?');
  });

  test('<< takes mappings alone', async () => {
    expect(await mistakes(around('  cpu: { <<: [5] }'))).toEqual(['2:10 << takes mappings alone']);
    const { config } = await load(around('  cpu: { labels: { "<<": x } }'));
    expect(config.sensors[0]?.labels).toEqual({ '<<': 'x' });
  });

  test('an alias inside its own anchor', async () => {
    expect(await mistakes(around('  cpu: &a { labels: *a }'))).toEqual(['2:21 the alias *a is inside what it stands for']);
  });

  test('a few lines cannot expand to millions', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `  l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`);
    const start = getHeapStatistics().used_heap_size;
    expect(await mistakes(`labels:\n  l0: &l0 x\n${levels.join('\n')}\n`)).toEqual([
      expect.stringMatching(/^\d+:\d+ aliases expand to more than 10000 values$/),
    ]);
    expect(getHeapStatistics().used_heap_size - start).toBeLessThan(200 * 2 ** 20);
  });
});

describe('files that cannot be read', () => {
  const fail = async (path: string) => {
    const error = await loadConfig(path, {}, { registry: testRegistry() }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n')[0];
  };

  test('a missing file, a folder, a file as a folder', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a.yaml': 'x' });
    expect(await fail(join(folder, 'b.yaml'))).toBe(`${folder}/b.yaml: there is no file ${folder}/b.yaml`);
    expect(await fail(folder)).toBe(`${folder}: the file is a folder, not a file`);
    expect(await fail(join(folder, 'a.yaml/x'))).toBe(`${folder}/a.yaml/x: the file is not there: a part of its path is a file`);
    expect(await fail(`${folder}/\0`)).toContain('cannot be read');
  });

  test('bytes that are no UTF-8, and UTF-16', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'latin.yaml': Buffer.from('a: 1\nhost: b\xfcro\n', 'latin1'),
      'wide.yaml': Buffer.from('\ufeffhost: a\n', 'utf16le'),
    });
    expect(await fail(join(folder, 'latin.yaml'))).toContain('is not UTF-8 text: line 2 has a byte that is not');
    expect(await fail(join(folder, 'wide.yaml'))).toContain('is UTF-16 text; save it as UTF-8');
  });

  test('a file above the limit, and one without end', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'large.yaml': `#${'x'.repeat(2 ** 20)}`, 'fits.yaml': around().padEnd(2 ** 20, '#') });
    expect(await fail(join(folder, 'large.yaml'))).toContain('is larger than the limit of 1MiB');
    expect(await fail('/dev/zero')).toContain('is larger than the limit of 1MiB');
    const { config } = await loadConfig(join(folder, 'fits.yaml'), {}, { registry: testRegistry() });
    expect(config.sensors).toHaveLength(1);
  });

  test('a file that this user may not read', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a.yaml': around() });
    chmodSync(join(folder, 'a.yaml'), 0);
    chmodSync(folder, 0o755);
    const root = process.geteuid?.() === 0;
    // Root may read everything: become nobody for a moment.
    if (root) process.seteuid?.(65_534);
    try {
      expect(await fail(join(folder, 'a.yaml'))).toContain('the file may not be read by this user');
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  test.each(['[', '- ', '{a: ', '? '])('%j a hundred thousand times over is told, and no crash', async (open) => {
    expect((await mistakes(open.repeat(100_000)))[0]).toContain('the file is nested deeper than 64 levels');
  });

  test('a folder is not mistaken for the files in it', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'conf.d'));
    expect(await fail(join(folder, 'conf.d'))).toContain('is a folder, not a file');
  });
});
