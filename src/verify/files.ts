/**
 * Reads what the file sink wrote: the file that is written, and the old ones beside it, gzipped or not, the oldest first. The encoding is
 * told by the first byte. A file is read up to where it ended when reading began.
 */
import type { Stats } from 'node:fs';
import { type FileHandle, glob, open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Envelope } from '../consumer/message.ts';
import { describe, errno, UsageError } from '../errors.ts';
import { listOld } from '../file/archive.ts';
import { EXIT_NO_INPUT, type Reading } from './reading.ts';
import { Splitter } from './split.ts';

/** Files that are read in one go; a pattern that names more is a mistake. */
const FILES_MAX = 10_000;
const CHUNK_BYTES = 256 * 1024;
const GLOB = /[*?[\]{}]/;

/** Files that are opened at once, so that they can be renamed, compressed and deleted meanwhile. Of more, each when its turn comes. */
const OPEN_MAX = 200;

interface Listed {
  readonly path: string;
  /** Where reading ends, in bytes. */
  readonly size: number;
  readonly file: FileHandle | undefined;
}

/** `complete`: the files take everything from the first event on. */
export interface FilesOptions {
  readonly complete: boolean;
}

/** Finds the files. Throws `UsageError` when there are none. */
export async function openFiles(patterns: readonly string[], { complete }: FilesOptions): Promise<Reading> {
  const paths = new Set<string>();
  for (const pattern of patterns) for (const path of await pathsOf(pattern)) paths.add(path);
  if (paths.size > FILES_MAX) throw none(`${patterns.join(' ')} names more than ${FILES_MAX} files: verify them in parts`);
  const files: Listed[] = [];
  const close = async (): Promise<void> => void (await Promise.all(files.map(async ({ file }) => await file?.close())));
  try {
    for (const path of paths) files.push(await list(path, paths.size <= OPEN_MAX));
  } catch (error) {
    await close();
    throw error;
  }
  const remarks: string[] = [];
  let whole = true;
  const [first] = paths;
  return {
    what: files.length === 1 ? `file ${first}` : `${files.length} files, from ${first} on`,
    total: files.reduce((sum, { size }) => sum + size, 0),
    unit: 'bytes',
    from: complete ? 'start' : 'first',
    async read(take, progress, signal) {
      let before = 0;
      for (const listed of files) {
        if (signal.aborted) break;
        const remark = await readListed(listed, take, (done) => progress(before + done), signal).catch((error: unknown) => {
          if (error instanceof UsageError) throw error;
          whole = false;
          return `${listed.path} cannot be read to its end: ${describe(error)}`;
        });
        if (remark !== undefined) remarks.push(remark);
        before += listed.size;
      }
    },
    remarks: () => remarks,
    whole: () => whole,
    close,
  };
}

/** The files of one argument: those of a pattern, or a file with its old ones. */
async function pathsOf(pattern: string): Promise<string[]> {
  const there = await stat(pattern).catch((error: unknown) => {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
    throw none(`${pattern} cannot be read: ${describe(error)}`);
  });
  if (there?.isDirectory()) throw none(`${pattern} is a folder: name the files in it, ${pattern.replace(/\/$/, '')}/*.ndjson*`);
  if (there) return [...(await listOld(pattern)), pattern];
  const old = await listOld(pattern);
  if (old.length > 0) return old;
  if (!GLOB.test(pattern)) throw none(`there is no file ${pattern}`);
  const found: string[] = [];
  for await (const path of glob(pattern)) {
    if (found.push(path) > FILES_MAX) break;
  }
  // `events-<time>.ndjson` sorts before `events.ndjson`, and times sort by themselves: oldest first.
  const files: string[] = [];
  for (const path of found.toSorted()) if ((await statOf(path)).isFile() && !path.endsWith('.gz.tmp')) files.push(path);
  // What a crash left half done: the same file, compressed and not.
  const whole = files.filter((path) => !files.includes(`${path}.gz`));
  if (whole.length === 0) throw none(`no file matches ${pattern}`);
  return whole;
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw none(`${path} cannot be read: ${describe(error)}`);
  }
}

async function list(path: string, keepOpen: boolean): Promise<Listed> {
  if (!keepOpen) return { path, size: (await statOf(path)).size, file: undefined };
  const file = await openOne(path);
  return { path, size: (await file.stat()).size, file };
}

/** A file that is compressed since it was listed has another name. */
async function openOne(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw none(`${path} cannot be read: ${describe(error)}`);
    return await open(`${path}.gz`).catch(() => {
      throw none(`${path} was there and is gone: it was deleted, or renamed, meanwhile`);
    });
  }
}

/** Reads one file; returns what is to be said of it. */
async function readListed(
  { path, size, file: opened }: Listed,
  take: (message: Envelope) => void,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (size === 0) return undefined;
  const file = opened ?? (await openOne(path));
  const splitter = new Splitter(path, take);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    const raw = file.createReadStream({ start: 0, end: size - 1, highWaterMark: CHUNK_BYTES, autoClose: false });
    const feed = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) {
        splitter.push(chunk);
        progress(raw.bytesRead);
      }
    };
    const gzipped = buffer[0] === 0x1f && buffer[1] === 0x8b;
    if (gzipped) await pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), feed, { signal });
    else await pipeline(raw, feed, { signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    if (!opened) await file.close();
  }
  const { unfinished } = splitter.end();
  return unfinished ? `${path} ends in the middle of an event: it is being written, or its writer was killed` : undefined;
}

const none = (message: string): UsageError => new UsageError(message, EXIT_NO_INPUT);
