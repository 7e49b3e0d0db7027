/**
 * Opening a folder whose files are damaged. Nothing is given up: a copy made of links is repaired, the files as they were found are set
 * aside, and the repaired copy takes their place. A process that is killed anywhere in between leaves a folder that opens.
 */
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, errno } from '../../errors.ts';
import { REPAIRED_KEY } from '../keys.ts';
import { applyChanges, openDatabase, repairDatabase, troubleOf } from './database.ts';
import { dataOf, syncFolder, unlessMissing } from './folder.ts';
import { isLog, isTable } from './inspect.ts';
import { readLog, writeLog } from './log-file.ts';
import { badBlocks, condemn } from './table-file.ts';

/** Folders set aside that are kept; each may be as large as a spool. */
const ASIDE_MAX = 3;
const ASIDE = 'data.corrupt-';
const repairOf = (folder: string): string => join(folder, 'data.repair');

/** Ends what a killed process left of a repair, and of a look into the spool. */
export async function finishRepair(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names) if (isLeftLook(name)) await rm(join(folder, name), { recursive: true, force: true });
  if (!names.includes('data.repair')) return;
  // Without `data` the repair was complete: only then are the damaged files moved away.
  if (names.includes('data')) await rm(repairOf(folder), { recursive: true, force: true });
  else await rename(repairOf(folder), dataOf(folder));
}

/** A copy made of links, `look-<process>-<number>`, of a process that is no more: it keeps tables on disk that are deleted here. */
function isLeftLook(name: string): boolean {
  const [, pid] = /^look-(\d{1,10})-\d+$/.exec(name) ?? [];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return errno(error) === 'ESRCH';
  }
}

/**
 * Repairs the data of a folder that is not open, or gives it new ones where nothing can be repaired. Returns what was done, as a sentence.
 * Throws when the disk is full or the operator's permissions are in the way: then nothing was changed.
 */
export async function salvage(folder: string, damage: string): Promise<string> {
  const [data, repair] = [dataOf(folder), repairOf(folder)];
  const found = `the spool in ${folder} was damaged (${damage})`;
  await rm(repair, { recursive: true, force: true });
  await mkdir(repair);
  let kept = 'what could be read of it is kept';
  try {
    await linkAll(data, repair);
    await prepare(repair);
    await repairDatabase(repair);
    const repaired = await openDatabase(repair);
    await applyChanges(repaired, [{ key: REPAIRED_KEY, value: Buffer.from(damage) }], true);
    await repaired.close();
    // They are in what is set aside, too.
    await rm(join(repair, 'lost'), { recursive: true, force: true });
  } catch (error) {
    await rm(repair, { recursive: true, force: true });
    if (errno(error) === 'ENOENT') kept = 'its files are gone, and it begins anew';
    else if (isHopeless(error)) kept = `it could not be repaired (${describe(error)}) and begins anew`;
    else throw error;
  }
  const aside = await setAside(folder);
  if (existsSync(repair)) await rename(repair, data);
  await syncFolder(folder);
  await forgetOldest(folder);
  return `${found}: ${kept}${aside === undefined ? '' : `, and the files as they were found are in ${aside}`}`;
}

/** Neither room nor permissions would help. */
const isHopeless = (error: unknown): boolean => ['damaged', 'failed'].includes(troubleOf(error));

/** A copy of a database that is not open, made of links where the disk can. */
export async function linkAll(data: string, repair: string): Promise<void> {
  for (const entry of await readdir(data, { withFileTypes: true })) {
    // LOCK may not be touched. LOG is appended to by the repair, and says nothing that is needed.
    if (entry.isFile() && !/^LO(CK|G)/.test(entry.name)) await linkOrCopy(join(data, entry.name), join(repair, entry.name));
  }
}

/** Moves the data away; undefined when there are none. */
async function setAside(folder: string): Promise<string | undefined> {
  const time = new Date().toISOString().replace(/[-:]/g, '');
  const aside = await freeName(folder, `${ASIDE}${time}`);
  const moved = await unlessMissing(rename(dataOf(folder), aside).then(() => true));
  return moved ? aside : undefined;
}

/** LevelDB's repair takes whatever it can parse, right or wrong: what has a wrong checksum is taken out of its way. */
async function prepare(repair: string): Promise<void> {
  for (const name of await readdir(repair)) {
    const path = join(repair, name);
    if (isLog(name)) {
      const { records, state } = readLog(await readFile(path));
      if (state !== 'whole') await replace(path, async (copy) => await writeFile(copy, writeLog(records)));
    } else if (isTable(name)) {
      const bad = await badBlocks(path);
      if (bad.length > 0) {
        await replace(path, async (copy) => {
          await copyFile(path, copy);
          condemn(copy, bad);
        });
      }
    }
  }
}

/** Puts another file in the place of one that may have a second link. */
async function replace(path: string, write: (copy: string) => Promise<void>): Promise<void> {
  const copy = `${path}.new`;
  await write(copy);
  await rename(copy, path);
}

/** A second link costs no room on a full disk. LevelDB never changes a table or log that it did not begin itself. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errno(error) === 'ENOENT') return;
    await copyFile(from, to);
  }
}

async function freeName(folder: string, name: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  return join(folder, free);
}

async function forgetOldest(folder: string): Promise<void> {
  const asides = (await readdir(folder)).filter((name) => name.startsWith(ASIDE)).sort();
  for (const name of asides.slice(0, -ASIDE_MAX)) await rm(join(folder, name), { recursive: true, force: true });
}
