/**
 * The house rules: this repository keeps them, and each of them finds its offence. A rule that cannot fail would be worse than none.
 * The rules are in `scripts/tidy.ts` and `.oxlintrc.json`; what a finding says is the remedy.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Files, RULES, readRepository } from '../scripts/tidy.ts';
import { REPOSITORY, writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

const repository = readRepository(REPOSITORY);

describe('this repository keeps', () => {
  test.each(RULES)('$name', ({ find }) => {
    expect(find(repository)).toEqual([]);
  });
});

/** The smallest repository that keeps every rule. */
const CLEAN: Record<string, string> = {
  'package.json': '{ "version": "1.0.0", "dependencies": { "a": "^1.0.0" } }',
  'package-lock.json': JSON.stringify({
    packages: {
      '': { version: '1.0.0', dependencies: { a: '^1.0.0' } },
      'node_modules/a': { version: '1.0.0', optionalDependencies: { b: '1.0.0' } },
      'node_modules/b': { version: '1.0.0', optional: true },
    },
  }),
  'docs/reference.md': '### tide\n\n### log\n',
  'sensors/tide.ts': "import { event } from '../src/event.ts';\nexport default { name: 'tide', event };\n",
  'fixtures/tide/low/proc/tide': '1\n',
  'test/sensors/tide.test.ts': '',
  'sinks/log.ts': "import type { event } from '../src/event.ts';\nexport default { name: 'log' };\n",
  'test/sinks/log.test.ts': '',
  'src/event.ts': 'export const event = 1;\n',
  'src/bus.ts': "export { event } from './event.ts';\n",
  'src/tide/level.ts': 'export const level = 1;\n',
};

const with_ = (changes: Record<string, string | undefined>): Files =>
  new Map(Object.entries({ ...CLEAN, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined));
const lockOf = (packages: object): string => JSON.stringify({ packages });

/** Rule, what is changed about the clean repository, and what must be said. */
const OFFENCES: [string, Record<string, string | undefined>, string][] = [
  ['no file over 300 lines', { 'src/long.ts': 'export {};\n'.repeat(301) }, 'src/long.ts: 301 lines'],
  ['kebab-case file names', { 'src/busStop.ts': '' }, 'src/busStop.ts'],
  ['kebab-case file names', { 'sensors/tide-pool.ts': '' }, 'lower_snake'],
  ['sensors: one name', { 'fixtures/tide/low/proc/tide': undefined }, 'fixtures/tide/ is missing'],
  ['sensors: one name', { 'test/sensors/tide.test.ts': undefined }, 'test/sensors/tide.test.ts is missing'],
  ['sensors: one name', { 'sensors/tide.ts': "export default { name: 'ebb' };" }, "name: 'tide'"],
  ['sensors: one name', { 'docs/reference.md': '### log\n' }, 'npm run docs'],
  ['sinks: one name', { 'test/sinks/log.test.ts': undefined }, 'test/sinks/log.test.ts is missing'],
  [
    'sensors: no way',
    {
      'sensors/tide.ts': "import { level } from '../src/tide/level.ts';\nexport default { name: 'tide', level };",
      'src/tide/level.ts': "import {\n  event,\n} from '../bus.ts';",
    },
    'sensors/tide.ts → src/tide/level.ts → src/bus.ts',
  ],
  ['sensors: no way', { 'sensors/tide.ts': "name: 'tide'\nimport type { a } from './ebb.ts';" }, 'sensors/ebb.ts'],
  ['sensors: no way', { 'sensors/tide.ts': "name: 'tide'\nawait import('../sinks/log.ts');" }, 'sinks/log.ts'],
  ['sinks: no way', { 'sinks/log.ts': "name: 'log'\nexport * from '../sensors/tide.ts';" }, 'sensors/tide.ts'],
  ['sinks: no way', { 'sinks/log.ts': "name: 'log'\nimport '../src/bus.ts';" }, 'sinks/log.ts → src/bus.ts'],
  ['no cycles', { 'src/event.ts': "import type { event } from './bus.ts';" }, 'src/event.ts → src/bus.ts → src/event.ts'],
  ['no cycles', { 'src/event.ts': "import { event } from './event.ts';" }, 'src/event.ts → src/event.ts'],
  ['the lock file', { 'package-lock.json': lockOf({ '': { version: '1.0.0' } }) }, 'dependencies differ'],
  [
    'the lock file',
    { 'package-lock.json': CLEAN['package-lock.json']?.replace('node_modules/b', 'node_modules/c') },
    'b is missing',
  ],
  [
    'the lock file',
    { 'package-lock.json': CLEAN['package-lock.json']?.replace('"optional":true', '"resolved":"x"') },
    'has "resolved"',
  ],
  ['no machine paths', { 'docs/use.md': 'see\n`/work/main/README.md`\n' }, 'docs/use.md:2: /work/'],
  ['no machine paths', { 'fixtures/tide/low/proc/mounts': 'x /root/.cache ext4\n' }, 'fixtures/tide/low/proc/mounts:1'],
  ['no registry hosts', { '.npmrc': 'registry=https://registry.example.org\n' }, '.npmrc:1'],
  ['nothing left to do', { 'src/event.ts': '// TODO: more\n' }, 'src/event.ts:1: TODO'],
  ['no stubs', { 'src/event.ts': "throw new Error('Not implemented');\n" }, 'Not implemented'],
  ['no test alone or silent', { 'test/bus.test.ts': 'test.only(' }, 'test.only'],
  ['no test alone or silent', { 'test/bus.test.ts': 'describe.skip(' }, 'describe.skip'],
  ['no test alone or silent', { 'test/bus.test.ts': 'context.skip();' }, '.skip()'],
  ['no clock in a component', { 'sensors/tide.ts': "name: 'tide'\nDate.now()" }, 'sensors/tide.ts:2: Date.now'],
  ['no clock in a component', { 'sinks/log.ts': "name: 'log'\nsetTimeout(f, 1)" }, 'sinks/log.ts:2: setTimeout('],
];

describe('each rule finds its offence', () => {
  test('and nothing in a repository that keeps them all', () => {
    expect(RULES.flatMap(({ find }) => find(with_({})))).toEqual([]);
  });

  test.each(OFFENCES)('%s: %o', (name, changes, said) => {
    const rule = RULES.find((one) => one.name.startsWith(name));
    expect(rule?.find(with_(changes)).join('\n')).toContain(said);
  });

  test('and every rule has an offence here', () => {
    const proved = RULES.filter((rule) => OFFENCES.some(([name]) => rule.name.startsWith(name)));
    expect(proved).toEqual(RULES);
  });
});

/** An offence for the linter: the rule's code, a file, its text; and the remedy, where the message is ours. */
const LINT: [string, string, string, string?][] = [
  ['eslint(max-lines)', 'src/long.ts', '// one more line\n'.repeat(301)],
  ['eslint(max-lines-per-function)', 'src/far.ts', `export function far() {\n${'  far();\n'.repeat(60)}}\n`],
  ['eslint(complexity)', 'src/twisty.ts', `export const f = (a: number) => ${'a === 1 || '.repeat(26)}a;\n`],
  ['import(no-cycle)', 'src/ring.ts', "import { self } from './ring-other.ts';\nexport const ring = () => self;\n"],
  ['eslint(no-console)', 'src/loud.ts', "console.log('here');\n"],
  ['typescript(no-explicit-any)', 'src/loose.ts', 'export const loose = (a: any) => a;\n'],
  ['typescript(no-floating-promises)', 'src/float.ts', 'const f = async () => {};\nf();\n'],
  ['typescript(no-misused-promises)', 'src/misuse.ts', 'const f = async () => {};\n[1].forEach(f);\n'],
  ['typescript(await-thenable)', 'src/await.ts', 'export const f = async () => await 1;\n'],
  [
    'typescript(switch-exhaustiveness-check)',
    'src/switch.ts',
    "export function f(kind: 'a' | 'b') {\n  switch (kind) {\n    case 'a':\n      f('b');\n  }\n}\n",
  ],
  ['vitest(no-focused-tests)', 'test/focus.test.ts', "import { test } from 'vitest';\ntest.only('a', () => {});\n"],
  ['eslint(no-restricted-imports)', 'src/knows.ts', "import '../sensors/tide.ts';\n", 'ask src/registry.ts for it by name'],
  ['eslint(no-restricted-imports)', 'src/deep/knows.ts', "await import('../../sinks/log.ts');\n", 'ask src/registry.ts'],
  ['eslint(no-restricted-imports)', 'sensors/bus.ts', "import '../src/bus.ts';\n", 'A sensor knows its source'],
  ['eslint(no-restricted-imports)', 'sensors/new.ts', "import '../src/whatever-is-new.ts';\n", 'A sensor knows its source'],
  ['eslint(no-restricted-imports)', 'sensors/config.ts', "import '../src/config/load.ts';\n", 'A sensor knows its source'],
  ['eslint(no-restricted-imports)', 'sensors/other.ts', "import type { a } from './tide.ts';\n", 'A sensor knows its source'],
  ['eslint(no-restricted-imports)', 'sensors/sink.ts', "import '../sinks/log.ts';\n", 'A sensor knows its source'],
  ['eslint(no-restricted-imports)', 'sinks/host.ts', "import '../src/host.ts';\n", 'A sink speaks its protocol'],
  ['eslint(no-restricted-imports)', 'sinks/runner.ts', "import '../src/runner.ts';\n", 'A sink speaks its protocol'],
  ['eslint(no-restricted-imports)', 'sinks/cli.ts', "import '../src/cli/paint.ts';\n", 'A sink speaks its protocol'],
  ['eslint(no-restricted-imports)', 'sinks/other.ts', "export * from './log.ts';\n", 'A sink speaks its protocol'],
];

/** Files that the linter must have nothing to say about: what a component may import. */
const ALLOWED: Record<string, string> = {
  'sensors/tide.ts': "import '../src/event.ts';\nimport '../src/host.ts';\nimport '../src/tide/level.ts';\nimport 'node:fs';\n",
  'sinks/log.ts': "import '../src/event.ts';\nimport '../src/clock.ts';\nimport '../src/delivery/breaker.ts';\n",
  'src/ring-other.ts': "export { ring as self } from './ring.ts';\n",
};

interface Diagnostic {
  readonly code?: string;
  readonly help?: string;
  readonly filename: string;
}

describe('the linter finds', () => {
  const folder = temporaryFolder();
  writeFiles(folder, { ...ALLOWED, ...Object.fromEntries(LINT.map(([, path, text]) => [path, text])) });
  for (const file of ['.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(REPOSITORY, file), join(folder, file));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  let diagnostics: readonly Diagnostic[] = [];
  const of = (path: string): Diagnostic[] => diagnostics.filter(({ filename }) => filename === path);

  beforeAll(() => {
    const args = ['-f', 'json', 'src', 'sensors', 'sinks', 'test'];
    const { stdout } = spawnSync(join(REPOSITORY, 'node_modules/.bin/oxlint'), args, { cwd: folder, encoding: 'utf8' });
    ({ diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] });
  });

  test.each(LINT)('%s in %s', (code, path, _text, remedy = '') => {
    const found = of(path).find((one) => one.code === code);
    expect(found, JSON.stringify(of(path))).toBeDefined();
    expect(found?.help ?? '').toContain(remedy);
  });

  test.each(['sensors/tide.ts', 'sinks/log.ts'])('nothing in %s, which imports what it may', (path) => {
    expect(of(path)).toEqual([]);
  });
});
