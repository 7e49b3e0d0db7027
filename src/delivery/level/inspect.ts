/**
 * Looks at the files of a LevelDB before it is opened, because LevelDB takes some damage for a folder that is new or in order, and then
 * deletes what it does not know of: tables when CURRENT is missing, or when the manifest has lost its end. Reads the logs, the manifest
 * and the index of each table, no events in tables.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { unlessMissing } from './folder.ts';
import { readLog } from './log-file.ts';
import { badBlocks, hasIndex } from './table-file.ts';
import { Cursor } from './varint.ts';

/** Tables looked at before others have their turn. */
const TABLES_AT_ONCE = 32;

export const isTable = (name: string): boolean => /^\d+\.(ldb|sst)$/.test(name);
export const isLog = (name: string): boolean => /^\d+\.log$/.test(name);

interface Manifest {
  /** The log that holds what is in no table yet; 0 when there is none. */
  log: number;
  /** Sizes of the tables, by number, in bytes. */
  readonly tables: Map<number, number>;
}

/** Applies an edit of the manifest (db/version_edit.cc of LevelDB 1.20). Throws `RangeError` for what is none. */
function applyEdit(manifest: Manifest, edit: Buffer): void {
  const cursor = new Cursor(edit);
  while (!cursor.atEnd) {
    const tag = cursor.number();
    if (tag === 1) cursor.bytes();
    else if (tag === 2) manifest.log = cursor.number();
    else if (tag === 3 || tag === 4 || tag === 9) cursor.number();
    else if (tag === 5) {
      cursor.number();
      cursor.bytes();
    } else if (tag === 6) {
      cursor.number();
      manifest.tables.delete(cursor.number());
    } else if (tag === 7) {
      cursor.number();
      manifest.tables.set(cursor.number(), cursor.number());
      cursor.bytes();
      cursor.bytes();
    } else throw new RangeError(`an edit has the unknown tag ${tag}`);
  }
}

async function manifestOf(data: string): Promise<Manifest | string> {
  const current = await unlessMissing(readFile(join(data, 'CURRENT'), 'latin1'));
  if (current === undefined) return 'CURRENT is missing';
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1];
  if (name === undefined) return 'CURRENT names no manifest';
  const bytes = await unlessMissing(readFile(join(data, name)));
  if (!bytes) return `${name} is missing`;
  const { records, state } = readLog(bytes);
  if (state !== 'whole') return `${name} is ${state}`;
  const manifest: Manifest = { log: 0, tables: new Map() };
  try {
    for (const record of records) applyEdit(manifest, record);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `${name} is damaged`;
  }
  return records.length === 0 ? `${name} is empty` : manifest;
}

async function damagedTable(data: string, names: readonly string[], tables: Manifest['tables']): Promise<string | undefined> {
  const files = new Map(names.filter(isTable).map((name) => [Number.parseInt(name, 10), name]));
  let looked = 0;
  for (const [number, size] of tables) {
    const name = files.get(number);
    if (name === undefined) return `table ${number} is missing`;
    if (!hasIndex(join(data, name), size)) return `${name} is damaged`;
    if (++looked % TABLES_AT_ONCE === 0) await breath();
  }
  return undefined;
}

/** Says what is wrong with the files, or nothing. Throws what keeps it from looking. */
export async function damageIn(data: string): Promise<string | undefined> {
  const names = (await unlessMissing(readdir(data))) ?? [];
  if (!names.some((name) => name === 'CURRENT' || isTable(name) || isLog(name))) return undefined;
  const manifest = await manifestOf(data);
  if (typeof manifest === 'string') return manifest;
  const logs = names.filter((name) => isLog(name) && Number.parseInt(name, 10) >= manifest.log);
  // LevelDB makes a log before its manifest names it, and deletes it after.
  if (manifest.log > 0 && !logs.some((name) => Number.parseInt(name, 10) === manifest.log))
    return `log ${manifest.log} is missing`;
  for (const name of logs) {
    if (readLog(await readFile(join(data, name))).state === 'damaged') return `${name} is damaged`;
  }
  return await damagedTable(data, names, manifest.tables);
}

/** Looks at every block of every table; the database may be open. Says which table has one that is not what was written, or nothing. */
export async function badTable(data: string): Promise<string | undefined> {
  for (const name of (await readdir(data)).filter(isTable)) {
    // LevelDB may delete it at any moment.
    const bad = await unlessMissing(badBlocks(join(data, name)));
    if (bad && bad.length > 0) return `${name} has ${bad.length} blocks with wrong checksums`;
    await breath();
  }
  return undefined;
}
