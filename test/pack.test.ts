/**
 * The published package: what is in it, and that it works where nothing else is. It is packed from a copy of this repository, so that
 * no other run's `dist` is touched, and installed into an empty folder.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REPOSITORY } from './support.ts';
import { temporaryFolder } from './temporary.ts';

/** The most that the package may weigh, packed, in bytes: more means that something is in it that nobody meant. */
const PACKED_BYTES_MAX = 1024 * 1024;
/** How npm says that no registry answers. */
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED/;
const INSTALL_MS = 300_000;

const folder = temporaryFolder();
const clone = join(folder, 'clone');
const app = join(folder, 'app');
const installed = join(app, 'node_modules', 'tidegate');
const tidegate = join(app, 'node_modules', '.bin', 'tidegate');
/** What npm tells its scripts about this run must not reach an npm that works elsewhere. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_(lifecycle|package|config_.*prefix|command)|INIT_CWD)/i.test(name)),
);
const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };

let tarball = '';
let offline = '';

function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${basename(command)} ${args.join(' ')} exited with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

function pack(): string {
  const leftOut = new Set(['.git', 'node_modules', 'dist', '.setup-lock'].map((name) => join(REPOSITORY, name)));
  cpSync(REPOSITORY, clone, { recursive: true, verbatimSymlinks: true, filter: (source) => !leftOut.has(source) });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(clone, 'node_modules'));
  run(clone, 'npm', ['pack', '--pack-destination', folder, '--loglevel=error']);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}

/** Every file of the installed package, as a path below it. */
const contents = (): string[] =>
  readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(installed, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('node_modules'));

beforeAll(() => {
  tarball = pack();
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  const args = ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', args, { cwd: app, env, encoding: 'utf8' });
  if (status === 0) return;
  // A developer without a network tests the rest; CI has one.
  if (process.env['CI'] || !OFFLINE.test(stderr)) throw new Error(`npm install of the package failed:\n${stderr}`);
  offline = 'the registry cannot be reached, and the cache of npm lacks a dependency';
}, INSTALL_MS);

beforeEach((context) => {
  if (offline !== '') context.skip(offline);
});

describe('the package', () => {
  test('holds the build, its texts and nothing else', () => {
    const strange = contents().filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path) &&
        !/^dist\/(src|sensors|sinks)\/[\w/-]+(\.js|\.d\.ts)$/.test(path) &&
        !/^dist\/src\/page\/[\w-]+\.(mjs|html|css|svg)$/.test(path),
    );
    expect(strange, 'leave it out by `files` in package.json, or add it here').toEqual([]);
    for (const text of ['README.md', 'LICENSE', 'CHANGELOG.md']) expect(existsSync(join(installed, text)), text).toBe(true);
    expect(statSync(tarball).size).toBeLessThan(PACKED_BYTES_MAX);
  });

  test('holds every source file, compiled and with its types', () => {
    const sources = ['src', 'sensors', 'sinks'].flatMap((part) =>
      readdirSync(join(clone, part), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => `dist/${part}/${path.slice(0, -'.ts'.length)}`),
    );
    expect(sources).toContain('dist/src/main');
    const wanted = sources.flatMap((path) => [`${path}.js`, `${path}.d.ts`]);
    expect(
      contents()
        .filter((path) => path.startsWith('dist/') && !path.startsWith('dist/src/page/'))
        .sort(),
    ).toEqual(wanted.sort());
  });

  test('holds the files of the page as they are', () => {
    const names = readdirSync(join(clone, 'src/page')).filter((name) => name !== 'tsconfig.json');
    expect(names).toContain('index.html');
    expect(readdirSync(join(installed, 'dist/src/page')).sort()).toEqual(names.sort());
  });

  test('says its version', () => {
    expect(run(app, tidegate, ['--version']).trim()).toBe(manifest.version);
  });

  test('samples this machine with `tidegate once`', () => {
    const lines = run(app, tidegate, ['once', '--format', 'json']).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { v: number; sensor: string; rows: number });
    expect(events.map(({ v }) => v)).toEqual(events.map(() => 1));
    expect(new Set(events.map(({ sensor }) => sensor))).toContain('memory');
  });

  test('lists the same sensors and sinks as the sources', () => {
    for (const what of ['sensors', 'sinks']) {
      const names = readdirSync(join(REPOSITORY, what)).map((file) => basename(file, '.ts'));
      const listed = run(app, tidegate, [what]);
      for (const name of names) expect(listed).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test('decodes its own events in a program that imports it', () => {
    const program = `
      import { execFileSync } from 'node:child_process';
      import { defineSensor, defineSchema } from 'tidegate';
      import { decodeJson } from 'tidegate/consumer';
      const once = execFileSync(process.argv[2], ['once', 'memory', '--format', 'json'], { encoding: 'utf8' });
      const events = once.trim().split('\\n').map((line) => decodeJson(Buffer.from(line)));
      console.log(typeof defineSensor, typeof defineSchema, events[0].sensor);`;
    writeFileSync(join(app, 'program.js'), program);
    expect(run(app, process.execPath, ['program.js', tidegate]).trim()).toBe('function function memory');
  });
});

describe('its types', () => {
  const compile = (name: string, program: string, options: object): string => {
    writeFileSync(join(app, `${name}.ts`), program);
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', target: 'es2024', types: [], ...options };
    writeFileSync(join(app, `${name}.json`), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    const tsc = join(REPOSITORY, 'node_modules', '.bin', 'tsc');
    return spawnSync(tsc, ['-p', `${name}.json`, '--pretty', 'false'], { cwd: app, env, encoding: 'utf8' }).stdout;
  };

  test('serve a consumer that has no other types', () => {
    const program = `
      import { type DecodedEvent, decodeJson } from 'tidegate/consumer';
      export const event: DecodedEvent = decodeJson(new Uint8Array());
      export const rows: number = event.rows;`;
    expect(compile('consumer', program, { skipLibCheck: false })).toBe('');
  });

  test('serve a program that declares a sensor', () => {
    const program = `
      import { defineSchema, gauge } from 'tidegate';
      export const tide = defineSchema({ type: 'tide', doc: '', attributes: ['place'], fields: { level: gauge('m', '') } });
      tide.table().add(['harbour'], { level: 1.5 });`;
    expect(compile('sensor', program, { skipLibCheck: true })).toBe('');
  });

  test('refuse what is wrong', () => {
    const program = `
      import { decodeJson } from 'tidegate/consumer';
      export const rows: string = decodeJson(new Uint8Array()).rows;`;
    expect(compile('wrong', program, { skipLibCheck: false })).toContain('wrong.ts(3,20): error TS2322');
  });
});
