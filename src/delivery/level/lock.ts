/**
 * One process has a spool at a time, from before its files are looked at until it is closed, repairs included. LevelDB's own lock is held
 * only while a database is open, and Node has none to offer; so an empty database beside the data is kept open. Its lock goes with the
 * process, however that ends.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, openDatabase, troubleOf } from './database.ts';

const lockOf = (folder: string): string => join(folder, 'lock');

/** Takes the lock of a folder. Throws LevelDB's error, `locked` among others. */
export async function takeLock(folder: string): Promise<Database> {
  try {
    return await openDatabase(lockOf(folder));
  } catch (error) {
    if (troubleOf(error) !== 'damaged') throw error;
    // LevelDB had the lock before it found that. The file itself stays: without it, two could have a lock each.
    for (const name of await readdir(lockOf(folder))) {
      if (name !== 'LOCK') await rm(join(lockOf(folder), name), { recursive: true, force: true });
    }
    return await openDatabase(lockOf(folder));
  }
}
