/** The commands that look, check and write, and what is said of a wrong command line. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY } from '../support.ts';
import { type StartOptions, tidegate, workplace } from './process-support.ts';

const COMMANDS = [
  'run',
  'once',
  'health',
  'check',
  'init',
  'schema',
  'completion',
  'new',
  'sensors',
  'sinks',
  'record',
  'top',
  'tap',
  'spool',
  'drain',
  'reload',
  'log-level',
  'verify',
];
const ESCAPE = '\u001b';
const { machine, work, state } = workplace();
const cli = async (args: readonly string[], options: StartOptions = {}) => await tidegate(['--state', state, ...args], options);

function fileOf(name: string, text: string): string {
  const file = join(work, name);
  writeFileSync(file, text);
  return file;
}

describe('tidegate check', () => {
  const RIGHT = 'sensors: { load: {}, memory: {} }\nsinks: { out: { type: console } }\n';

  it('says what a right configuration has', async () => {
    const file = fileOf('right.yaml', RIGHT);
    const { code, out, err } = await cli(['check', '-c', file]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`right: ${file}: 2 sensors, 1 sink\n`);
  });

  it('says every mistake at once with file, line, column, caret and the nearest right name', async () => {
    const file = fileOf(
      'wrong.yaml',
      'intervall: 10s\nsensors:\n  load: {}\n  lod: {}\nsinks:\n  out: { type: console, max_rows: none }\n',
    );
    const { code, out, err } = await cli(['check', '-c', file]);
    expect({ code, out }).toEqual({ code: 78, out: '' });
    expect(err).toContain(`${file}:1:1: `);
    expect(err).toContain('  1 | intervall: 10s\n    | ^^^^^^^^^\n');
    expect(err).toMatch(/did you mean "?interval"?/);
    expect(err).toContain(`${file}:4:3: `);
    expect(err).toContain('  4 |   lod: {}\n    |   ^^^\n');
    expect(err).toContain(`${file}:6:35: `);
    expect(err).toContain('3 mistakes in the configuration');
    expect(err).not.toMatch(/\n\s+at /);
  });

  it.each([
    ['--config', (file: string) => ({ args: ['check', '--config', file], env: {} })],
    ['TIDEGATE_CONFIG', (file: string) => ({ args: ['check'], env: { TIDEGATE_CONFIG: file } })],
  ] as const)('takes the file from %s', async (_name, way) => {
    const file = fileOf('elsewhere.yaml', RIGHT);
    const { args, env } = way(file);
    expect((await cli(args, { env })).out).toContain(file);
  });

  it('says that a file is not there', async () => {
    const { code, err } = await cli(['check', '-c', join(work, 'gone.yaml')]);
    expect(code).toBe(78);
    expect(err).toContain('gone.yaml');
  });

  it('finds the embedded defaults right', async () => {
    const { code, out } = await cli(['check']);
    expect(code).toBe(0);
    expect(out).toMatch(/^right: embedded defaults: \d+ sensors, 1 sink\n$/);
  });
});

describe('tidegate init', () => {
  it('prints a configuration that check accepts, with what this machine has', async () => {
    const { code, out, err } = await cli(['init', '--host', machine]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { sensors, sinks } = parse(out) as { sensors: object; sinks: object };
    expect(Object.keys(sensors)).toContain('load');
    expect(Object.keys(sensors)).not.toContain('cpu');
    expect(Object.keys(sinks)).toHaveLength(1);
    const checked = await cli(['check', '-c', fileOf('init.yaml', out)]);
    expect({ code: checked.code, err: checked.err }).toEqual({ code: 0, err: '' });
  });

  it('writes a file, and never over another', async () => {
    const file = join(work, 'mine.yaml');
    const first = await cli(['init', '--host', machine, file]);
    expect({ code: first.code, out: first.out }).toEqual({ code: 0, out: '' });
    expect(first.err).toBe(`wrote ${file}; try it with: tidegate check -c ${file}\n`);
    expect((await cli(['check', '-c', file])).code).toBe(0);
    writeFileSync(file, 'mine\n');
    const second = await cli(['init', '--host', machine, file]);
    expect(second.code).toBe(73);
    expect(second.err).toBe(`error: ${file} is there already and is not overwritten; name another file\n`);
    expect(readFileSync(file, 'utf8')).toBe('mine\n');
  });

  it('says why a file cannot be written', async () => {
    const { code, err } = await cli(['init', '--host', machine, join(work, 'gone', 'mine.yaml')]);
    expect(code).toBe(73);
    expect(err).toMatch(/^error: .* cannot be written: ENOENT.*\n$/);
  });
});

describe('tidegate sensors and sinks', () => {
  it('lists sensors, whether they work here and why not', async () => {
    const { code, out } = await cli(['sensors', '--host', machine]);
    expect(code).toBe(0);
    expect(out).toMatch(/^load +works +Load averages/m);
    expect(out).toMatch(/^cpu +not here +.*proc\/stat is not there/m);
    expect(out).not.toContain(ESCAPE);
  });

  it('tells of one sensor: options with defaults, and metrics with units', async () => {
    const { code, out } = await cli(['sensors', 'disk', '--host', machine]);
    expect(code).toBe(0);
    expect(out).toMatch(/^disk: /);
    expect(out).toMatch(/^not here: .*diskstats/m);
    expect(out).toMatch(/^exclude +string \| array +\[/m);
    expect(out).toMatch(/^system\.disk\.io +counter +By +/m);
  });

  it('tells what an operator has to do for a sensor, and how seldom it samples', async () => {
    const { out } = await cli(['sensors', 'smart', '--host', machine]);
    expect(out).toMatch(/^not here: .*not run for a recorded machine/m);
    expect(out).toMatch(/^ +capabilities: .*CAP_SYS_RAWIO/m);
    expect(out).toMatch(/^Samples at most every 10m unless `interval` is set\.$/m);
  });

  it('lists sinks, and tells the options of one', async () => {
    const list = await cli(['sinks']);
    expect(list.out).toMatch(/^console +Prints events/m);
    expect(list.out).toMatch(/^file +Appends events/m);
    const one = await cli(['sinks', 'file']);
    expect(one.code).toBe(0);
    expect(one.out).toMatch(/^rotate\.max_bytes /m);
  });

  it.each([
    ['sensors', 'lod', 'there is no sensor "lod"; did you mean "load"?'],
    ['sinks', 'fil', 'there is no sink "fil"; did you mean "file"?'],
  ])('names the nearest for a wrong name: %s %s', async (command, name, sentence) => {
    expect(await cli([command, name])).toMatchObject({ code: 64, out: '', err: `error: ${sentence}\n` });
  });
});

describe('tidegate schema', () => {
  it('prints a JSON Schema with every sensor and sink', async () => {
    const { code, out } = await cli(['schema']);
    expect(code).toBe(0);
    const schema = JSON.parse(out) as { $schema: string; type: string; properties: Record<string, unknown> };
    expect(schema.$schema).toMatch(/^https?:\/\/json-schema\.org\//);
    expect(schema.type).toBe('object');
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['interval', 'labels', 'sensors', 'sinks', 'include']));
    for (const name of ['load', 'disk', 'file', 'console']) expect(out).toContain(`"${name}"`);
  });
});

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const inspect = (shell: string, script: string) => spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });

describe('tidegate completion', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    it.skipIf(!has(shell))(`prints a script that ${shell} reads (skipped without ${shell})`, async () => {
      const { out } = await cli(['completion', shell]);
      expect(inspect(shell, out)).toMatchObject({ status: 0, stderr: '' });
    });

    it(`knows every command and its options: ${shell}`, async () => {
      const { code, out } = await cli(['completion', shell]);
      expect(code).toBe(0);
      for (const command of COMMANDS) expect(out).toContain(command);
      for (const word of ['format', 'config', 'prometheus']) expect(out).toContain(word);
    });
  }

  // What bash offers after these words.
  const offered = (script: string, words: readonly string[]): string[] => {
    const line = ['tidegate', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _tidegate; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script + ask], { encoding: 'utf8', cwd: work });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  };

  it.skipIf(!has('bash'))('offers commands, options and values in bash (skipped without bash)', async () => {
    const { out } = await cli(['completion', 'bash']);
    expect(offered(out, ['s'])).toEqual(['schema', 'sensors', 'sinks', 'spool']);
    expect(offered(out, ['spool', 'broker', 'li'])).toEqual(['list']);
    expect(offered(out, ['once', '--fo'])).toEqual(['--format']);
    expect(offered(out, ['once', '--format', 'p'])).toEqual(['prometheus']);
    fileOf('offered.yaml', '');
    expect(offered(out, ['check', '-c', 'offered'])).toEqual(['offered.yaml']);
  });

  it('says which shells there are', async () => {
    const { code, err } = await cli(['completion', 'tcsh']);
    expect(code).toBe(64);
    expect(err).toBe('error: there is no completion for "tcsh"; there is: bash, zsh, fish\n');
  });
});

describe('the command line', () => {
  it.each([[], ...COMMANDS.map((command) => [command])])('has help with an example: %s', async (...command) => {
    const { code, out, err } = await cli([...command, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Usage: tidegate /);
    expect(out).toMatch(/\nExamples:\n {2}.*tidegate.* {3}\S/);
    expect(out).not.toContain(ESCAPE);
  });

  it('has help for each command, and no other', async () => {
    const { out } = await cli(['--help']);
    const [, commands = ''] = /\nCommands:\n([^]*?)\n\n/.exec(out) ?? [];
    expect([...commands.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name)).toEqual([...COMMANDS, 'help']);
  });

  it.each(['--version', '-V'])('says its version: %s', async (flag) => {
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    expect(await cli([flag])).toMatchObject({ code: 0, out: `${version}\n`, err: '' });
  });

  it.each([
    [['onse'], 'there is no command "onse"; did you mean once?'],
    [['onse', '-c', 'x'], 'there is no command "onse"; did you mean once?'],
    [['xylophone'], 'there is no command "xylophone"; there is: run, once, health, check'],
    [['run', 'once'], 'run takes no arguments, but was given "once"'],
    [['once', '--formt', 'json'], '(Did you mean --format?)'],
    [['once', '--format', 'xml'], 'Allowed choices are table, json, msgpack, prometheus.'],
    [['once', '--config'], 'argument missing'],
    [['check', 'file.yaml'], 'too many arguments'],
    [['completion'], "missing required argument 'shell'"],
    [['--bogus'], "unknown option '--bogus'"],
  ])('is refused with a hint: %j', async (args, hint) => {
    const { code, out, err } = await cli(args);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toMatch(/^error: /);
    expect(err).toContain(hint);
    expect(err).not.toMatch(/\n\s+at /);
  });
});
