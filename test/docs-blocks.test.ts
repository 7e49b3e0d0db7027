/** Every fenced block of the documentation is tried out by its language; what is not is named here, with the reason. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { tidegate } from './cli/process-support.ts';
import { BLOCKS, blocksOf, type DocBlock } from './doc-blocks.ts';
import { REPOSITORY, writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

/** Languages, and where their blocks are tried out. */
const LANGUAGES: Readonly<Record<string, string>> = {
  yaml: 'below: each is loaded; rules of alerts are read',
  json: 'below: each is read',
  ts: 'below: all are compiled together; what they do is in test/consumer/docs.test.ts and here',
  sh: 'below: each is read by a shell, and run where it can be',
  console: 'test/cli/docs.test.ts: each command is run, and what it prints is compared',
  ini: 'below: units of systemd, whose commands are looked at',
  '': 'pictures, formulas and what others answer: no command, no configuration',
};

it('there is no block of another language, and no command in one without', () => {
  expect(BLOCKS.filter(({ language }) => !(language in LANGUAGES)).map(({ at, language }) => `${at}: ${language}`)).toEqual([]);
  const commands = blocksOf('').filter(({ text }) => /^\s*(\$ |(?:tidegate|npm|npx|docker|curl|kill|systemctl) )/m.test(text));
  expect(commands.map(({ at }) => at)).toEqual([]);
  expect(BLOCKS.length).toBeGreaterThan(50);
});

type Yaml = Record<string, Record<string, unknown>>;

describe('yaml', () => {
  /** Loaded with the code of its page as plugins: test/plugin/docs.test.ts. */
  const isElsewhere = ({ at }: DocBlock): boolean => at.startsWith('docs/plugins.md:');
  const isRules = ({ text }: DocBlock): boolean => 'groups' in (parse(text) as object);

  it.each(blocksOf('yaml').filter((block) => !isRules(block) && !isElsewhere(block)))(
    '$at loads, and nothing is warned about',
    async ({ text }) => {
      const folder = temporaryFolder();
      const given = parse(text) as Yaml;
      // A part of a configuration is completed by what it leaves out.
      const rest = {
        ...(given['sensors'] ? {} : { sensors: { load: {} } }),
        ...(given['sinks'] ? {} : { sinks: { out: { type: 'console' } } }),
      };
      const file = join(folder, 'tidegate.yaml');
      writeFiles(folder, { 'tidegate.yaml': Object.keys(rest).length > 0 ? JSON.stringify({ ...given, ...rest }) : text });
      const { config, warnings } = await loadConfig(file, { NODE_NAME: 'edge-7' }, { hostName: 'edge-7' });
      expect(warnings).toEqual([]);
      expect(config.sensors.length + config.sinks.length).toBeGreaterThan(1);
    },
  );

  it.each(blocksOf('yaml').filter(isRules))('$at has rules whose expressions Prometheus reads', ({ text }) => {
    const { groups } = parse(text) as { groups: { rules: { alert: string; expr: string }[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.filter(({ expr }) => !isPromql(expr))).toEqual([]);
    expect(rules.length).toBeGreaterThan(3);
  });

  it('a rule that Prometheus does not read is found', () => {
    expect(isPromql('rate(a[5m]) > 0')).toBe(true);
    expect(isPromql('rate(a[5m] > 0')).toBe(false);
  });
});

function isPromql(expression: string): boolean {
  let right = true;
  promql.parse(expression).iterate({
    enter: ({ type }) => {
      if (type.isError) right = false;
    },
  });
  return right;
}

describe('json', () => {
  it.each(blocksOf('json'))('$at is JSON', ({ text }) => {
    expect(JSON.parse(text)).toBeTypeOf('object');
  });
});

/** What cannot be run here, and what runs it. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^docker (build|run|compose) /, 'test/container: the image is built, and run as the page says'],
  [/^npm install tidegate$/, 'test/pack.test.ts: the package is installed'],
  [/^node --test plugins\//, 'test/cli/new.test.ts: the test of a new plugin passes'],
];

/** Commands of a block, those over several lines in one. */
const linesOf = ({ text }: DocBlock): string[] =>
  text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));

describe('ini', () => {
  it.each(blocksOf('ini'))('$at runs commands that there are', async ({ text }) => {
    const commands = [...text.matchAll(/^Exec\w+=\S+\/node \S+\/src\/main\.ts (\w+)(.*)$/gm)];
    expect(commands.length).toBe([...text.matchAll(/^Exec/gm)].length);
    for (const [, command = '', rest = ''] of commands) {
      const { code, out } = await tidegate([command, '--help']);
      expect([command, code]).toEqual([command, 0]);
      for (const [option] of rest.matchAll(/(?<= )--?\w+/g)) expect(out).toContain(option);
    }
  });
});

describe('sh', () => {
  it.each(blocksOf('sh'))('$at is read by a shell', ({ text }) => {
    const { status, stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it.each(blocksOf('sh').filter(({ page }) => page !== 'CONTRIBUTING.md'))('$at runs', async (block) => {
    const folder = temporaryFolder();
    for (const line of linesOf(block)) {
      if (ELSEWHERE.some(([pattern]) => pattern.test(line))) continue;
      const [, words] = /^(?:npx )?tidegate (.*)$/.exec(line) ?? [];
      expect(words, `${line}: run it here, or say in ELSEWHERE what does`).toBeDefined();
      const { code, err } = await tidegate((words as string).split(' '), { cwd: folder });
      expect([line, code, err]).toEqual([line, 0, '']);
    }
  });
});

it.each(blocksOf('sh').filter(({ text }) => /^docker run/m.test(text)))('$at runs the image as the tests of it do', (block) => {
  const tests = ['setup.ts', 'container.test.ts'].map((name) => readFileSync(join(REPOSITORY, 'test/container', name), 'utf8'));
  const [line = ''] = linesOf(block).filter((command) => command.startsWith('docker run'));
  const flags = [...line.matchAll(/--(?:read-only|tmpfs \S+|cap-drop \S+|security-opt \S+)|HOST_\w+=\S+/g)].map(([flag]) => flag);
  expect(
    flags.filter((flag) => !tests.join('').includes(flag.replace(' ', '=').replace(/^(HOST_\w+)=(\S+)$/, "$1: '$2'"))),
  ).toEqual([]);
  expect(flags.length).toBeGreaterThan(5);
});

describe('ts', () => {
  it('all of it compiles, and the sensor of CONTRIBUTING.md works and passes its test', () => {
    const copy = repositoryCopy();
    const [sensor, test, ...none] = blocksOf('ts', 'CONTRIBUTING.md');
    expect(none).toEqual([]);
    const files: Record<string, string> = {
      'sensors/handles.ts': sensor?.text ?? '',
      'test/sensors/handles.test.ts': test?.text ?? '',
    };
    for (const { page, text } of blocksOf('ts')) {
      if (page !== 'CONTRIBUTING.md') files[`examples/${Object.keys(files).length}.ts`] = text;
    }
    writeFiles(copy, files);
    const run = (program: string, args: readonly string[], env = {}) => {
      const { status, stdout, stderr } = spawnSync(program, args, {
        cwd: copy,
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
      expect([args.join(' '), status, status === 0 ? '' : stdout + stderr]).toEqual([args.join(' '), 0, '']);
      return stdout;
    };
    run(join(REPOSITORY, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.examples.json', '--pretty', 'false']);
    if (process.platform !== 'linux') return;
    for (const block of blocksOf('sh', 'CONTRIBUTING.md')) run('sh', ['-e', '-c', block.text]);
    expect(run(process.execPath, ['src/main.ts', 'once', 'handles'])).toMatch(/allocated +\d+ +limit +\d+/);
    const vitest = [join(REPOSITORY, 'node_modules/vitest/vitest.mjs'), 'run', 'test/sensors/handles.test.ts'];
    run(process.execPath, vitest, { GOLDEN: '1' });
    run(process.execPath, vitest);
  });
});

/** What a contributor has: the sources and tests, with the packages. */
function repositoryCopy(): string {
  const copy = temporaryFolder();
  for (const name of ['src', 'sensors', 'sinks', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(REPOSITORY, name), join(copy, name), { recursive: true });
  for (const name of ['test/support.ts', 'test/temporary.ts', 'test/setup.ts', 'test/brokers', 'test/tsconfig.json']) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(REPOSITORY, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(copy, 'node_modules'));
  const paths = {
    'tidegate/sensor': 'authors/sensor',
    'tidegate/sink': 'authors/sink',
    'tidegate/consumer': 'consumer',
    'tidegate/testing': 'authors/testing',
  };
  writeFiles(copy, {
    'tsconfig.examples.json': JSON.stringify({
      extends: './tsconfig.json',
      compilerOptions: {
        rewriteRelativeImportExtensions: false,
        paths: Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, [`./src/${path}.ts`]])),
      },
      include: ['examples/*.ts', 'sensors/handles.ts', 'test/sensors/handles.test.ts'],
      exclude: [],
    }),
  });
  return copy;
}
