/** Opens the file that a path leads to, or makes it. */
import { constants, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errno, SinkError } from '../errors.ts';
import { makeFolder } from '../folder.ts';
import { Descriptor } from './descriptor.ts';
import type { Handle } from './handle.ts';

export type OpenFile = (path: string, flags: number, mode: number) => Promise<Handle>;

export const openFile: OpenFile = Descriptor.open;

/** Read as well, for the repair; never waiting for the other end of what has just become a FIFO. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK;
const NEW = constants.O_CREAT | constants.O_EXCL;
/** Permissions of folders that are made, less the umask. */
const FOLDER_MODE = 0o750;

/**
 * The path with its links resolved, so that renaming moves the file and not a link to it. What a link leads to need not be there yet,
 * nor the folder. Refuses what is no regular file.
 */
export async function resolvePath(path: string): Promise<string> {
  try {
    const info = await stat(path);
    if (info.isFile()) return await realpath(path);
    throw new SinkError(
      'misconfigured',
      info.isDirectory()
        ? `${path} is a folder: name a file in it`
        : `${path} is a device, a pipe or a socket: use a sink of type console and redirect its output`,
    );
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
  const target = await linkTarget(path);
  if (target !== undefined) return await resolvePath(resolve(dirname(path), target));
  await makeFolder(dirname(path), FOLDER_MODE);
  return join(await realpath(dirname(path)), basename(path));
}

/** Where a link points; undefined for what is no link. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'EINVAL') throw error;
    return undefined;
  }
}

/** Opens a resolved path for appending and reading. A file that is made gets exactly these permissions. */
export async function openOrCreate(path: string, mode: number, open: OpenFile): Promise<{ handle: Handle; created: boolean }> {
  try {
    return { handle: await open(path, FLAGS, mode), created: false };
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
  return { handle: await create(path, mode, open), created: true };
}

/** Makes a file that is not there yet. */
export async function create(path: string, mode: number, open: OpenFile): Promise<Handle> {
  const handle = await open(path, FLAGS | NEW, mode);
  try {
    // The umask took its part of the mode.
    await handle.chmod(mode);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Makes the names in a folder durable: a file's own fsync does not. Some filesystems cannot, and then nothing can be done. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errno(error) ?? '')) throw error;
  } finally {
    await folder.close();
  }
}
