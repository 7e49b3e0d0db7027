/** What is asked of the system for files that nobody touches: nothing, but for whether the folders are still where they were. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFiles } from '../../src/files/open.ts';
import { options } from '../../src/files/options.ts';
import { Host } from '../../src/host.ts';
import { FakeClock } from '../clock.ts';
import { sensorContext } from '../support.ts';
import { folder } from './setup.ts';

test('that the folder above them was moved is found within ten seconds', async () => {
  const root = folder();
  const base = join(root, 'above/base');
  mkdirSync(base, { recursive: true });
  writeFileSync(join(base, 'a'), 'x');
  const clock = new FakeClock();
  const sampler = await openFiles(new Host(), options.parse({ paths: [base] }), sensorContext(), clock);
  const kinds = async (): Promise<string[]> => (await sampler.sample(0)).changes.map(({ kind }) => kind);
  await clock.advance(10_000);
  expect(await kinds()).toEqual([]);
  renameSync(join(root, 'above'), join(root, 'elsewhere'));
  await clock.advance(9000);
  expect(await kinds()).toEqual([]);
  await clock.advance(1000);
  expect(await kinds()).toEqual(['deleted']);
  renameSync(join(root, 'elsewhere'), join(root, 'above'));
  expect(await kinds()).toEqual(['created']);
  await sampler.close();
});

test('a sample of files that nobody touched is of its round, and what happened to them is in the next', async () => {
  const base = join(folder(), 'base');
  mkdirSync(base);
  writeFileSync(join(base, 'a'), 'x');
  const sampler = await openFiles(new Host(), options.parse({ paths: [base] }), sensorContext(), new FakeClock());
  for (let i = 0; i < 3; i++) expect(sampler.sample(i)).toMatchObject({ changes: [], totals: [{ count: 1, size: 1 }] });
  writeFileSync(join(base, 'b'), 'two');
  // inotify tells in a turn of its own.
  await expect.poll(async () => (await sampler.sample(3)).changes.map(({ kind }) => kind)).toEqual(['created']);
  const isOfItsRound = async (): Promise<boolean> => {
    const result = sampler.sample(4);
    expect(await result).toMatchObject({ totals: [{ count: 2, size: 4 }] });
    return !(result instanceof Promise);
  };
  await expect.poll(isOfItsRound).toBe(true);
  await sampler.close();
});
