/**
 * The file that is being written.
 *
 * It opens repaired. A batch is appended with one write(2) and is in the file as a whole or not at all: after a failure the file is
 * cut back to where it was. It expects to be the only writer; when its size says otherwise it says so once and cuts nothing that
 * may be another's.
 */
import { dirname } from 'node:path';
import { errno, SinkError } from '../errors.ts';
import { identityAt } from './descriptor.ts';
import type { Handle, Identity } from './handle.ts';
import { openOrCreate, syncFolder } from './open.ts';
import { type RepairOptions, repair } from './repair.ts';

export interface ActiveOptions extends RepairOptions {
  /** As configured: a link is followed at every look. */
  readonly path: string;
  /** Whether a file that is made is synced into its folder. */
  readonly durable: boolean;
}

export class ActiveFile {
  readonly #handle: Handle;
  readonly #identity: Identity;
  readonly #options: ActiveOptions;
  #size: number;
  /** Bytes of a failed batch that could not be cut off yet. */
  #owed = 0;
  #strangers = false;

  private constructor(handle: Handle, identity: Identity, size: number, options: ActiveOptions) {
    this.#handle = handle;
    this.#identity = identity;
    this.#size = size;
    this.#options = options;
  }

  /** Opens the file at `path`, which has no links, and repairs its end. Rejects with the system's error or a SinkError. */
  static async open(path: string, options: ActiveOptions): Promise<ActiveFile> {
    const { handle, created } = await openOrCreate(path, options.mode, options.open);
    try {
      if (created && options.durable) await syncFolder(dirname(path));
      const identity = await handle.stat();
      const size = await repair(handle, path, Number(identity.size), options);
      return new ActiveFile(handle, identity, size, options);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** When the file was made, Unix time in milliseconds; undefined where the filesystem does not know. */
  get madeAt(): number | undefined {
    return this.#identity.birthtimeMs > 0n ? Number(this.#identity.birthtimeMs) : undefined;
  }

  /** Whether the path still leads to this file. Settles what is owed, and takes note of the size. */
  async check(): Promise<boolean> {
    let now: Identity;
    try {
      now = await identityAt(this.#options.path);
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw error;
    }
    if (now.ino !== this.#identity.ino || now.dev !== this.#identity.dev) return false;
    if (this.#owed > 0) await this.#cut();
    else this.#note(Number(now.size));
    return true;
  }

  /**
   * Appends all of the bytes, or none. `sync` waits for the disk. An abort does not end a system call, so this settles when that
   * ends, and has cut off by then what was not to be.
   */
  async append(bytes: Uint8Array, sync: boolean, signal: AbortSignal): Promise<void> {
    let written = 0;
    try {
      while (written < bytes.length) {
        signal.throwIfAborted();
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written);
        if (bytesWritten === 0) throw new SinkError('transient', `${this.#options.path} takes no more bytes`);
        written += bytesWritten;
      }
      if (sync) await this.#handle.datasync();
      signal.throwIfAborted();
      this.#size += written;
    } catch (error) {
      this.#owed = written;
      // A cut that fails now is tried again before the next write, and at the end.
      await this.#cut().catch(() => {});
      throw error;
    }
  }

  /** Waits until the disk has what was appended. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  /** Closes the file, which is no longer written. It is closed even when this rejects. */
  async retire(sync: boolean): Promise<void> {
    try {
      await this.#cut();
      if (sync) await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }

  async #cut(): Promise<void> {
    if (this.#owed === 0) return;
    const { size } = await this.#handle.stat();
    if (Number(size) === this.#size + this.#owed) await this.#handle.truncate(this.#size);
    else this.#note(Number(size));
    this.#owed = 0;
  }

  /** A file that grew by itself has another writer; one that shrank was emptied by whoever rotates it. */
  #note(size: number): void {
    if (size > this.#size && !this.#strangers) {
      this.#strangers = true;
      this.#options.warn(`${this.#options.path} is written by another process too: give each a path of its own`);
    }
    this.#size = size;
  }
}
