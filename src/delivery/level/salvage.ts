/**
 * Opening a folder whose files are damaged. Nothing is given up: a copy made of links is repaired, the files as they were found are set
 * aside, and the repaired copy takes their place. A process that is killed anywhere in between leaves a folder that opens.
 */
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errno } from '../../errors.ts';
import { repairDatabase } from './database.ts';
import { dataOf, syncFolder, unlessMissing } from './folder.ts';

/** Folders set aside that are kept; each may be as large as a spool. */
export const ASIDE_MAX = 3;
const ASIDE = 'data.corrupt-';
const repairOf = (folder: string): string => join(folder, 'data.repair');

/** Ends what a killed process left of a repair. */
export async function finishRepair(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (!names.includes('data.repair')) return;
  // Without `data` the repair was complete: only then are the damaged files moved away.
  if (names.includes('data')) await rm(repairOf(folder), { recursive: true, force: true });
  else await rename(repairOf(folder), dataOf(folder));
}

/** Repairs the data of a folder that is not open. Returns where the files are now that were damaged. */
export async function salvage(folder: string, now: Date): Promise<string> {
  const [data, repair] = [dataOf(folder), repairOf(folder)];
  await rm(repair, { recursive: true, force: true });
  await mkdir(repair);
  for (const entry of await readdir(data, { withFileTypes: true })) {
    // LOCK may not be touched. LOG is appended to by the repair, and says nothing that is needed.
    if (entry.isFile() && !/^LO(CK|G)/.test(entry.name)) await linkOrCopy(join(data, entry.name), join(repair, entry.name));
  }
  await repairDatabase(repair);
  // They are in what is set aside, too.
  await rm(join(repair, 'lost'), { recursive: true, force: true });
  const aside = await freeName(folder, `${ASIDE}${now.toISOString().replace(/[-:]|\.\d+/g, '')}`);
  await rename(data, aside);
  await rename(repair, data);
  await syncFolder(folder);
  await forgetOldest(folder);
  return aside;
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

/** Whether LevelDB would take the folder for a new one, and delete all that is in it: its tables are there, and nothing that names them. */
export async function hasLostItsWay(folder: string): Promise<boolean> {
  const names = (await unlessMissing(readdir(dataOf(folder)))) ?? [];
  return !names.includes('CURRENT') && names.some((name) => /\.(ldb|sst|log)$/.test(name));
}
