/** docs/plugins.md, as it stands: its commands in a shell, its configurations, its code as plugins. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { findPlugins } from '../../src/plugin/find.ts';
import { pluginSensor } from '../../src/plugin/sensor.ts';
import { pluginSink } from '../../src/plugin/sink.ts';
import { isBroker } from '../../src/sink.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const PAGE = readFileSync(join(REPOSITORY, 'docs/plugins.md'), 'utf8');
const blocksOf = (language: string): string[] =>
  [...PAGE.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter(([, name]) => name === language).map(([, , text = '']) => text);
const [COMMANDS, CODE, CONFIGURATIONS] = [blocksOf('sh'), blocksOf('ts'), blocksOf('yaml')];
/** The name in `name: '…'`, which the file has too. */
const nameOf = (code: string): string => /^ {2}name: '(\w+)',$/m.exec(code)?.[1] ?? '';

/** A folder as an operator has it after `npm install tidegate`: `npm` and `npx` are what they do there, without a registry. */
const folder = temporaryFolder();
let path = '';
beforeAll(() => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const lend = join(folder, 'lend.mjs');
  const hooks = pathToFileURL(join(REPOSITORY, 'src/plugin/hooks.ts')).href;
  writeFileSync(lend, `import { lendPackages } from ${JSON.stringify(hooks)};\nlendPackages();\n`);
  const programs = {
    npm: 'test "$*" = "install tidegate"',
    npx: `test "$1" = tidegate && shift && exec '${process.execPath}' '${join(REPOSITORY, 'src/main.ts')}' "$@"`,
    node: `exec '${process.execPath}' --import '${lend}' "$@"`,
  };
  for (const [name, line] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  path = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
});

test('every block is a command, a configuration or code', () => {
  const all = [...PAGE.matchAll(/^```(\w*)\n[^]*?^```$/gm)].map(([, language]) => language);
  expect(all.length).toBe(COMMANDS.length + CODE.length + CONFIGURATIONS.length);
  expect([COMMANDS.length, CODE.map(nameOf), CONFIGURATIONS.length]).toEqual([1, ['tide', 'post'], 2]);
});

describe('in the folder of an operator', () => {
  test('the commands do what they say', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', COMMANDS[0] as string], {
      cwd: folder,
      env: { PATH: path, HOME: folder, TIDEGATE_STATE: join(folder, 'state') },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toContain('wrote plugins/sensors/sea_level.ts');
    expect(stdout).toMatch(/pass 2\b/);
    expect(stdout).toContain('own.sea_level');
  });

  test('the code compiles, and is what it says it is', async () => {
    const files = CODE.map((code) => [
      `plugins/${code.includes('defineSensor(') ? 'sensors' : 'sinks'}/${nameOf(code)}.ts`,
      code,
    ]);
    symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
    writeFiles(folder, Object.fromEntries(files) as Record<string, string>);
    writeFiles(folder, {
      'tsconfig.json': JSON.stringify({
        extends: join(REPOSITORY, 'tsconfig.json'),
        compilerOptions: {
          rootDir: '/',
          rewriteRelativeImportExtensions: false,
          paths: { 'tidegate/*': [join(REPOSITORY, 'src/authors/*.ts')] },
        },
        include: ['plugins'],
      }),
    });
    const compiler = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    const of = (name: string) => findPlugins('./plugins', folder, 128 * 2 ** 20).find((file) => file.name === name);
    const tide = await pluginSensor(of('tide') as never);
    expect(tide.options.parse({ place: 'harbour' })).toEqual({ place: 'harbour', max_age: '1h' });
    expect(await tide.verify?.({ place: 'harbour', max_age: 'soon' })).toHaveLength(1);
    expect(isBroker(await pluginSink(of('post') as never))).toBe(true);
  });

  test.each(CONFIGURATIONS.map((text, i) => [i + 1, text] as const))('configuration %i loads', async (_i, text) => {
    writeFiles(folder, { 'tidegate.yaml': text });
    const { config, warnings } = await loadConfig(join(folder, 'tidegate.yaml'), {}, { hostName: 'edge-7' });
    expect(warnings).toEqual([]);
    expect([config.sensors.length, config.sinks.length]).toEqual([1, 1]);
  });
});
