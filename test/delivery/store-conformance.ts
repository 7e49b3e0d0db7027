/** What every store does, LevelDB and the simulated disk alike. */
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenedStore, Store } from '../../src/delivery/store.ts';
import { del, key, numberOf, numbers, PLENTY, put, puts, range, upTo } from './disk-keys.ts';

/** A disk that keeps its data when a store on it is closed and opened anew. */
export interface StoreFixture {
  open(): Promise<OpenedStore>;
  /** Makes the disk full, or not so; without it the tests of a full disk are left out. */
  setFull?(full: boolean): void | Promise<void>;
}

export function storeConformance(name: string, fixture: () => StoreFixture): void {
  describe(`${name}: as every store`, () => {
    const opened: Store[] = [];
    const open = async (disk: StoreFixture): Promise<Store> => {
      const { store, remarks } = await disk.open();
      expect(remarks).toEqual([]);
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    it('gives back what was written, in the order of the keys', async () => {
      const store = await open(fixture());
      await store.write([put(300), put(2), put(70_000)], false);
      await store.write([put(1), put(256)], true);
      expect(await store.read(range(0, 1e9), PLENTY, PLENTY)).toEqual(
        [1, 2, 256, 300, 70_000].map((n) => [key(n), Buffer.from(`value ${n}`)]),
      );
    });

    it('orders keys by their bytes, a shorter one first', async () => {
      const store = await open(fixture());
      const keys = ['b', 'a\xff', 'a', 'a\x00', 'aa', '\xff\xff', 'B'].map((text) => Buffer.from(text, 'latin1'));
      await store.write(
        keys.map((one) => ({ key: one, value: one })),
        false,
      );
      const found = await store.read({ from: Buffer.from('A'), to: Buffer.from([255, 255, 255]) }, PLENTY, PLENTY);
      expect(found.map(([one]) => one.toString('latin1'))).toEqual(['B', 'a', 'a\x00', 'aa', 'a\xff', 'b', '\xff\xff']);
    });

    it('reads a range with its start and without its end', async () => {
      const store = await open(fixture());
      await store.write(puts(0, 20), false);
      expect(await numbers(store, 5, 9)).toEqual([5, 6, 7, 8]);
      expect(await numbers(store, 20, 30)).toEqual([]);
      expect(await numbers(store, 5, 5)).toEqual([]);
      expect(await numbers(store, 9, 5)).toEqual([]);
    });

    it('reads up to a number of entries, and up to a number of bytes but for the first', async () => {
      const store = await open(fixture());
      await store.write(
        upTo(0, 10).map((n) => put(n, Buffer.alloc(100, n))),
        false,
      );
      expect(await numbers(store, 0, 10, 3)).toEqual([0, 1, 2]);
      expect(await numbers(store, 0, 10, 0)).toEqual([]);
      expect(await numbers(store, 2, 10, 99, 350)).toEqual([2, 3, 4]);
      expect(await numbers(store, 2, 10, 99, 300)).toEqual([2, 3, 4]);
      expect(await numbers(store, 2, 10, 99, 299)).toEqual([2, 3]);
      expect(await numbers(store, 2, 10, 99, 1)).toEqual([2]);
    });

    it('reads more entries and more bytes than it fetches at a time', async () => {
      const store = await open(fixture());
      for (let n = 0; n < 5000; n += 500) await store.write(puts(n, n + 500), false);
      await store.write(
        upTo(5000, 5040).map((n) => put(n, Buffer.alloc(100_000, n))),
        false,
      );
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(0, 5040));
      expect(await numbers(store, 4998, 1e6, PLENTY, 2_500_100)).toEqual(upTo(4998, 5025));
    });

    it('finds the last key of a range', async () => {
      const store = await open(fixture());
      expect(await store.last(range(0, 1e9))).toBeUndefined();
      await store.write([put(3), put(5), put(9)], false);
      expect(await store.last(range(0, 1e9))).toEqual(key(9));
      expect(await store.last(range(0, 9))).toEqual(key(5));
      expect(await store.last(range(4, 5))).toBeUndefined();
      expect(await store.last(range(9, 0))).toBeUndefined();
    });

    it('overwrites, deletes, and takes the last change of a key in a batch', async () => {
      const store = await open(fixture());
      await store.write(puts(0, 5), false);
      await store.write([del(0), put(1, 'new'), put(2, 'x'), del(2), del(3), put(3, 'back'), del(77)], false);
      const found = await store.read(range(0, 100), PLENTY, PLENTY);
      expect(found.map(([one, value]) => [numberOf(one), value.toString()])).toEqual([
        [1, 'new'],
        [3, 'back'],
        [4, 'value 4'],
      ]);
    });

    it('takes empty batches and empty values', async () => {
      const store = await open(fixture());
      await store.write([], true);
      await store.write([put(1, '')], true);
      expect(await store.read(range(0, 9), 9, 9)).toEqual([[key(1), Buffer.alloc(0)]]);
    });

    it('keeps everything when it is closed and opened anew', async () => {
      const disk = fixture();
      let store = await open(disk);
      await store.write(puts(0, 1000), false);
      await store.write(upTo(0, 500).map(del), false);
      await store.close();
      store = await open(disk);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(500, 1000));
      await store.write(puts(1000, 1010), true);
      expect(await store.last(range(0, 1e6))).toEqual(key(1009));
    });

    it('answers calls that were made at once in their order', async () => {
      const store = await open(fixture());
      const found: Promise<unknown>[] = [];
      for (let n = 0; n < 20; n++) {
        found.push(store.write([put(n)], n % 3 === 0));
        found.push(numbers(store, 0, 100));
        found.push(store.last(range(0, 100)));
      }
      const answers = await Promise.all(found);
      for (let n = 0; n < 20; n++) expect(answers.slice(3 * n + 1, 3 * n + 3)).toEqual([upTo(0, n + 1), key(n)]);
    });

    it('compacts whatever range, while it goes on', async () => {
      const store = await open(fixture());
      await store.write(puts(0, 2000), false);
      await store.write(upTo(0, 1900).map(del), false);
      await Promise.all([store.compact(range(0, 1900)), store.write(puts(2000, 2010), false), store.compact(range(500, 400))]);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(1900, 2010));
    });

    it('knows the free space of its disk', async () => {
      const store = await open(fixture());
      expect(await store.free()).toBeGreaterThan(0);
    });

    it('refuses everything once it is closed, and may be closed twice', async () => {
      const store = await open(fixture());
      await store.close();
      await store.close();
      await expect(store.write([put(1)], false)).rejects.toMatchObject({ name: 'StoreError', code: 'broken' });
      await expect(store.read(range(0, 9), 9, 9)).rejects.toMatchObject({ code: 'broken' });
      await expect(store.last(range(0, 9))).rejects.toMatchObject({ code: 'broken' });
    });

    it('is locked while it is open', async () => {
      const disk = fixture();
      const store = await open(disk);
      await store.write([put(1)], false);
      await expect(disk.open()).rejects.toMatchObject({ name: 'StoreError', code: 'locked' });
      await store.write([put(2)], false);
      expect(await numbers(store, 0, 9)).toEqual([1, 2]);
      await store.close();
      expect(await numbers(await open(disk), 0, 9)).toEqual([1, 2]);
    });

    it('takes nothing of a batch that the disk has no room for, still deletes, and goes on when there is room', async (context) => {
      const disk = fixture();
      if (!disk.setFull) return context.skip('this fixture cannot fill its disk');
      let store = await open(disk);
      await store.write(puts(0, 100), false);
      await disk.setFull(true);
      await expect(store.write([del(0), ...puts(100, 200)], false)).rejects.toMatchObject({ name: 'StoreError', code: 'full' });
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(0, 100));
      await store.write(upTo(0, 49).map(del), true);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(49, 100));
      await store.write([del(49), put(100)], true, true);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(50, 101));
      await disk.setFull(false);
      await store.write(puts(100, 200), false);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(50, 200));
      await store.close();
      store = await open(disk);
      expect(await numbers(store, 0, 1e6)).toEqual(upTo(50, 200));
    });
  });
}
