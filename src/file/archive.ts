/**
 * The old files beside the one that is written: `events.ndjson` is renamed to `events-20260102T030405.678Z.ndjson` and becomes
 * `events-20260102T030405.678Z.ndjson.gz` when it is compressed.
 *
 *   - Names sort by time: a stamp is always later than every other one in the folder, whatever the clock says.
 *   - A compressed file gets its name when it is whole and synced; until then it is `….gz.tmp`. What a crash left half done is
 *     removed or done again at the next `tidy`.
 *   - Only files whose names are exactly of this form are ever compressed or deleted, the oldest first.
 */
import { createReadStream, createWriteStream, type Dirent } from 'node:fs';
import { chmod, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { describe, errno } from '../errors.ts';
import { syncFolder } from './open.ts';

export interface ArchiveOptions {
  readonly compress: boolean;
  /** The most old files. */
  readonly keep: number;
  /** The most bytes of all old files together. */
  readonly keepBytes: number;
  readonly durable: boolean;
  warn(message: string): void;
}

interface OldFile {
  readonly name: string;
  readonly stamp: string;
  readonly form: 'plain' | 'compressed' | 'temporary';
}

const STAMP = /^\d{8}T\d{6}\.\d{3}Z$/;
const STAMP_LENGTH = '20260102T030405.678Z'.length;
const FORMS: Readonly<Record<string, OldFile['form']>> = { '': 'plain', '.gz': 'compressed', '.gz.tmp': 'temporary' };
/** On events, 3 packs to a seventh and 6 to an eighth for twice the time. */
const GZIP_LEVEL = 3;
/** Bytes that go through compression at a time; each is a turn of the event loop. */
const CHUNK_BYTES = 256 * 1024;

export class Archive {
  readonly #path: string;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #extension: string;
  readonly #options: ArchiveOptions;
  readonly #stopped = new AbortController();
  #tidying: Promise<void> | undefined;
  #again = false;
  #failure: string | undefined;

  /** `path` is the file that is written, without links. */
  constructor(path: string, options: ArchiveOptions) {
    this.#path = path;
    this.#folder = dirname(path);
    this.#extension = extname(path);
    this.#prefix = `${basename(path, this.#extension)}-`;
    this.#options = options;
  }

  /** Renames the file that is written. `now` is Unix time in milliseconds. */
  async rotate(now: number): Promise<void> {
    const last = (await this.#list()).at(-1);
    const at = Math.max(now, last ? parseStamp(last.stamp) + 1 : 0);
    await rename(this.#path, join(this.#folder, `${this.#prefix}${stampOf(at)}${this.#extension}`));
  }

  /** Compresses and deletes in the background; once more when it is asked for meanwhile. What fails is said and left for the next time. */
  tidy(): void {
    if (this.#stopped.signal.aborted) return;
    this.#again = true;
    this.#tidying ??= this.#tidyAll().finally(() => {
      this.#tidying = undefined;
    });
  }

  /** Ends what runs in the background. A file that is half compressed is compressed at the next start. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#tidying;
  }

  /** Never rejects. */
  async #tidyAll(): Promise<void> {
    while (this.#again && !this.#stopped.signal.aborted) {
      this.#again = false;
      const failures: string[] = [];
      for (const step of [() => this.#clean(), () => this.#compressAll(), () => this.#retain()]) {
        if (!this.#stopped.signal.aborted) await step().catch((error: unknown) => failures.push(describe(error)));
      }
      if (!this.#stopped.signal.aborted) this.#report(failures.join('; ') || undefined);
    }
  }

  #report(failure: string | undefined): void {
    if (failure !== undefined && failure !== this.#failure) {
      this.#options.warn(`old files of ${this.#path} are not tidied: ${failure}`);
    }
    this.#failure = failure;
  }

  /** Removes what an interrupted compression left: its unfinished output, or its input when the output is finished. */
  async #clean(): Promise<void> {
    const files = await this.#list();
    const finished = new Set(files.filter(({ form }) => form === 'compressed').map(({ stamp }) => stamp));
    for (const { name, stamp, form } of files) {
      if (form === 'temporary' || (form === 'plain' && finished.has(stamp))) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #compressAll(): Promise<void> {
    if (!this.#options.compress) return;
    const files = await this.#list();
    const failures: unknown[] = [];
    // What retention is about to delete is not worth the work.
    for (const { name, form } of files.slice(Math.max(0, files.length - this.#options.keep))) {
      if (form !== 'plain' || this.#stopped.signal.aborted) continue;
      await this.#compress(join(this.#folder, name)).catch((error: unknown) => failures.push(error));
    }
    // One file that cannot be compressed is no reason to leave the others.
    if (failures.length > 0) throw failures[0];
  }

  async #compress(path: string): Promise<void> {
    const temporary = `${path}.gz.tmp`;
    try {
      const { mode, atime, mtime } = await stat(path);
      await pipeline(
        createReadStream(path, { highWaterMark: CHUNK_BYTES }),
        createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES }),
        createWriteStream(temporary, { flags: 'wx', mode, flush: true }),
        { signal: this.#stopped.signal },
      );
      await chmod(temporary, mode);
      await utimes(temporary, atime, mtime);
      await rename(temporary, `${path}.gz`);
      if (this.#options.durable) await syncFolder(this.#folder);
      await rm(path, { force: true });
    } catch (error) {
      await rm(temporary, { force: true });
      // Somebody else took the file away: it is no longer ours to compress.
      if (errno(error) !== 'ENOENT') throw error;
    }
  }

  async #retain(): Promise<void> {
    let [count, bytes] = [0, 0];
    for (const { name } of (await this.#list()).reverse()) {
      const path = join(this.#folder, name);
      count++;
      bytes += await sizeOf(path);
      if (count > this.#options.keep || bytes > this.#options.keepBytes) await rm(path, { force: true });
    }
  }

  /** Our old files, the oldest first. */
  async #list(): Promise<OldFile[]> {
    return await oldFiles(this.#path);
  }
}

/** The old files of a file, the oldest first; of one that is there compressed and not, the compressed one, which is whole. */
export async function listOld(path: string): Promise<string[]> {
  const files = await oldFiles(path);
  const finished = new Set(files.filter(({ form }) => form === 'compressed').map(({ stamp }) => stamp));
  return files
    .filter(({ form, stamp }) => form === 'compressed' || (form === 'plain' && !finished.has(stamp)))
    .map(({ name }) => join(dirname(path), name));
}

async function oldFiles(path: string): Promise<OldFile[]> {
  const extension = extname(path);
  const prefix = `${basename(path, extension)}-`;
  const files: OldFile[] = [];
  for (const entry of await entriesOf(dirname(path))) {
    const file = entry.isFile() ? parse(entry.name, prefix, extension) : undefined;
    if (file) files.push(file);
  }
  return files.sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
}

/** What is in a folder; nothing when somebody else has taken it away. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

function parse(name: string, prefix: string, extension: string): OldFile | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const stamp = name.slice(prefix.length, prefix.length + STAMP_LENGTH);
  const rest = name.slice(prefix.length + STAMP_LENGTH);
  if (!STAMP.test(stamp) || Number.isNaN(parseStamp(stamp)) || !rest.startsWith(extension)) return undefined;
  const form = FORMS[rest.slice(extension.length)];
  return form && { name, stamp, form };
}

/** Size of a file in bytes; 0 when somebody else has taken it away. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errno(error) === 'ENOENT') return 0;
    throw error;
  }
}

const stampOf = (at: number): string => new Date(at).toISOString().replace(/[-:]/g, '');

function parseStamp(stamp: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(.*)Z$/.exec(stamp) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
