/** The sensor `files` over real files: what happens to them, how many there are, and what must not be missed. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import sensor from '../../sensors/files.ts';
import { Host } from '../../src/host.ts';
import { emitted } from '../../src/sensor.ts';
import { folder, watching } from '../files/setup.ts';
import { fixtureHost, open, rowsOf } from '../support.ts';

describe('what happens to a file', () => {
  test('created, modified, attributes, renamed, deleted: an event each, and counted', async () => {
    const root = folder();
    const at = (name: string): string => join(root, name);
    writeFileSync(at('old'), 'there before');
    const { tells, sampled, rows } = await watching(root, { paths: [root] });
    await tells();
    writeFileSync(at('a'), 'x');
    await tells(['created', 'a']);
    appendFileSync(at('a'), 'yz');
    await tells(['modified', 'a']);
    expect(rows.at(-1)).toMatchObject({ size: 3, 'size.before': 1, 'files.watch': root });
    chmodSync(at('a'), 0o600);
    await tells(['attributes', 'a']);
    renameSync(at('a'), at('b'));
    await tells(['renamed', 'b', 'a']);
    unlinkSync(at('b'));
    await tells(['deleted', 'b']);
    const counts = rowsOf(await sampled(), 'files.changes').map((row) => [row['files.change'], row['count']]);
    expect(counts).toEqual([
      ['created', 1],
      ['modified', 1],
      ['deleted', 1],
      ['renamed', 1],
      ['attributes', 1],
    ]);
  });

  test('an editor that renames over it has modified it, and goes on being seen', async () => {
    const root = folder();
    const file = join(root, 'settings');
    writeFileSync(file, 'one');
    const { tells } = await watching(root, { paths: [file] });
    for (const text of ['two', 'three']) {
      writeFileSync(join(root, '.settings.tmp'), text);
      renameSync(join(root, '.settings.tmp'), file);
      await tells(['modified', 'settings']);
    }
    appendFileSync(file, '!');
    await tells(['modified', 'settings']);
  });

  test('logs that rotate are renamed, each of them, and the new one is created', async () => {
    const root = folder();
    const at = (name: string): string => join(root, name);
    writeFileSync(at('app.log'), 'new');
    writeFileSync(at('app.log.1'), 'old');
    const { tells } = await watching(root, { paths: [join(root, 'app.log*')] });
    renameSync(at('app.log.1'), at('app.log.2'));
    renameSync(at('app.log'), at('app.log.1'));
    writeFileSync(at('app.log'), '');
    await tells(['renamed', 'app.log.2', 'app.log.1'], ['renamed', 'app.log.1', 'app.log'], ['created', 'app.log']);
  });

  test('one that goes from one watched folder to another is renamed; from outside it is created, and to outside deleted', async () => {
    const root = folder();
    const at = (name: string): string => join(root, name);
    for (const name of ['from', 'to', 'outside']) mkdirSync(at(name));
    writeFileSync(at('from/a'), 'a');
    const { tells } = await watching(root, { paths: [at('from'), at('to')] });
    renameSync(at('from/a'), at('to/b'));
    await tells(['renamed', 'to/b', 'from/a']);
    renameSync(at('to/b'), at('outside/b'));
    await tells(['deleted', 'to/b']);
    renameSync(at('outside/b'), at('from/a'));
    await tells(['created', 'from/a']);
  });

  test('one that was deleted and another that came are two, whatever the number of the inode', async () => {
    const root = folder();
    writeFileSync(join(root, 'a'), 'a');
    const { tells } = await watching(root, { paths: [root] });
    unlinkSync(join(root, 'a'));
    writeFileSync(join(root, 'b'), 'b');
    await tells(['deleted', 'a'], ['created', 'b']);
  });

  test('a second name is a file that was created, and a link is not followed', async () => {
    const root = folder();
    writeFileSync(join(root, 'a'), 'a');
    const { tells } = await watching(root, { paths: [root] });
    linkSync(join(root, 'a'), join(root, 'b'));
    symlinkSync('/', join(root, 'c'));
    await tells(['created', 'b'], ['created', 'c']);
  });

  test('with a checksum, unless it is too large', async () => {
    const root = folder();
    const { tells, rows } = await watching(root, { paths: [root], checksum: 'sha256', checksum_max: '1KiB' });
    writeFileSync(join(root, 'small'), 'abc');
    writeFileSync(join(root, 'large'), Buffer.alloc(2000));
    await tells(['created', 'small'], ['created', 'large']);
    const sums = Object.fromEntries(rows.map((row) => [String(row['file.path']).slice(root.length + 1), row['file.checksum']]));
    // The example of FIPS 180-4.
    expect(sums).toEqual({ small: 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', large: '' });
  });
});

describe('which files', () => {
  test('those of patterns, at any depth, in folders that come later, and none that are excluded', async () => {
    const root = folder();
    const at = (name: string): string => join(root, name);
    mkdirSync(at('x'));
    const { tells } = await watching(root, { paths: [join(root, '**/*.pem')], exclude: ['*/private/*'] });
    for (const name of ['x/a.pem', 'x/a.txt', 'b.pem']) writeFileSync(at(name), '');
    await tells(['created', 'x/a.pem'], ['created', 'b.pem']);
    mkdirSync(at('y/z/private'), { recursive: true });
    writeFileSync(at('y/z/c.pem'), '');
    writeFileSync(at('y/z/private/d.pem'), '');
    await tells(['created', 'y/z/c.pem']);
    renameSync(at('y'), at('w'));
    await tells(['renamed', 'w/z/c.pem', 'y/z/c.pem']);
    appendFileSync(at('w/z/c.pem'), 'x');
    await tells(['modified', 'w/z/c.pem']);
  });

  test('those in a folder, with all below only where asked for', async () => {
    const root = folder();
    mkdirSync(join(root, 'below'));
    const [flat, deep] = [await watching(root, { paths: [root] }), await watching(root, { paths: [root], recursive: true })];
    writeFileSync(join(root, 'below/a'), '');
    writeFileSync(join(root, 'b'), '');
    await flat.tells(['created', 'b']);
    await deep.tells(['created', 'b'], ['created', 'below/a']);
  });

  test('a folder that is deleted takes its files with it, and is watched again when it is back; so is its parent', async () => {
    const root = folder();
    const watched = join(root, 'up/watched');
    mkdirSync(watched, { recursive: true });
    writeFileSync(join(watched, 'a'), '');
    const { tells } = await watching(root, { paths: [watched] });
    rmSync(watched, { recursive: true });
    await tells(['deleted', 'up/watched/a']);
    mkdirSync(watched);
    writeFileSync(join(watched, 'b'), '');
    await tells(['created', 'up/watched/b']);
    rmSync(join(root, 'up'), { recursive: true });
    await tells(['deleted', 'up/watched/b']);
    mkdirSync(watched, { recursive: true });
    writeFileSync(join(watched, 'c'), '');
    await tells(['created', 'up/watched/c']);
    appendFileSync(join(watched, 'c'), 'x');
    await tells(['modified', 'up/watched/c']);
  });

  test('one that is not there yet, be it a file or a folder', async () => {
    const root = folder();
    const later = join(root, 'later');
    const { tells, sampled } = await watching(root, { paths: [later] });
    expect(rowsOf(await sampled(), 'files')).toEqual([{ 'files.watch': later, count: 0, size: 0 }]);
    mkdirSync(later);
    writeFileSync(join(later, 'a'), '');
    await tells(['created', 'later/a']);
    rmSync(later, { recursive: true });
    await tells(['deleted', 'later/a']);
    writeFileSync(later, 'now a file');
    await tells(['created', 'later']);
  });
});

describe('counts and limits', () => {
  test('how many, how large, how old', async () => {
    const root = folder();
    writeFileSync(join(root, 'a'), 'abc');
    writeFileSync(join(root, 'b'), 'defgh');
    utimesSync(join(root, 'a'), 1000, 1000);
    utimesSync(join(root, 'b'), 1500.25, 1500.25);
    const { sampled } = await watching(root, { paths: [root, '/nowhere/at/all'] });
    expect(rowsOf(await sampled(2_000_000), 'files')).toEqual([
      { 'files.watch': root, count: 2, size: 8, 'oldest.age': 1000, 'newest.age': 499.75 },
      { 'files.watch': '/nowhere/at/all', count: 0, size: 0 },
    ]);
  });

  test('of a busy folder some changes are events and all are counted', async () => {
    const root = folder();
    const { sampled, told } = await watching(root, { paths: [root], max_events: 5 });
    for (let i = 0; i < 50; i++) writeFileSync(join(root, `f${i}`), '');
    let untold = 0;
    for (let counted = 0; counted < 50; ) {
      const tables = await sampled();
      counted = rowsOf(tables, 'files.changes').find((row) => row['files.change'] === 'created')?.['count'] as number;
      untold = rowsOf(tables, 'files.watching')[0]?.['untold'] as number;
    }
    expect(told.length + untold).toBe(50);
    expect(untold).toBeGreaterThan(0);
  });

  test('without watches of the kernel folders are listed at each sample, and that is said with what to do', async () => {
    const root = folder();
    mkdirSync(join(root, 'x'));
    const { tells, said, sampled } = await watching(root, { paths: [`${root}/**`], max_watches: 1 });
    writeFileSync(join(root, 'x/a'), '');
    await tells(['created', 'x/a']);
    expect(rowsOf(await sampled(), 'files.watching')[0]).toMatchObject({ folders: 2, watches: 1 });
    expect(said).toEqual(['watching: max_watches, 1, are not enough: the other folders are listed at each sample']);
  });

  test('more files than may be known are said', async () => {
    const root = folder();
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), '');
    const { said, sampled } = await watching(root, { paths: [root], max_files: 2 });
    expect(rowsOf(await sampled(), 'files.watching')[0]).toMatchObject({ omitted: 1 });
    expect(said).toEqual(['files: there are more than max_files, 2: 1 are not seen']);
  });

  test('with events: false there are counts alone', async () => {
    const root = folder();
    const { sampled, told } = await watching(root, { paths: [root], events: false });
    writeFileSync(join(root, 'a'), '');
    for (let counted = 0; counted < 1; )
      counted = rowsOf(await sampled(), 'files.changes').find((row) => row['files.change'] === 'created')?.['count'] as number;
    expect(told).toEqual([]);
  });
});

test('paths are those of the host, where its files are seen below another root', async () => {
  const root = folder();
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/passwd'), 'x');
  const sampler = await open(sensor, new Host({ root }), { paths: ['/etc/passwd'] });
  const tables = await sampler.sample(new AbortController().signal, 0);
  expect(tables[0]?.seal().layout.attributes).toEqual([['/etc/passwd']]);
  expect(tables[0]?.seal().values[0]).toBe(1);
  await sampler.close?.();
});

test('there is nothing to watch on a recorded machine, and options that watch nothing are refused', async () => {
  await expect(open(sensor, fixtureHost('load/recorded'), { paths: ['/etc'] })).rejects.toThrow(/recorded/);
  for (const [given, message] of [
    [{}, /nothing to watch/],
    [{ paths: ['etc'] }, /absolute/],
    [
      {
        tail: {
          a: { path: '/a', tables: { x: { fields: { a: '/a' } } } },
          b: { path: '/b', tables: { x: { fields: { a: '/a' } } } },
        },
      },
      /two tables are of the type x/,
    ],
  ] as const)
    expect(sensor.options.safeParse(given).error?.message).toMatch(message);
});

test('an instance says what its logs emit', () => {
  const given = sensor.options.parse({ tail: { a: { path: '/a', tables: { 'app.x': { fields: { a: '/a' } } } } } });
  expect(emitted(sensor, given).map(({ type }) => type)).toContain('app.x');
});
