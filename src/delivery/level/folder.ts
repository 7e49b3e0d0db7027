/**
 * The folder of one spool:
 *
 *   data/                    LevelDB's files; a file LOCK is LevelDB's alone: opening and closing it here would drop the lock
 *   lock/                    an empty database, open for as long as the spool is
 *   format                   the format's number, `2\n`; of 1, entries had another form (`former-entry.ts`)
 *   ballast                  room that is kept for the day on which the disk is full: without it nothing could be tidied up then
 *   data.corrupt-<UTC time>  what a repair started from, newest `ASIDE_MAX` of them
 *   data.repair              a repair in progress
 *   look-<process>-<number>  a copy made of links, for somebody who looks into the spool while nobody runs it
 */
import { mkdir, open, readdir, readFile, rename, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errno } from '../../errors.ts';
import { StoreError } from '../store.ts';

const FORMAT = 2;
/** Permissions of folders and files that are made, less the umask: events are nobody else's business. */
const FOLDER_MODE = 0o750;
export const FILE_MODE = 0o640;

export const dataOf = (folder: string): string => join(folder, 'data');

/** Runs something on a path that may not be there; undefined then. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
    return undefined;
  }
}

/** Makes the folder when it is missing, and refuses one that this release cannot read. */
export async function claimFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const file = join(folder, 'format');
  const text = await unlessMissing(readFile(file, 'utf8'));
  if (text === undefined) return await writeWhole(folder, file, `${FORMAT}\n`);
  const format = /^\d{1,9}\n?$/.test(text) ? Number(text) : Number.NaN;
  if (format > FORMAT)
    throw new StoreError(
      'newer',
      `the spool in ${folder} has format ${format}, this release of tidegate knows ${FORMAT}: run the release that wrote it, or a later one. ` +
        'The events in it are kept',
    );
  // What is no number was no format that any release wrote: the data decide.
  if (format !== FORMAT) await writeWhole(folder, file, `${FORMAT}\n`);
}

/** A file that is there with all of its text, or is not. */
async function writeWhole(folder: string, file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', FILE_MODE);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await syncFolder(folder);
}

/** What was renamed in a folder survives a power cut after this. Windows cannot, and need not. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Free space of the disk that holds a folder, for this user, in bytes. */
export async function freeSpace(folder: string): Promise<number> {
  const { bavail, bfree, frsize, bsize } = await statfs(folder);
  return Math.min(bavail, bfree) * (frsize || bsize);
}

/** Bytes on disk of all files in a folder and those below it; files that vanish meanwhile do not count. */
export async function sizeOf(folder: string): Promise<number> {
  const entries = (await unlessMissing(readdir(folder, { withFileTypes: true, recursive: true }))) ?? [];
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await unlessMissing(stat(join(entry.parentPath, entry.name))))?.size ?? 0;
  }
  return bytes;
}
