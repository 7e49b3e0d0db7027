/**
 * Reading a range of a LevelDB, and getting past what cannot be read in it.
 *
 * LevelDB passes over a block that it cannot read, and its binding asks whether it did so only when it comes to the end of the range: the
 * call that comes there fails, and what it had found is lost with it. So a read that ends before looks at its part of the range once more,
 * without taking anything; a range that ends where the reader wants to end is cheaper by a fifth. And the binding keeps what the last call
 * found until the iterator is collected as garbage, which nobody counts: so the last call of a read finds little.
 */
import { free } from '../../free.ts';
import type { KeyRange } from '../store.ts';
import { type Database, hasPut } from './database.ts';

export type Entry = [key: Buffer, value: Buffer];

/** Bytes of keys and values that one call into LevelDB brings; its binding holds as many. It starves neither memory nor the event loop. */
const CHUNK_BYTES = 256 << 10;
const CHUNK_ENTRIES = 1000;
/** What an iterator may keep after it was closed, in bytes. */
const KEPT_BYTES = 16 << 10;

export interface Limits {
  readonly max: number;
  readonly maxBytes: number;
}

const isEmpty = ({ from, to }: KeyRange): boolean => Buffer.compare(from, to) >= 0;

/** The entries of a range. Throws when LevelDB passed over some of them. */
export async function readRange(database: Database, range: KeyRange, limits: Limits): Promise<Entry[]> {
  const { entries, cut } = await collect(database, range, limits, CHUNK_ENTRIES);
  const last = entries.at(-1);
  if (cut && last) await expectReadable(database, { from: range.from, to: last[0] });
  return entries;
}

/** As `readRange`, without what cannot be read. Entry by entry, so that no call that fails had found anything. */
export async function readPast(database: Database, range: KeyRange, limits: Limits): Promise<Entry[]> {
  return (await collect(database, range, limits, 1)).entries;
}

/** The last key of a range. Throws when LevelDB passed over one behind it. */
export async function lastKey(database: Database, range: KeyRange): Promise<Buffer | undefined> {
  const key = await lastKeyPast(database, range);
  if (!isEmpty(range)) await expectReadable(database, { from: key ?? range.from, to: range.to });
  return key;
}

/** The last key of a range that can be read. */
export async function lastKeyPast(database: Database, range: KeyRange): Promise<Buffer | undefined> {
  if (isEmpty(range)) return undefined;
  const iterator = database.keys({ gte: range.from, lt: range.to, reverse: true, fillCache: false });
  try {
    return (await iterator.nextv(1))[0];
  } finally {
    await iterator.close();
  }
}

/** Throws when something in a range cannot be read. Nothing is brought over from LevelDB. */
async function expectReadable(database: Database, { from, to }: KeyRange): Promise<void> {
  const iterator = database.iterator({ gte: from, lt: to, keys: false, values: false, fillCache: false });
  try {
    await iterator.nextv(1);
  } finally {
    await iterator.close();
  }
}

/**
 * Takes entries until the range ends, or a limit is reached before: then it is `cut`. `step` entries are asked for at a time; with 1, an
 * error is the end like any other.
 */
async function collect(
  database: Database,
  range: KeyRange,
  { max, maxBytes }: Limits,
  step: number,
): Promise<{ entries: Entry[]; cut: boolean }> {
  const entries: Entry[] = [];
  if (isEmpty(range) || max <= 0) return { entries, cut: false };
  // The first entry may be larger; what is behind it is not brought over in vain.
  const highWaterMarkBytes = Math.max(1, Math.min(CHUNK_BYTES, maxBytes));
  const iterator = database.iterator({ gte: range.from, lt: range.to, fillCache: false, highWaterMarkBytes });
  let [bytes, kept] = [0, 0];
  try {
    for (;;) {
      // One more than is wanted says whether the range ends here.
      const chunk = await iterator.nextv(Math.max(1, Math.min(max - entries.length, step)));
      if (chunk.length === 0) break;
      kept = chunk.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      for (const [i, entry] of chunk.entries()) {
        bytes += entry[1].length;
        if (entries.length >= max || (bytes > maxBytes && entries.length > 0)) {
          for (const [, value] of chunk.slice(i)) free(value);
          return { entries, cut: true };
        }
        entries.push(entry);
      }
      // Whatever is next would be too much.
      if (bytes >= maxBytes) return { entries, cut: true };
    }
  } catch (error) {
    if (step > 1) throw error;
  } finally {
    // Closed at once: an open iterator keeps every file that it might read.
    if (kept > KEPT_BYTES && hasPut(database)) await forget(iterator, range.to);
    await iterator.close();
  }
  return { entries, cut: false };
}

/**
 * Makes an iterator forget what its last call found: at the end of its range there is nothing to find. LevelDB goes there by the last key of
 * all, and ends the process when it can read none: so only where one was written since it was opened.
 */
async function forget(iterator: ReturnType<Database['iterator']>, end: Buffer): Promise<void> {
  try {
    iterator.seek(end);
    await iterator.nextv(1);
  } catch {
    // What it has to say was heard, or does not matter: it is about to be closed.
  }
}
