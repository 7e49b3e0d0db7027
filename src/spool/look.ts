/**
 * Looks into the spool of a sink that nobody runs, and changes nothing in it: what is opened is a copy made of links. LevelDB writes as
 * soon as it is opened, and what a repair gives up must be counted by the delivery that sends the rest, so the original is left to that.
 *
 *   locked ──copy of links──▶ free for everybody, copy open ──close──▶ copy gone
 *
 * The lock is held while links are made, which takes milliseconds at any size. A copy that a killed process left goes at the next look or
 * start.
 */
import { existsSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { troubleOf } from '../delivery/level/database.ts';
import { claimFolder, dataOf } from '../delivery/level/folder.ts';
import { damageIn } from '../delivery/level/inspect.ts';
import { takeLock } from '../delivery/level/lock.ts';
import { finishRepair, linkAll } from '../delivery/level/salvage.ts';
import { openLevelStore } from '../delivery/level-store.ts';
import { type Store, StoreError } from '../delivery/store.ts';
import { describe } from '../errors.ts';

export interface Look {
  readonly store: Store;
  /** What is wrong with the spool, so far as was seen; undefined while nothing is. */
  damage(): string | undefined;
  close(): Promise<void>;
}

let looks = 0;

/** Throws `StoreError`. */
export async function openLook(folder: string): Promise<Look> {
  const copy = join(folder, `look-${process.pid}-${++looks}`);
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  process.once('exit', remove);
  const forget = async (): Promise<void> => {
    process.removeListener('exit', remove);
    await rm(copy, { recursive: true, force: true });
  };
  try {
    let damage = await link(folder, copy);
    const onRemark = (remark: string): void => {
      damage ??= remark.replaceAll(copy, folder);
    };
    const { store } = await openLevelStore(copy, { minFree: 0, ballast: 0, onRemark });
    const close = async (): Promise<void> => {
      await store.close();
      await forget();
    };
    return { store, damage: () => damage, close };
  } catch (error) {
    await forget();
    throw asStoreError(error, folder);
  }
}

/** Makes the copy. Returns what is wrong with the files. */
async function link(folder: string, copy: string): Promise<string | undefined> {
  await claimFolder(folder);
  const lock = await takeLock(folder);
  try {
    await finishRepair(folder);
    const data = dataOf(folder);
    await mkdir(dataOf(copy), { recursive: true, mode: 0o750 });
    await writeFile(
      join(copy, 'README'),
      'A copy for somebody who looks into the spool beside it; it may be deleted at any time.\n',
    );
    if (!existsSync(data)) return undefined;
    await linkAll(data, dataOf(copy));
    return await damageIn(data);
  } finally {
    await lock.close();
  }
}

function asStoreError(error: unknown, folder: string): StoreError {
  if (error instanceof StoreError) return error;
  const trouble = troubleOf(error);
  const said = `cannot look into the spool in ${folder}: ${describe(error)}`;
  if (trouble === 'locked')
    return new StoreError('locked', `the spool in ${folder} is in use by another process`, { cause: error });
  return new StoreError(
    trouble === 'full' ? 'full' : 'broken',
    trouble === 'refused' ? `${said}; run this as the user of the service` : said,
    {
      cause: error,
    },
  );
}
