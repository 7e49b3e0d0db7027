/** One opened LevelDB, and what its errors mean. Nothing here opens twice, repairs or retries. */
import type { Level } from 'level';
import { describe, errno } from '../../errors.ts';
import { type Change, StoreError } from '../store.ts';

/** What `level` is on a real disk, and its types leave out because a browser has none. */
interface OnDisk {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}
export type Database = Level<Buffer, Buffer> & OnDisk;

/**
 * Sizes in bytes, as LevelDB takes them. Two write buffers may be in memory at once; each is a log of that size on disk and a table
 * later. LevelDB maps its tables into memory and keeps 64 of them, and what of them was read counts as memory of the process: so they are
 * small. Compressed, telemetry takes a third of the disk for a fifth more CPU; larger blocks take both a little down (bench/RESULTS.md).
 */
const OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  writeBufferSize: 1 << 20,
  maxFileSize: 1 << 20,
  blockSize: 16 << 10,
  cacheSize: 1 << 20,
  maxOpenFiles: 64,
  compression: true,
} as const;

/**
 * What a failure asks for.
 *   locked    another process has it
 *   full      room on the disk
 *   refused   the operator: permissions, a read-only disk, too many open files; nothing is wrong with the files
 *   damaged   a repair: files are missing, cut or hold something else
 *   failed    anything else: opening it anew may help
 */
export type Trouble = 'locked' | 'full' | 'refused' | 'damaged' | 'failed';

/** LevelDB passes on the text of the errno, not its name. */
const TEXTS: readonly [Trouble, RegExp][] = [
  ['full', /No space left on device|Disk quota exceeded|File too large|not enough space on the disk/i],
  ['refused', /Permission denied|Operation not permitted|Read-only file system|Too many open files|Access is denied/i],
  ['damaged', /Corruption|Invalid argument|No such file or directory|Input\/output error|cannot find the file|Is a directory/i],
];

const ERRNOS: Readonly<Record<string, Trouble>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EACCES: 'refused',
  EPERM: 'refused',
  EROFS: 'refused',
  EMFILE: 'refused',
  ENFILE: 'refused',
  LEVEL_LOCKED: 'locked',
  LEVEL_CORRUPTION: 'damaged',
};

/** The innermost error that says something: classic-level wraps what failed an opening. */
export function troubleOf(error: unknown): Trouble {
  for (let e = error; e instanceof Error; e = e.cause) {
    const known = ERRNOS[errno(e) ?? ''];
    if (known) return known;
  }
  const text = describe(error);
  return TEXTS.find(([, pattern]) => pattern.test(text))?.[0] ?? 'failed';
}

/** Loaded when a spool is opened: a service without a broker has no use for it. */
const load = async () => await import('level');

export async function openDatabase(path: string): Promise<Database> {
  const { Level } = await load();
  const database = new Level<Buffer, Buffer>(path, OPTIONS) as Database;
  try {
    await database.open();
    return database;
  } catch (error) {
    await database.close().catch(() => {});
    throw error;
  }
}

/** Makes of the files in a folder a database again, of whatever can be read. Moves what it could not use to `lost/` in it. */
export async function repairDatabase(path: string): Promise<void> {
  const { Level } = await load();
  await (Level as unknown as { repair(path: string): Promise<void> }).repair(path);
}

/** Those that something was written to since they were opened. */
const written = new WeakSet<Database>();

export async function applyChanges(database: Database, changes: readonly Change[], sync: boolean): Promise<void> {
  // Chained, because LevelDB's binding looks up each member of an array's operations by its name, which takes longer than all else in it.
  const batch = database.batch();
  for (const { key, value } of changes) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write({ sync });
  if (changes.some(({ value }) => value !== undefined)) written.add(database);
}

/** Whether something was written since it was opened, which can be read, whatever is wrong with what was there before. */
export const hasPut = (database: Database): boolean => written.has(database);

/** Whether the database is as if these changes had just been made. */
export async function shows(database: Database, changes: readonly Change[]): Promise<boolean> {
  const last = new Map(changes.map((change) => [change.key.toString('latin1'), change]));
  const wanted = [...last.values()];
  const found: readonly (Buffer | undefined)[] = await database.getMany(
    wanted.map(({ key }) => key),
    { fillCache: false },
  );
  return wanted.every(({ value }, i) => (value === undefined ? found[i] === undefined : found[i]?.equals(value) === true));
}

/** A failure as the contract has it; `doing` says what was tried, and on which folder. */
export function storeErrorOf(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const said = `${doing}: ${describe(error)}`;
  switch (troubleOf(error)) {
    case 'full':
      return new StoreError('full', `${said}. Make room on its disk`, { cause: error });
    case 'refused':
      return new StoreError(
        'broken',
        `${said}. Give this user the right to read and write everything in it; nothing was changed`,
        {
          cause: error,
        },
      );
    case 'locked':
    case 'damaged':
    case 'failed':
      return new StoreError('broken', said, { cause: error });
  }
}
