/** The sensor `command` with real processes: what they print, and all that they may do wrong. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import sensor from '../../sensors/command.ts';
import { emitted } from '../../src/sensor.ts';
import { command, errorOf, folder, PATIENCE, pidIn, runOf, runs } from '../command/setup.ts';
import { fixtureHost, open, REPOSITORY, rowsOf } from '../support.ts';

const NODE = process.execPath;

describe('what a run prints', () => {
  const echo = (text: string): string[] => ['printf', '%s', text];

  test('as JSON, by a mapping', async () => {
    const tables = { 'app.queue': { rows: '/queues', attributes: { queue: '@key' }, fields: { depth: '/depth' } } };
    const { sampled } = await command({
      command: echo('{"queues":{"a":{"depth":3},"b":{"depth":"x"}}}'),
      format: 'json',
      tables,
    });
    const made = await sampled();
    expect(rowsOf(made, 'app.queue')).toEqual([{ queue: 'a', depth: 3 }]);
    expect(runOf(made)).toMatchObject({ up: 1, running: 0, status: 0, size: 46, runs: 1, failures: 0, records: 1 });
    expect(rowsOf(made, 'command.table')).toEqual([
      { 'command.table': 'app.queue', 'error.message': 'depth: "x" is no number', rows: 1, problems: 1 },
    ]);
  });

  test('as a table, whose columns are found by their names', async () => {
    const tables = {
      'host.fs': { attributes: { mount: '/Mounted' }, fields: { used: { path: '/Used', scale: 1024, unit: 'By' } } },
    };
    const given = { format: 'csv', separator: 'blanks', tables };
    const wanted = [
      { mount: '/', used: 4096 },
      { mount: '/home', used: 1024 },
    ];
    const old = await command({ ...given, command: echo('Filesystem Used Mounted\nx 4 /\ny 1 /home\n') });
    expect(rowsOf(await old.sampled(), 'host.fs')).toEqual(wanted);
    const newer = await command({ ...given, command: echo('Filesystem New Used Mounted\nx 0 4 /\ny 0 1 /home\n') });
    expect(rowsOf(await newer.sampled(), 'host.fs')).toEqual(wanted);
  });

  test('as lines, pairs and lines of JSON', async () => {
    const lines = await command({
      command: echo('db took 15ms\nnoise\n'),
      pattern: '^(?<name>\\w+) took (?<took>.*)$',
      tables: { 'app.took': { attributes: { name: '/name' }, fields: { time: { path: '/took', as: 'duration' } } } },
    });
    expect(rowsOf(await lines.sampled(), 'app.took')).toEqual([{ name: 'db', time: 0.015 }]);
    const pairs = await command({
      command: echo('users=3\nload=0.5\n'),
      format: 'pairs',
      tables: { app: { fields: { users: '/users', load: '/load' } } },
    });
    expect(rowsOf(await pairs.sampled(), 'app')).toEqual([{ users: 3, load: 0.5 }]);
    const json = await command({
      command: echo('{"a":1}\n{"a":2}'),
      format: 'json_lines',
      tables: { app: { attributes: { n: '@key' }, fields: { a: '/a' } } },
    });
    expect(rowsOf(await json.sampled(), 'app')).toEqual([
      { n: '0', a: 1 },
      { n: '1', a: 2 },
    ]);
  });

  test("as a plugin's status and performance data", async () => {
    const file = join(REPOSITORY, 'fixtures/command/check_load.txt');
    const { sampled } = await command({ shell: true, command: `cat ${JSON.stringify(file)}; exit 1`, format: 'nagios' });
    const tables = await sampled();
    expect(runOf(tables)).toMatchObject({ up: 1, status: 1 });
    expect(rowsOf(tables, 'command.nagios').map((row) => [row['command.state'], row['active']])).toEqual([
      ['ok', 0],
      ['warning', 1],
      ['critical', 0],
      ['unknown', 0],
    ]);
    expect(rowsOf(tables, 'command.perfdata')[0]).toEqual({
      'command.label': 'load1',
      'command.unit': '1',
      'command.kind': 'gauge',
      value: 0.1,
      warning: 5,
      critical: 10,
      min: 0,
    });
  });

  test('is of types that the instance says it emits', async () => {
    const given = { command: echo('a=1'), format: 'pairs', tables: { app: { fields: { a: '/a' } } } };
    const types = emitted(sensor, sensor.options.parse(given)).map(({ type }) => type);
    const { sampled } = await command(given);
    expect((await sampled()).filter(({ type }) => !types.includes(type))).toEqual([]);
  });
});

describe('how it runs', () => {
  test('without a shell, in its folder, with the variables that are allowed', async () => {
    const where = folder();
    process.env['TIDEGATE_TEST_SECRET'] = 'hidden';
    const script =
      'console.log(JSON.stringify({ argv: process.argv.slice(1), cwd: process.cwd(), env: Object.keys(process.env).sort() }))';
    const { sampled } = await command({
      command: [NODE, '-e', script, '$HOME;`id`', 'a b'],
      folder: where,
      environment: ['PATH'],
      variables: { GIVEN: 'x' },
      format: 'json',
      tables: {
        app: {
          attributes: { first: '/argv/0', second: '/argv/1', cwd: '/cwd', env: '$.env[0]', more: '$.env[1]' },
          fields: { n: { path: '/env', as: 'count' } },
        },
      },
    });
    expect(rowsOf(await sampled(), 'app')).toEqual([
      { first: '$HOME;`id`', second: 'a b', cwd: where, env: 'GIVEN', more: 'PATH', n: 2 },
    ]);
    delete process.env['TIDEGATE_TEST_SECRET'];
  });

  test.runIf(process.geteuid?.() === 0)('as the user that is given', async () => {
    const { sampled } = await command({
      shell: true,
      command: 'echo uid=$(id -u); echo gid=$(id -g); echo groups=$(id -G | wc -w)',
      user: 65534,
      group: 65534,
      format: 'pairs',
      tables: { app: { fields: { uid: '/uid', gid: '/gid', groups: '/groups' } } },
    });
    expect(rowsOf(await sampled(), 'app')).toEqual([{ uid: 65534, gid: 65534, groups: 1 }]);
  });

  test('not at all where there is no such user, no such folder, or another machine is looked at', async () => {
    await expect(command({ command: 'true', user: 'nobody-of-that-name' })).rejects.toThrow(/no user nobody-of-that-name/);
    await expect(command({ command: 'true', folder: '/nowhere/at/all' })).rejects.toThrow(
      /folder \/nowhere\/at\/all is not there/,
    );
    await expect(open(sensor, fixtureHost('load/recorded'), { command: 'true' })).rejects.toThrow(/another/);
  });
});

describe('what goes wrong', () => {
  test('a program that is not there, a status, a signal: said once, and that it is well again', async () => {
    const missing = await command({ command: '/nowhere/tool' });
    const tables = await missing.sampled();
    expect(errorOf(tables)).toMatchObject({ 'error.type': 'start', 'error.message': expect.stringContaining('no such program') });
    await missing.sampled();
    expect(missing.said).toEqual([expect.stringContaining('/nowhere/tool cannot be started')]);
    const where = folder();
    const flaky = await command({ shell: true, command: `test -e ${where}/well || { echo no database >&2; exit 3; }` });
    expect(errorOf(await flaky.sampled())).toMatchObject({
      'error.type': 'status',
      'error.message': 'it has ended with status 3: no database',
    });
    writeFileSync(join(where, 'well'), '');
    expect(errorOf(await flaky.sampled())).toBe(undefined);
    expect(flaky.said).toEqual(['the command: it has ended with status 3: no database', 'the command: all is well again']);
    const killed = await command({ shell: true, command: 'kill -9 $$' });
    expect(errorOf(await killed.sampled())).toMatchObject({ 'error.type': 'signal', 'error.message': 'it was ended by SIGKILL' });
  });

  test('one that hangs is ended, and what ignores SIGTERM is killed', async () => {
    const file = join(folder(), 'pid');
    const { sampled } = await command({
      shell: true,
      command: `trap '' TERM; echo half; echo $$ > ${file}; while :; do sleep 1; done`,
      run_timeout: '2s',
      grace: '100ms',
    });
    const tables = await sampled();
    expect(errorOf(tables)).toMatchObject({
      'error.type': 'timeout',
      'error.message': 'it took longer than 2s and was ended',
    });
    expect(runOf(tables)).toMatchObject({ up: 0, running: 0, timeouts: 1, failures: 1 });
    expect(runs(await pidIn(file))).toBe(false);
  });

  test('children that ignore SIGTERM and hold the pipe end with it, also when it ends well', async () => {
    const file = join(folder(), 'pid');
    const child = `process.on('SIGTERM', () => {}); require('fs').writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`;
    const { sampled } = await command({
      command: [
        NODE,
        '-e',
        `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); const t = setInterval(() => { if (require('fs').existsSync(${JSON.stringify(file)})) { console.log('done'); process.exit(0); } }, 10)`,
      ],
      grace: '100ms',
    });
    const tables = await sampled();
    expect(runOf(tables)).toMatchObject({ up: 1, status: 0, records: 1 });
    expect(runs(await pidIn(file))).toBe(false);
  });

  test('100 MB of output end it at the limit', async () => {
    const { sampled } = await command({ command: ['head', '-c', '100000000', '/dev/zero'], max_output: '64KiB' });
    const tables = await sampled();
    expect(errorOf(tables)).toMatchObject({
      'error.type': 'output',
      'error.message': 'it has printed more than max_output, 64KiB, and was ended',
    });
    expect(runOf(tables)['size']).toBeLessThan(50_000_000);
  });

  test('half a document fails the run, and half a line at the end is a line', async () => {
    const json = await command({ command: ['printf', '{"a":'], format: 'json', tables: { app: { fields: { a: '/a' } } } });
    expect(errorOf(await json.sampled())).toMatchObject({
      'error.type': 'format',
      'error.message': expect.stringContaining('no JSON'),
    });
    const lines = await command({ command: ['printf', 'one\ntw'] });
    expect(runOf(await lines.sampled())).toMatchObject({ records: 2 });
  });

  test('a run that is longer than a sample goes on, never twice at once, and is told when it is over', async () => {
    const where = folder();
    const { sampled } = await command(
      {
        shell: true,
        command: `echo x >> ${where}/begun; while ! test -e ${where}/go; do sleep 0.05; done; echo v=7`,
        run_timeout: '1m',
        format: 'pairs',
        tables: { app: { fields: { v: '/v' } } },
      },
      100,
    );
    const first = await sampled();
    expect(runOf(first)).toMatchObject({ running: 1, overruns: 1, runs: 0 });
    expect(runOf(first)).not.toHaveProperty('up');
    const begun = (): string => readFileSync(`${where}/begun`, 'utf8');
    await vi.waitFor(() => expect(begun()).toBe('x\n'), PATIENCE);
    expect(runOf(await sampled())).toMatchObject({ running: 1, overruns: 2 });
    expect(begun()).toBe('x\n');
    writeFileSync(`${where}/go`, '');
    await vi.waitFor(async () => expect(rowsOf(await sampled(), 'app')).toEqual([{ v: 7 }]), PATIENCE);
  });

  test('at the end what runs is ended', async () => {
    const file = join(folder(), 'pid');
    const { sampler, sampled } = await command(
      { shell: true, command: `trap '' TERM; echo $$ > ${file}; while :; do sleep 1; done`, run_timeout: '1m', grace: '100ms' },
      100,
    );
    await sampled();
    const pid = await pidIn(file);
    await sampler.close?.();
    expect(runs(pid)).toBe(false);
  });
});

describe('options that do not go together are refused', () => {
  test.each<[object, RegExp]>([
    [{}, /command/],
    [{ command: ['true'], shell: true }, /a shell takes one text/],
    [{ command: 'echo x' }, /write a list, or shell: true/],
    [{ command: 'true', format: 'nagios', mode: 'stream' }, /whole run/],
    [{ command: 'true', format: 'json' }, /nothing to make of the output/],
    [{ command: 'true', pattern: 'x', format: 'nagios' }, /a pattern is of lines/],
    [{ command: 'true', silence: '1s' }, /silence is of mode: stream/],
    [{ command: 'true', mode: 'stream', run_timeout: '1s' }, /what bounds it is silence/],
    [{ command: 'true', mode: 'stream', format: 'json', records: 'all', tables: { a: { fields: { a: '/a' } } } }, /json_lines/],
    [{ command: 'true', tables: { 'command.run': { fields: { a: '/a' } } } }, /are taken/],
  ])('%j', (given, message) => {
    expect(sensor.options.safeParse(given).error?.message).toMatch(message);
  });
});
