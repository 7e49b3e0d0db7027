/** Makes a file end with a whole event after a crash. Nothing is thrown away: what is cut off is kept in a file beside it. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Handle } from './handle.ts';
import { create, type OpenFile } from './open.ts';
import { type FileFormat, findTail, readAt } from './tail.ts';

export interface RepairOptions {
  readonly format: FileFormat;
  readonly mode: number;
  readonly open: OpenFile;
  warn(message: string): void;
}

/** So many files with torn pieces are kept; then the oldest goes. */
const TORN_FILES_MAX = 10;
/** The torn piece is copied in steps of that many bytes. */
const COPY_BYTES = 2 ** 20;
const NEWLINE = Buffer.from('\n');

/**
 * Repairs an open file of `size` bytes and returns its size then. An event that only lacks its newline gets it; what is torn goes to
 * `<path>.torn-<n>`, is synced there, and is cut off.
 */
export async function repair(handle: Handle, path: string, size: number, options: RepairOptions): Promise<number> {
  const { end, unterminated } = await findTail(handle, path, size, options.format);
  if (unterminated) await handle.write(NEWLINE, 0, 1);
  if (end === size) return unterminated ? size + 1 : size;
  const aside = await nextTorn(path);
  await copy(handle, end, size, await create(aside, options.mode, options.open));
  await handle.truncate(end);
  options.warn(`${path} ended in the middle of an event: its last ${size - end} bytes are in ${aside} now`);
  return end;
}

async function nextTorn(path: string): Promise<string> {
  const [folder, prefix] = [dirname(path), `${basename(path)}.torn-`];
  const numbers = (await readdir(folder))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d{0,8}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
  for (const old of numbers.slice(0, Math.max(0, numbers.length + 1 - TORN_FILES_MAX))) await rm(join(folder, `${prefix}${old}`));
  return join(folder, `${prefix}${(numbers.at(-1) ?? 0) + 1}`);
}

async function copy(from: Handle, start: number, end: number, to: Handle): Promise<void> {
  try {
    for (let at = start; at < end; ) {
      const bytes = await readAt(from, at, Math.min(COPY_BYTES, end - at));
      if (bytes.length === 0) break;
      at += bytes.length;
      for (let done = 0; done < bytes.length; ) done += (await to.write(bytes, done, bytes.length - done)).bytesWritten;
    }
    await to.sync();
  } finally {
    await to.close();
  }
}
