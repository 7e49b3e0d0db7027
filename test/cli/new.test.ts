/** `tidegate new`: what it writes works at once, and overwrites nothing. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { REPOSITORY } from '../support.ts';
import { tidegate, workplace } from './process-support.ts';

const { machine, work, state } = workplace();
/** Lends this package to the test that was written, as an installation of it would. */
const lend = join(work, 'lend.mjs');
writeFileSync(
  lend,
  `import { lendPackages } from ${JSON.stringify(pathToFileURL(join(REPOSITORY, 'src/plugin/hooks.ts')).href)};\nlendPackages();\n`,
);

describe.each([
  ['sensor', 'sea_level'],
  ['sink', 'shore'],
])('a new %s', (kind, name) => {
  test('has a test that passes, and is listed', async () => {
    const made = await tidegate(['new', kind, name], { cwd: work });
    expect([made.code, made.err]).toEqual([0, '']);
    expect(made.out).toContain(`wrote plugins/test/${name}.test.ts`);
    const file = join('plugins', 'test', `${name}.test.ts`);
    const { status, stdout } = spawnSync(process.execPath, ['--import', lend, '--test', file], { cwd: work, encoding: 'utf8' });
    expect(stdout).toMatch(/pass 2\b/);
    expect(status).toBe(0);
    const listed = await tidegate([`${kind}s`, '--plugins', 'plugins'], { cwd: work });
    expect(listed.out).toMatch(new RegExp(`\\b${name}\\b`));
  });

  test('is never written over another', async () => {
    const path = join(work, 'plugins', `${kind}s`, `${name}.ts`);
    const before = readFileSync(path, 'utf8');
    const again = await tidegate(['new', kind, name], { cwd: work });
    expect([again.code, again.err]).toEqual([73, expect.stringContaining('is there already')]);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });
});

test('a new sensor is sampled by `once`', async () => {
  const once = await tidegate(
    ['once', 'sea_level', '--host', machine, '--plugins', 'plugins', '--state', state, '--format', 'json'],
    {
      cwd: work,
    },
  );
  expect([once.code, once.err]).toEqual([0, '']);
  expect(JSON.parse(once.out)).toMatchObject({ sensor: 'sea_level', type: 'own.sea_level', rows: 2 });
});

test.each([
  ['Sea', 'cannot be the name of a sensor'],
  ['cpu', 'there is a sensor "cpu" already'],
])('%s is no name of a new sensor', async (name, why) => {
  const refused = await tidegate(['new', 'sensor', name], { cwd: work });
  expect([refused.code, refused.err]).toEqual([64, expect.stringContaining(why)]);
});
