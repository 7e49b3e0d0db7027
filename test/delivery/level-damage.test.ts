/** A spool whose files were cut, changed, removed or made unreadable: it opens, keeps what is intact, says what it set aside. */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type LevelStore, openLevelStore } from '../../src/delivery/level-store.ts';
import { temporaryFolder } from '../temporary.ts';
import { del, key, numberOf, numbers, PLENTY, put, puts, range, upTo } from './disk-keys.ts';

const place = temporaryFolder();
const template = join(place, 'template');
const COUNT = 6000;
/** What is lost with a table, or with a log, is less. */
const TABLE = 2500;
const BLOCK = 50;
let folders = 0;

/** About 1 KB that hardly compresses, so that there are several tables. */
function valueOf(n: number): Buffer {
  const bytes = Buffer.alloc(1000);
  for (let i = 0, state = n + 1; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = 32 + (state >>> 26);
  }
  return bytes;
}

beforeAll(async () => {
  const { store } = await openLevelStore(template, { minFree: 0, ballast: 0 });
  for (let n = 0; n < COUNT; n += 50)
    await store.write(
      upTo(n, n + 50).map((i) => put(i, valueOf(i))),
      false,
    );
  await store.close();
});

interface Spool {
  readonly folder: string;
  readonly data: string;
  readonly remarks: string[];
  open(): Promise<LevelStore>;
}

function spool(): Spool {
  const folder = join(place, `spool-${++folders}`);
  cpSync(template, folder, { recursive: true });
  const remarks: string[] = [];
  return {
    folder,
    data: join(folder, 'data'),
    remarks,
    async open() {
      const opened = await openLevelStore(folder, { minFree: 0, ballast: 0, onRemark: (remark) => remarks.push(remark) });
      onTestFinished(async () => await opened.store.close());
      remarks.push(...opened.remarks);
      return opened.store;
    },
  };
}

const files = (data: string, end: string): string[] =>
  readdirSync(data)
    .filter((name) => name.endsWith(end) || name.startsWith(end))
    .sort((a, b) => statSync(join(data, b)).size - statSync(join(data, a)).size)
    .map((name) => join(data, name));
const largest = (data: string, end: string): string => files(data, end)[0] as string;
const asides = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('data.corrupt-'));

/** Changes bytes of a file, at a place between 0 (its start) and 1. */
function flip(file: string, at: number, bytes = 1): void {
  const content = readFileSync(file);
  const from = Math.min(content.length - bytes, Math.floor(at * content.length));
  for (let i = from; i < from + bytes; i++) content[i] = (content[i] as number) ^ 0x55;
  writeFileSync(file, content);
}

/** Entries that are not what was written. */
async function wrongEntries(store: LevelStore): Promise<number[]> {
  const entries = await store.read(range(0, 1e9), PLENTY, PLENTY);
  return entries.filter(([k, value]) => !value.equals(valueOf(numberOf(k)))).map(([k]) => numberOf(k));
}

/** What was done to the files, what of them at least is kept, and what is said. */
const DAMAGE: [string, (data: string) => void, number, RegExp][] = [
  ['CURRENT removed', (data) => rmSync(join(data, 'CURRENT')), COUNT, /CURRENT is missing/],
  ['CURRENT emptied', (data) => truncateSync(join(data, 'CURRENT'), 0), COUNT, /CURRENT names no manifest/],
  [
    'CURRENT naming what is not there',
    (data) => writeFileSync(join(data, 'CURRENT'), 'MANIFEST-000099\n'),
    COUNT,
    /MANIFEST-000099 is missing/,
  ],
  ['the manifest removed', (data) => rmSync(largest(data, 'MANIFEST')), COUNT, /MANIFEST-\d+ is missing/],
  ['the manifest emptied', (data) => truncateSync(largest(data, 'MANIFEST'), 0), COUNT, /MANIFEST-\d+ is empty/],
  [
    'the manifest cut',
    (data) => truncateSync(largest(data, 'MANIFEST'), statSync(largest(data, 'MANIFEST')).size - 9),
    COUNT,
    /MANIFEST-\d+ is torn/,
  ],
  ['the manifest changed', (data) => flip(largest(data, 'MANIFEST'), 0.5), COUNT, /MANIFEST-\d+ is damaged/],
  ['a table removed', (data) => rmSync(largest(data, '.ldb')), COUNT - TABLE, /table \d+ is missing/],
  ['a table cut', (data) => truncateSync(largest(data, '.ldb'), 200_000), COUNT - TABLE, /\.ldb is damaged/],
  ['a table emptied', (data) => truncateSync(largest(data, '.ldb'), 0), COUNT - TABLE, /\.ldb is damaged/],
  ["a table's index changed", (data) => flip(largest(data, '.ldb'), 0.9995, 20), COUNT - TABLE, /\.ldb is damaged/],
  ['every table removed', (data) => files(data, '.ldb').forEach((file) => rmSync(file)), 1, /table \d+ is missing/],
  ['a log removed', (data) => rmSync(largest(data, '.log')), COUNT - TABLE, /log \d+ is missing/],
  ['a log changed', (data) => flip(largest(data, '.log'), 0.3), COUNT - 50, /\.log is damaged/],
  ['a log changed at its end', (data) => flip(largest(data, '.log'), 1), COUNT - 50, /\.log is damaged/],
];

describe('LevelDB: damaged files are set aside, and what is intact is kept', () => {
  it.each(DAMAGE)('%s', async (_what, damage, atLeast, said) => {
    const { folder, data, remarks, open } = spool();
    damage(data);
    const found = new Map(readdirSync(data).map((name) => [name, readFileSync(join(data, name))]));
    let store = await open();
    expect(remarks).toHaveLength(1);
    expect(remarks[0]).toMatch(said);
    const [aside, ...others] = asides(folder);
    expect(others).toEqual([]);
    expect(remarks[0]).toContain(join(folder, aside as string));
    for (const [name, bytes] of found) expect(readFileSync(join(folder, aside as string, name)).equals(bytes), name).toBe(true);
    const kept = await numbers(store, 0, 1e9);
    expect(kept.length).toBeGreaterThanOrEqual(atLeast);
    expect(await wrongEntries(store)).toEqual([]);

    await store.write(puts(COUNT, COUNT + 10), true);
    await store.close();
    store = await open();
    expect(remarks).toHaveLength(1);
    expect(await numbers(store, 0, 1e9)).toEqual([...kept, ...upTo(COUNT, COUNT + 10)]);
  });

  it('a log that a kill or a power cut tore is nothing to speak of', async () => {
    const { data, folder, remarks, open } = spool();
    const log = largest(data, '.log');
    truncateSync(log, statSync(log).size - 300);
    expect((await numbers(await open(), 0, 1e9)).length).toBe(COUNT - 50);
    expect([remarks, asides(folder)]).toEqual([[], []]);
  });

  it('a folder without its data begins anew', async () => {
    const { data, remarks, open } = spool();
    rmSync(data, { recursive: true });
    expect(await numbers(await open(), 0, 1e9)).toEqual([]);
    expect(remarks).toEqual([]);
  });

  it('keeps the last three of what was set aside', async () => {
    const { data, folder, open } = spool();
    const all: string[] = [];
    for (let n = 0; n < 5; n++) {
      rmSync(join(data, 'CURRENT'));
      const store = await open();
      expect(await numbers(store, 0, 1e9)).toHaveLength(COUNT);
      await store.close();
      all.push(...asides(folder).filter((name) => !all.includes(name)));
    }
    expect(all).toHaveLength(5);
    expect(asides(folder)).toEqual(all.slice(-3));
  });

  it('a repair that was killed is done again, or ended', async () => {
    const { data, folder, remarks, open } = spool();
    cpSync(data, join(folder, 'data.repair'), { recursive: true });
    await (await open()).close();
    expect(existsSync(join(folder, 'data.repair'))).toBe(false);
    cpSync(data, join(folder, 'data.repair'), { recursive: true });
    rmSync(data, { recursive: true });
    expect(await numbers(await open(), 0, 1e9)).toHaveLength(COUNT);
    expect(remarks).toEqual([]);
  });

  it('is not damaged where permissions are in the way, and nothing is changed', async () => {
    const { data, folder, open } = spool();
    const table = largest(data, '.ldb');
    const asNobody = process.getuid?.() === 0;
    chmodSync(table, 0);
    if (asNobody) for (const path of [place, folder, data, join(folder, 'lock')]) chmodSync(path, 0o777);
    if (asNobody)
      for (const path of [...files(data, ''), ...files(join(folder, 'lock'), ''), join(folder, 'format')])
        if (path !== table) chmodSync(path, 0o666);
    const before = readdirSync(data);
    try {
      if (asNobody) process.seteuid?.(65_534);
      await expect(openLevelStore(folder, { minFree: 0 })).rejects.toMatchObject({
        code: 'broken',
        message: expect.stringContaining('Give this user the right'),
      });
    } finally {
      if (asNobody) process.seteuid?.(0);
    }
    expect(readdirSync(data)).toEqual(before);
    expect(asides(folder)).toEqual([]);
    chmodSync(table, 0o640);
    expect(await numbers(await open(), 0, 1e9)).toHaveLength(COUNT);
  });
});

describe('LevelDB: a block that cannot be read', () => {
  /** Makes a block unreadable for LevelDB: how it is compressed is what no block says. */
  async function broken(): Promise<Spool & { readonly store: LevelStore }> {
    const one = spool();
    const table = largest(one.data, '.ldb');
    const { badBlocks, condemn } = await import('../../src/delivery/level/table-file.ts');
    flip(table, 0.5);
    const bad = await badBlocks(table);
    expect(bad).toHaveLength(1);
    condemn(table, bad);
    const store = await one.open();
    expect(one.remarks).toEqual([]);
    return { ...one, store };
  }

  it.each([
    ['at once', PLENTY, PLENTY],
    ['by number', 500, PLENTY],
    ['by bytes', PLENTY, 100_000],
    ['one by one', 1, PLENTY],
  ])('costs its entries and is said, read %s', async (_how, max, maxBytes) => {
    const { store, folder, remarks } = await broken();
    const found: number[] = [];
    for (let from = 0; ; from = (found.at(-1) as number) + 1) {
      const some = await numbers(store, from, 1e9, max, maxBytes);
      if (some.length === 0) break;
      found.push(...some);
    }
    expect(found.length).toBeLessThan(COUNT);
    expect(found.length).toBeGreaterThan(COUNT - BLOCK);
    expect(new Set(found).size).toBe(found.length);
    expect(remarks).toHaveLength(1);
    expect(remarks[0]).toContain(join(folder, asides(folder)[0] as string));
    await store.close();
    expect(
      await openLevelStore(folder, { minFree: 0 }).then(async ({ store: again, remarks: said }) => {
        await again.close();
        return said;
      }),
    ).toEqual([]);
  });

  it('is noticed by a compaction, after which LevelDB refuses every write: the store does not', async () => {
    const { store, remarks } = await broken();
    await store.write(upTo(0, 5000).map(del), false);
    await store.compact(range(0, COUNT));
    await store.write(puts(COUNT, COUNT + 5), true);
    expect(remarks).toHaveLength(1);
    expect(await numbers(store, 0, 1e9)).toEqual(upTo(5000, COUNT + 5));
  });

  it('does not hide that it held the last key', async () => {
    const { store, remarks } = await broken();
    const bad = (await numbers(store, 0, 1e9)).findIndex((n, i) => n !== i);
    expect(bad).toBeGreaterThan(0);
    expect(remarks).toHaveLength(1);
    expect(await store.last(range(0, bad + 3))).toEqual(key(bad - 1));
  });

  it('is found by the search for a last key', async () => {
    const { store, folder, remarks } = await broken();
    for (let n = 10; n < COUNT && remarks.length === 0; n += 10) await store.last(range(0, n));
    expect(remarks).toHaveLength(1);
    expect(asides(folder)).toHaveLength(1);
  });

  it('whose bytes were changed unnoticed is given up when it is checked', async () => {
    const { data, folder, remarks, open } = spool();
    flip(largest(data, '.ldb'), 0.5);
    const store = await open();
    expect(remarks).toEqual([]);
    await store.check();
    expect(remarks).toHaveLength(1);
    expect(remarks[0]).toMatch(/ 1 blocks with wrong checksums/);
    expect(asides(folder)).toHaveLength(1);
    expect(await wrongEntries(store)).toEqual([]);
    expect((await numbers(store, 0, 1e9)).length).toBeGreaterThan(COUNT - BLOCK);
    await store.check();
    expect(remarks).toHaveLength(1);
  });
});
