/**
 * Files of processes, of which there are hundreds, each read at every sample.
 *
 * A file that stays open costs half of one that is opened for each read, and tells a dead process (ESRCH) from another that got
 * its number. The number of open files is limited; a file beyond the limit is opened for each read. All are read into one buffer.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { errno } from '../errors.ts';
import type { Host, ReadKind } from '../host.ts';

/** First size of the buffer, in bytes; `status` of a process in many groups is longer than a page. */
const BUFFER_BYTES = 16 * 1024;
/** A file of a process longer than this is refused, in bytes. */
const FILE_BYTES_MAX = 2 ** 20;

/** What the files of one sensor share. */
export class ProcessFiles {
  /** What the last `read` that went well found, up to its length. */
  buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  length = 0;
  readonly #host: Host;
  #left: number;

  /** `openMax` is how many files may stay open. */
  constructor(host: Host, openMax: number) {
    this.#host = host;
    this.#left = openMax;
  }

  file(path: string, kind: ReadKind = 'file'): ProcessFile {
    return new ProcessFile(path, this, kind);
  }

  noteRead(path: string, kind: ReadKind): void {
    this.#host.noteRead(path, kind);
  }

  /** Whether one more file may stay open; `release` gives it back. */
  keep(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  release(): void {
    this.#left++;
  }

  /** The kernel makes the whole of such a file at once, so that a read that does not fill the buffer has reached the end. */
  fill(fd: number, path: string): void {
    this.length = readSync(fd, this.buffer, 0, this.buffer.length, 0);
    while (this.length === this.buffer.length) {
      if (this.length >= FILE_BYTES_MAX) throw new Error(`${path} is longer than ${FILE_BYTES_MAX} bytes`);
      this.buffer = Buffer.concat([this.buffer], this.length * 2);
      this.length += readSync(fd, this.buffer, this.length, this.buffer.length - this.length, this.length);
    }
  }
}

/** How a read went. A process that is gone has no files; those of others may be forbidden. */
export type Outcome = 'ok' | 'gone' | 'denied';

export class ProcessFile {
  readonly path: string;
  readonly #files: ProcessFiles;
  readonly #kind: ReadKind;
  #fd = -1;
  #noted = false;
  #openable = true;

  constructor(path: string, files: ProcessFiles, kind: ReadKind) {
    this.path = path;
    this.#files = files;
    this.#kind = kind;
  }

  /**
   * Reads the file into the shared buffer, and leaves it open for the next time when `keep` says so and the limit allows.
   * Throws what is neither a vanished process nor a forbidden file.
   */
  read(keep: boolean): Outcome {
    this.#note();
    try {
      if (this.#fd >= 0) this.#files.fill(this.#fd, this.path);
      else this.#open(keep);
      return 'ok';
    } catch (error) {
      this.close();
      return outcome(error);
    }
  }

  /** The size of the folder that is at the path; one that stays open costs a third. Throws the system's error. */
  size(keep: boolean): number {
    this.#note();
    if (this.#fd < 0 && keep && this.#openable && this.#files.keep()) this.#openFolder();
    return (this.#fd < 0 ? statSync(this.path) : fstatSync(this.#fd)).size;
  }

  /** How many names are in the folder that is at the path. Throws the system's error. */
  names(): number {
    this.#note();
    return readdirSync(this.path).length;
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#files.release();
  }

  #note(): void {
    if (!this.#noted) this.#files.noteRead(this.path, this.#kind);
    this.#noted = true;
  }

  /** Everyone may ask for its size, and not everyone may open it. */
  #openFolder(): void {
    try {
      this.#fd = openSync(this.path, 'r');
    } catch {
      this.#openable = false;
      this.#files.release();
    }
  }

  #open(keep: boolean): void {
    const fd = openSync(this.path, 'r');
    if (keep && this.#files.keep()) {
      this.#fd = fd;
      this.#files.fill(fd, this.path);
      return;
    }
    try {
      this.#files.fill(fd, this.path);
    } finally {
      closeSync(fd);
    }
  }
}

/** What a failed read says of its process. Throws the error when it says nothing. */
export function outcome(error: unknown): Exclude<Outcome, 'ok'> {
  switch (errno(error)) {
    case 'ENOENT':
    case 'ESRCH':
      return 'gone';
    case 'EACCES':
    case 'EPERM':
      return 'denied';
    default:
      throw error;
  }
}
