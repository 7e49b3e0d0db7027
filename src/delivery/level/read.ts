/** Reading a range of a LevelDB, and getting past what cannot be read in it. */
import type { KeyRange } from '../store.ts';
import type { Database } from './database.ts';

export type Entry = [key: Buffer, value: Buffer];

/** Bytes of keys and values that one call into LevelDB brings; it starves neither memory nor the event loop. */
const CHUNK_BYTES = 1 << 20;
const CHUNK_ENTRIES = 1000;

export interface Limits {
  readonly max: number;
  readonly maxBytes: number;
}

/** Collects up to a limit; says when it is reached. */
class Collector {
  readonly entries: Entry[] = [];
  #bytes = 0;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get left(): number {
    return this.#limits.max - this.entries.length;
  }

  /** False when the entry has no room any more. */
  add(entry: Entry): boolean {
    if (this.left <= 0) return false;
    this.#bytes += entry[1].length;
    if (this.#bytes > this.#limits.maxBytes && this.entries.length > 0) return false;
    this.entries.push(entry);
    return true;
  }
}

/**
 * The entries of a range. LevelDB itself goes on behind a block that it cannot read and says so when it has come to the end of the range:
 * then the call that meets the end fails, and what it had found is lost with it. `step` entries are asked for at a time; with 1 nothing
 * is lost but what cannot be read, and `failed` hears why.
 */
async function collect(
  database: Database,
  { from, to }: KeyRange,
  limits: Limits,
  step: number,
  failed?: (error: unknown) => void,
): Promise<Entry[]> {
  const found = new Collector(limits);
  if (Buffer.compare(from, to) >= 0 || found.left <= 0) return found.entries;
  // Bytes are looked at one chunk at a time, so a chunk is no larger than what is wanted.
  const highWaterMarkBytes = Math.min(CHUNK_BYTES, limits.maxBytes);
  const iterator = database.iterator({ gte: from, lt: to, fillCache: false, highWaterMarkBytes });
  try {
    for (;;) {
      const chunk = await iterator.nextv(Math.min(found.left, step));
      if (chunk.length === 0) return found.entries;
      for (const entry of chunk) if (!found.add(entry)) return found.entries;
      if (found.left <= 0) return found.entries;
    }
  } catch (error) {
    if (!failed) throw error;
    failed(error);
    return found.entries;
  } finally {
    // An open iterator keeps every file that it might read.
    await iterator.close();
  }
}

export async function readRange(database: Database, range: KeyRange, limits: Limits): Promise<Entry[]> {
  return await collect(database, range, limits, CHUNK_ENTRIES);
}

/** As `readRange`, without what cannot be read; `failed` hears why. */
export async function readPast(
  database: Database,
  range: KeyRange,
  limits: Limits,
  failed: (error: unknown) => void,
): Promise<Entry[]> {
  return await collect(database, range, limits, 1, failed);
}

export async function lastKey(database: Database, { from, to }: KeyRange): Promise<Buffer | undefined> {
  if (Buffer.compare(from, to) >= 0) return undefined;
  const iterator = database.keys({ gte: from, lt: to, reverse: true, limit: 1, fillCache: false });
  try {
    return await iterator.next();
  } finally {
    await iterator.close();
  }
}
