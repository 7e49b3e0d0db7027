/**
 * Where a running service is spoken to: a socket in its folder for state. What a socket's path may be long is fixed by the system, so that one
 * for a folder with a long name is in the folder for temporary files, and the file `control` in the folder for state says where.
 */
import { lstat, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { errno } from '../errors.ts';

/** Bytes of a path in `sockaddr_un` less its end: 104 on macOS and the BSDs, 108 on Linux; state may be on a disk that moves. */
export const PATH_BYTES_MAX = 103;
const SOCKET = 'control.sock';
/** Of the folder that is made for a socket elsewhere. */
const PREFIX = 'tidegate-';
const pointerOf = (state: string): string => join(state, 'control');

export const isTooLong = (path: string): boolean => Buffer.byteLength(path) > PATH_BYTES_MAX;

/** Where the socket of a service in this folder is, or was. */
export async function findAddress(state: string): Promise<string> {
  try {
    const named = (await readFile(pointerOf(state), 'utf8')).trim();
    if (named !== '') return named;
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
  return join(state, SOCKET);
}

/** A path for the socket of a service that begins, and whether it is not in the folder for state. */
export async function makeAddress(state: string): Promise<{ path: string; elsewhere: boolean }> {
  const own = join(state, SOCKET);
  if (!isTooLong(own)) return { path: own, elsewhere: false };
  const path = join(await mkdtemp(join(tmpdir(), PREFIX)), SOCKET);
  await writeFile(pointerOf(state), `${path}\n`, { mode: 0o600 });
  return { path, elsewhere: true };
}

/** Removes what a service at this address has left, or leaves. */
export async function forgetAddress(state: string, path: string): Promise<void> {
  if ((await lstat(path).catch(() => undefined))?.isSocket()) await rm(path, { force: true });
  await rm(pointerOf(state), { force: true });
  const folder = dirname(path);
  // One that was made for the socket alone is empty now; any other is left as it is.
  if (folder !== state && basename(folder).startsWith(PREFIX)) await rmdir(folder).catch(() => {});
}
