/**
 * The spool's store on LevelDB, one folder a sink. What may grow is limited: one operation at a time (besides one compaction), about 1 MiB
 * of entries on their way from LevelDB, two write buffers of 2 MiB, 64 mapped tables, three folders of damaged files.
 *
 *   open ──▶ closed                     `close`
 *     │ ▲
 *     ▼ │
 *    shut                               an error of LevelDB's is for good until it is opened anew: every operation tries that first
 *
 * What a write that failed has left behind is not known before the database was opened again. So it is, before anything else is taken.
 */
import { describe } from '../errors.ts';
import { applyChanges, type Database, openDatabase, shows, storeErrorOf, type Trouble, troubleOf } from './level/database.ts';
import { Ballast, claimFolder, dataOf, freeSpace, sizeOf } from './level/folder.ts';
import { type Entry, lastKey, readPast, readRange } from './level/read.ts';
import { finishRepair, hasLostItsWay, salvage } from './level/salvage.ts';
import { type Change, type KeyRange, type OpenedStore, type Store, StoreError } from './store.ts';

export interface LevelStoreOptions {
  /** Free space of the disk that writing leaves alone, in bytes. Deleting may go below. */
  readonly minFree: number;
  /** Size of the ballast, in bytes (default 4 MiB; 0 for none). */
  readonly ballast?: number;
  /** Hears what was repaired or given up after the opening, as sentences for the log. */
  readonly onRemark?: (remark: string) => void;
}

const BALLAST_BYTES = 4 << 20;
/** Free space is asked for again after this many bytes, or this long, whatever comes first. */
const FREE_CHECK_BYTES = 16 << 20;
const FREE_CHECK_MS = 1000;

/** Opens the store in a folder, making it when it is not there. Throws `StoreError`. */
export async function openLevelStore(folder: string, options: LevelStoreOptions): Promise<OpenedStore> {
  const remarks: string[] = [];
  const store = new LevelStore(folder, options);
  await store.open((remark) => remarks.push(remark));
  return { store, remarks };
}

class LevelStore implements Store {
  readonly #folder: string;
  readonly #minFree: number;
  readonly #ballast: Ballast;
  readonly #onRemark: (remark: string) => void;
  #database: Database | undefined;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();
  #compacting: Promise<void> = Promise.resolve();
  /** Bytes that may be written before free space is asked for again, and until when. */
  #trusted = 0;
  #trustedUntil = 0;

  constructor(folder: string, { minFree, ballast = BALLAST_BYTES, onRemark = () => {} }: LevelStoreOptions) {
    this.#folder = folder;
    this.#minFree = minFree;
    this.#ballast = new Ballast(folder, ballast);
    this.#onRemark = onRemark;
  }

  async open(remark: (text: string) => void): Promise<void> {
    try {
      await claimFolder(this.#folder);
      await finishRepair(this.#folder);
      await this.#reopen(remark);
      await this.#keepBallast(await freeSpace(this.#folder));
    } catch (error) {
      throw this.#errorOf(error, 'cannot open the spool in');
    }
  }

  async write(changes: readonly Change[], sync: boolean): Promise<void> {
    await this.#inTurn(async () => {
      const puts = changes.some(({ value }) => value !== undefined);
      try {
        const database = await this.#opened();
        if (puts) await this.#checkRoom(changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0));
        await applyChanges(database, changes, sync);
      } catch (error) {
        if (error instanceof StoreError) throw error;
        await this.#afterFailure(error, changes, sync, puts);
      }
    });
  }

  /**
   * A log whose last append failed may swallow what is appended behind it, and some errors are for good: so the database is opened anew
   * before anything else. What had been written before the failure may or may not have survived as a whole; the changes are made once more
   * unless it has, and unless it was room that was missing.
   */
  async #afterFailure(error: unknown, changes: readonly Change[], sync: boolean, puts: boolean): Promise<void> {
    const doing = 'cannot write to the spool in';
    const trouble = troubleOf(error);
    try {
      if (trouble === 'full') await this.#ballast.release();
      const database = await this.#reopen(this.#onRemark, trouble);
      if (await shows(database, changes)) return;
      if (trouble === 'full' && puts) throw this.#errorOf(error, doing);
      await applyChanges(database, changes, sync);
    } catch (again) {
      if (!(again instanceof StoreError)) await this.#shut();
      throw this.#errorOf(again, doing);
    }
  }

  async read(range: KeyRange, max: number, maxBytes: number): Promise<Entry[]> {
    return await this.#reading(
      async (database) => await readRange(database, range, { max, maxBytes }),
      async (database, failed) => await readPast(database, range, { max, maxBytes }, failed),
    );
  }

  async last(range: KeyRange): Promise<Buffer | undefined> {
    const last = async (database: Database): Promise<Buffer | undefined> => await lastKey(database, range);
    return await this.#reading(last, last);
  }

  /** Reads; after a failure repairs or opens anew, and reads again, past what still cannot be read. */
  async #reading<T>(
    read: (database: Database) => Promise<T>,
    past: (database: Database, failed: (error: unknown) => void) => Promise<T>,
  ): Promise<T> {
    return await this.#inTurn(async () => {
      const doing = 'cannot read the spool in';
      let database: Database;
      try {
        database = await this.#opened();
      } catch (error) {
        throw this.#errorOf(error, doing);
      }
      try {
        return await read(database);
      } catch (error) {
        try {
          return await past(await this.#reopen(this.#onRemark, troubleOf(error)), (skipped) =>
            this.#onRemark(`some of the spool in ${this.#folder} cannot be read and is passed over: ${describe(skipped)}`),
          );
        } catch (again) {
          throw this.#errorOf(again, doing);
        }
      }
    });
  }

  async compact({ from, to }: KeyRange): Promise<void> {
    const database = await this.#inTurn(async () => await this.#opened());
    this.#compacting = database.compactRange(from, to).catch((error) => {
      throw this.#errorOf(error, 'cannot compact the spool in');
    });
    await this.#compacting;
  }

  async free(): Promise<number> {
    return await freeSpace(this.#folder);
  }

  /** Bytes of all files in the folder: the data, the ballast and what was set aside. */
  async sizeOnDisk(): Promise<number> {
    return await sizeOf(this.#folder);
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true;
      await this.#shut();
    });
  }

  /** One operation at a time: each is a thread of the process's few, and opening anew must be alone. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return await result;
  }

  async #opened(): Promise<Database> {
    if (this.#closed) throw new StoreError('broken', `the spool in ${this.#folder} is closed`);
    return this.#database ?? (await this.#reopen(this.#onRemark));
  }

  async #shut(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await this.#compacting.catch(() => {});
    await database?.close();
  }

  async #reopen(remark: (text: string) => void, trouble?: Trouble): Promise<Database> {
    await this.#shut();
    let damage: unknown = trouble === 'damaged' ? 'a read failed' : undefined;
    if (await hasLostItsWay(this.#folder)) damage = 'the file CURRENT is missing';
    if (damage === undefined) {
      try {
        this.#database = await openDatabase(dataOf(this.#folder));
        return this.#database;
      } catch (error) {
        if (troubleOf(error) !== 'damaged') throw error;
        damage = error;
      }
    }
    const aside = await salvage(this.#folder, new Date());
    remark(
      `the spool in ${this.#folder} was damaged (${describe(damage)}): what could be read of it is kept, the files as they were are in ${aside}`,
    );
    this.#database = await openDatabase(dataOf(this.#folder));
    return this.#database;
  }

  /** Throws `full` when writing would go below the free space that is to be left. */
  async #checkRoom(bytes: number): Promise<void> {
    const now = performance.now();
    this.#trusted -= bytes;
    if (this.#trusted >= 0 && now < this.#trustedUntil) return;
    const free = await freeSpace(this.#folder);
    if (free - bytes < this.#minFree) {
      this.#trusted = 0;
      throw new StoreError(
        'full',
        `the disk of ${this.#folder} has ${free} bytes free, and min_free of the spool is ${this.#minFree}: make room on it, or lower min_free`,
      );
    }
    this.#trusted = Math.min(FREE_CHECK_BYTES, (free - this.#minFree) / 2);
    this.#trustedUntil = now + FREE_CHECK_MS;
    await this.#keepBallast(free);
  }

  /** Makes the ballast where there is room for it, and as much again. */
  async #keepBallast(free: number): Promise<void> {
    if (free - this.#minFree > 2 * this.#ballast.bytes) await this.#ballast.make();
  }

  #errorOf(error: unknown, doing: string): StoreError {
    if (troubleOf(error) === 'locked')
      return new StoreError(
        'locked',
        `the spool in ${this.#folder} is in use: another tidegate with the same state folder and a sink of the same name is running. ` +
          'Stop it, or give this one another folder with --state, or the sink another name',
        { cause: error },
      );
    return storeErrorOf(error, `${doing} ${this.#folder}`);
  }
}
