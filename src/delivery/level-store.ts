/**
 * The spool's store on LevelDB, one folder a sink. What may grow is limited: one operation at a time (besides one compaction), 256 KiB of
 * entries on their way from LevelDB, two write buffers of 1 MiB, 64 mapped tables, three folders of damaged files.
 *
 *   open ──▶ closed                     `close`
 *     │ ▲
 *     ▼ │
 *    shut                               an error of LevelDB's is for good until it is opened anew: every operation tries that first
 *
 * What a write that failed has left behind is not known before the database was opened again. So it is, before anything else is taken.
 */
import { describe } from '../errors.ts';
import { free } from '../free.ts';
import { applyChanges, type Database, openDatabase, shows, storeErrorOf, troubleOf } from './level/database.ts';
import { claimFolder, dataOf, freeSpace, sizeOf } from './level/folder.ts';
import { badTable, damageIn } from './level/inspect.ts';
import { takeLock } from './level/lock.ts';
import { type Entry, lastKey, lastKeyPast, readPast, readRange } from './level/read.ts';
import { Room } from './level/room.ts';
import { finishRepair, salvage } from './level/salvage.ts';
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
/** A repair while the store is open is followed by another one after this long at the earliest; opening it anew always repairs. */
const REPAIR_PAUSE_MS = 3_600_000;

export interface LevelStore extends Store {
  /**
   * Looks at every block of every table, and gives up those that are damaged, as a remark says. For a reader who found something wrong:
   * LevelDB itself may take a changed key for a right one, and hide others behind it.
   */
  check(): Promise<void>;
  /** Bytes of all files in the folder: the data, the ballast and what was set aside. */
  sizeOnDisk(): Promise<number>;
}

/** Opens the store in a folder, making it when it is not there. Throws `StoreError`. */
export async function openLevelStore(
  folder: string,
  options: LevelStoreOptions,
): Promise<OpenedStore & { readonly store: LevelStore }> {
  const remarks: string[] = [];
  const store = new Leveled(folder, options);
  await store.open((remark) => remarks.push(remark));
  return { store, remarks };
}

class Leveled implements LevelStore {
  readonly #folder: string;
  readonly #room: Room;
  readonly #onRemark: (remark: string) => void;
  #lock: Database | undefined;
  #database: Database | undefined;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();
  #compacting: Promise<unknown> = Promise.resolve();
  /** The batch that was written last: its buffers are kept until the next one. */
  #acknowledged: readonly Change[] = [];
  #repairedAt: number | undefined;

  constructor(folder: string, { minFree, ballast = BALLAST_BYTES, onRemark = () => {} }: LevelStoreOptions) {
    this.#folder = folder;
    this.#room = new Room(folder, minFree, ballast);
    this.#onRemark = onRemark;
  }

  async open(remark: (text: string) => void): Promise<void> {
    try {
      await this.#withRoom(async () => {
        await claimFolder(this.#folder);
        this.#lock ??= await takeLock(this.#folder);
        await finishRepair(this.#folder);
        await this.#reopen(remark);
      });
      await this.#room.keep();
    } catch (error) {
      await this.#unlock();
      throw this.#errorOf(error, 'cannot open the spool in');
    }
  }

  async write(changes: readonly Change[], sync: boolean, reserve = false): Promise<void> {
    await this.#inTurn(async () => {
      const puts = !reserve && changes.some(({ value }) => value !== undefined);
      try {
        const database = await this.#opened();
        if (puts) await this.#room.expect(changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0));
        await applyChanges(database, changes, sync);
      } catch (error) {
        if (error instanceof StoreError) throw error;
        await this.#afterFailure(error, changes, sync, puts);
      }
      for (const { value } of this.#acknowledged) if (value) free(value);
      this.#acknowledged = changes;
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
      if (trouble === 'full') await this.#room.release();
      const database = await this.#reopen(this.#onRemark, error);
      await this.#expectAcknowledged(database);
      if (await shows(database, changes)) return;
      if (trouble === 'full' && puts) throw this.#errorOf(error, doing);
      await applyChanges(database, changes, sync);
    } catch (again) {
      if (!(again instanceof StoreError)) await this.#shut();
      throw this.#errorOf(again, doing);
    }
  }

  /** What was acknowledged before a failure must have survived it; the last of it is at hand, if not. */
  async #expectAcknowledged(database: Database): Promise<void> {
    if (await shows(database, this.#acknowledged)) return;
    this.#onRemark(`the spool in ${this.#folder} had lost the batch before a failed write, and has it again`);
    await applyChanges(database, this.#acknowledged, true);
  }

  async read(range: KeyRange, max: number, maxBytes: number): Promise<Entry[]> {
    const limits = { max, maxBytes };
    return await this.#reading(
      async (database) => await readRange(database, range, limits),
      async (database) => await readPast(database, range, limits),
    );
  }

  async last(range: KeyRange): Promise<Buffer | undefined> {
    return await this.#reading(
      async (database) => await lastKey(database, range),
      async (database) => await lastKeyPast(database, range),
    );
  }

  /** Reads; after a failure repairs or opens anew, and reads what can be read. */
  async #reading<T>(read: (database: Database) => Promise<T>, past: (database: Database) => Promise<T>): Promise<T> {
    return await this.#inTurn(async () => {
      try {
        const database = await this.#opened();
        try {
          return await read(database);
        } catch (error) {
          return await this.#readAgain(error, read, past);
        }
      } catch (error) {
        throw this.#errorOf(error, 'cannot read the spool in');
      }
    });
  }

  async #readAgain<T>(
    failure: unknown,
    read: (database: Database) => Promise<T>,
    past: (database: Database) => Promise<T>,
  ): Promise<T> {
    const database = await this.#reopen(this.#onRemark, failure);
    try {
      return await read(database);
    } catch (error) {
      this.#onRemark(`some of the spool in ${this.#folder} cannot be read and is passed over: ${describe(error)}`);
      return await past(database);
    }
  }

  /** Beside everything else, because it may take long; its thread is the second one of the pool that the store has. */
  async compact({ from, to }: KeyRange): Promise<void> {
    try {
      const database = await this.#inTurn(async () => await this.#opened());
      const done = database.compactRange(from, to);
      this.#compacting = Promise.allSettled([this.#compacting, done]);
      await done;
    } catch (error) {
      throw this.#errorOf(error, 'cannot compact the spool in');
    }
  }

  async check(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        await this.#opened();
        const damage = await badTable(dataOf(this.#folder));
        if (damage !== undefined) await this.#repair(this.#onRemark, damage);
      } catch (error) {
        throw this.#errorOf(error, 'cannot check the spool in');
      }
    });
  }

  async free(): Promise<number> {
    return await freeSpace(this.#folder);
  }

  async sizeOnDisk(): Promise<number> {
    return await sizeOf(this.#folder);
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true;
      await this.#shut();
      await this.#unlock();
    });
  }

  async #unlock(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.close();
  }

  /** Does something that a full disk must not prevent: with the room of the ballast, if need be. */
  async #withRoom<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (troubleOf(error) !== 'full') throw error;
      await this.#room.release();
      return await work();
    }
  }

  /** One operation at a time: each is a thread of the process's few, and opening anew must be alone. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return await result;
  }

  async #opened(): Promise<Database> {
    if (this.#closed) throw new StoreError('broken', `the spool in ${this.#folder} is closed`);
    return this.#database ?? (await this.#withRoom(async () => await this.#reopen(this.#onRemark)));
  }

  async #shut(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await this.#compacting;
    await database?.close();
  }

  /** Opens the database anew, after a failure or at first, and repairs it before if need be. */
  async #reopen(remark: (text: string) => void, failure?: unknown): Promise<Database> {
    await this.#shut();
    const data = dataOf(this.#folder);
    let damage: string | undefined;
    if (failure !== undefined && troubleOf(failure) === 'damaged' && this.#mayRepair()) damage = describe(failure);
    damage ??= await damageIn(data);
    if (damage === undefined) {
      try {
        this.#database = await openDatabase(data);
        return this.#database;
      } catch (error) {
        if (troubleOf(error) !== 'damaged') throw error;
        damage = describe(error);
      }
    }
    return await this.#repair(remark, damage);
  }

  async #repair(remark: (text: string) => void, damage: string): Promise<Database> {
    await this.#shut();
    remark(await salvage(this.#folder, damage));
    this.#repairedAt = performance.now();
    this.#database = await openDatabase(dataOf(this.#folder));
    return this.#database;
  }

  /** Each repair sets files aside: they are not done for a disk that does not keep what is written. */
  #mayRepair(): boolean {
    return this.#repairedAt === undefined || performance.now() - this.#repairedAt > REPAIR_PAUSE_MS;
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
