/**
 * Appends events to a file, as NDJSON or as a MessagePack sequence, and keeps a bounded number of old files.
 *
 *   closed ──connect──▶ open ──write──▶ open … ──close──▶ closed
 *
 * A batch is delivered when the kernel has all of it, or the disk with `fsync: always`; on a failure none of it stays in the file, so
 * that a retry repeats nothing. Every system call runs in the thread pool, one write at a time: a disk that hangs holds up this sink
 * and no other. A write that is aborted is given up at once, but its system call goes on; what comes next waits for that, and what
 * it wrote is cut off. A file that is moved, deleted or truncated by others is noticed before the next write.
 */
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Waits } from '../src/abort.ts';
import { type Clock, systemClock } from '../src/clock.ts';
import { describe, SinkError } from '../src/errors.ts';
import type { TideEvent } from '../src/event.ts';
import { ActiveFile } from '../src/file/active.ts';
import { Archive } from '../src/file/archive.ts';
import { claim } from '../src/file/claims.ts';
import { BatchEncoder } from '../src/file/encoder.ts';
import { fileError } from '../src/file/errors.ts';
import { type OpenFile, openFile, resolvePath } from '../src/file/open.ts';
import { type FileOptions, options } from '../src/file/options.ts';
import { defineSink, type Sink, type SinkContext } from '../src/sink.ts';

/** What a test replaces. */
export interface FileParts {
  readonly clock?: Clock;
  readonly open?: OpenFile;
}

export class FileSink implements Sink {
  readonly #context: SinkContext;
  readonly #options: FileOptions;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #open: OpenFile;
  readonly #encoder: BatchEncoder;
  readonly #waits = new Waits();
  #connected = false;
  /** What is in progress. It never rejects. */
  #busy: Promise<void> | undefined;
  #claimed: { readonly path: string; release(): void } | undefined;
  #file: ActiveFile | undefined;
  #openedAt = 0;
  #archive: Archive | undefined;
  readonly #retiring = new Set<Promise<void>>();
  #dirty = false;
  #syncing = false;
  #cancelSync: (() => void) | undefined;
  #syncFailure: string | undefined;

  constructor(context: SinkContext, options: FileOptions, parts: FileParts = {}) {
    this.#context = context;
    this.#options = options;
    this.#path = resolve(options.path);
    this.#clock = parts.clock ?? systemClock;
    this.#open = parts.open ?? openFile;
    this.#encoder = new BatchEncoder(options.format);
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.#exclusive(signal, async () => {
      try {
        await this.#openFile(signal);
        signal.throwIfAborted();
        this.#connected = true;
      } catch (error) {
        await this.#letGo();
        throw error;
      }
    });
  }

  async write(batch: readonly TideEvent[], signal: AbortSignal): Promise<void> {
    await this.#exclusive(signal, async () => {
      if (!this.#connected) throw new SinkError('transient', `${this.#path} is not open`);
      if (batch.length > 0) await this.#append(batch, signal);
    });
  }

  async close(): Promise<void> {
    await this.#exclusive(undefined, () => this.#letGo());
  }

  /** Runs one thing at a time. The caller is released as soon as the signal aborts; what runs then still runs to its end. */
  async #exclusive(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    const wait = (promise: Promise<void>): Promise<void> => (signal ? this.#waits.until(promise, signal) : promise);
    try {
      while (this.#busy) await wait(this.#busy);
      signal?.throwIfAborted();
      const ended = (): void => {
        this.#busy = undefined;
      };
      const working = work();
      this.#busy = working.then(ended, ended);
      await wait(working);
    } catch (error) {
      throw fileError(this.#path, error);
    }
  }

  async #append(batch: readonly TideEvent[], signal: AbortSignal): Promise<void> {
    const opened = this.#current(signal);
    let file: ActiveFile;
    let encoded: Buffer;
    try {
      // Encoding needs the processor alone, and the look at the path only the disk.
      encoded = this.#encoder.encode(batch);
    } finally {
      file = await opened;
    }
    if (this.#due(file, encoded.length)) file = await this.#rotate(file, signal);
    if (this.#options.min_free > 0) await this.#leaveFree(encoded.length);
    const { fsync } = this.#options;
    await file.append(encoded, fsync === 'always', signal);
    if (fsync === 'interval') this.#syncLater();
  }

  /** The open file, or a new one when others have taken it away. */
  async #current(signal: AbortSignal): Promise<ActiveFile> {
    const file = this.#file;
    if (!file) return await this.#openFile(signal);
    if (await file.check()) return file;
    this.#context.warn(`${this.#path} was moved or deleted by another process: a new file is begun`);
    this.#retire(file);
    return await this.#openFile(signal);
  }

  async #openFile(signal: AbortSignal): Promise<ActiveFile> {
    if (this.#file) return this.#file;
    const path = await resolvePath(this.#path);
    if (this.#claimed?.path !== path) await this.#claim(path, signal);
    const { format, mode, fsync } = this.#options;
    const file = await ActiveFile.open(path, {
      path: this.#path,
      format,
      mode: Number.parseInt(mode, 8),
      durable: fsync !== 'never',
      open: this.#open,
      warn: (message) => this.#context.warn(message),
    });
    this.#file = file;
    this.#openedAt = this.#clock.wall();
    this.#archive?.tidy();
    return file;
  }

  /** Takes the path, which a link may have led elsewhere before, and what belongs to it. */
  async #claim(path: string, signal: AbortSignal): Promise<void> {
    await this.#release();
    this.#claimed = { path, release: await claim(path, this.#context.name, signal) };
    const { rotate, compress, fsync } = this.#options;
    if (rotate.max_bytes > 0 || rotate.max_age > 0) await access(dirname(path), constants.W_OK);
    this.#archive = new Archive(path, {
      compress: compress === 'gzip',
      keep: rotate.keep,
      keepBytes: rotate.keep_bytes,
      durable: fsync !== 'never',
      warn: (message) => this.#context.warn(message),
    });
  }

  #due(file: ActiveFile, more: number): boolean {
    const { max_bytes, max_age } = this.#options.rotate;
    if (file.size === 0) return false;
    if (max_bytes > 0 && file.size + more > max_bytes) return true;
    return max_age > 0 && this.#clock.wall() - (file.madeAt ?? this.#openedAt) >= max_age;
  }

  async #rotate(file: ActiveFile, signal: AbortSignal): Promise<ActiveFile> {
    await this.#archive?.rotate(this.#clock.wall());
    this.#retire(file);
    return await this.#openFile(signal);
  }

  async #leaveFree(more: number): Promise<void> {
    const { min_free } = this.#options;
    const folder = dirname(this.#path);
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize - more < min_free) {
      throw new SinkError(
        'transient',
        `cannot write ${this.#path}: ${folder} has less free space than ${min_free} bytes, min_free`,
      );
    }
  }

  /** Syncs and closes a file that is no longer written, in the background. */
  #retire(file: ActiveFile): void {
    if (this.#file === file) this.#file = undefined;
    const sync = this.#dirty && this.#options.fsync !== 'never';
    this.#dirty = false;
    const retired = file
      .retire(sync)
      .then(
        () => this.#synced(undefined),
        (error: unknown) => this.#synced(error),
      )
      .finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }

  /** Arms the next sync, unless it is armed or running. */
  #syncLater(): void {
    this.#dirty = true;
    if (this.#cancelSync || this.#syncing) return;
    this.#cancelSync = this.#clock.after(this.#options.fsync_interval, () => {
      this.#cancelSync = undefined;
      void this.#syncNow();
    });
  }

  async #syncNow(): Promise<void> {
    this.#dirty = false;
    this.#syncing = true;
    try {
      await this.#file?.sync();
      this.#synced(undefined);
    } catch (error) {
      this.#synced(error);
    }
    this.#syncing = false;
    if (this.#dirty && this.#file) this.#syncLater();
  }

  /** The kernel reports a page that it could not write once, and forgets it. */
  #synced(error: unknown): void {
    const failure = error === undefined ? undefined : describe(error);
    if (failure !== undefined && failure !== this.#syncFailure) {
      this.#context.warn(`${this.#path}: the disk may not have what was written last: ${failure}`);
    }
    this.#syncFailure = failure;
  }

  async #letGo(): Promise<void> {
    this.#connected = false;
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    if (this.#file) this.#retire(this.#file);
    await Promise.all(this.#retiring);
    await this.#release();
  }

  async #release(): Promise<void> {
    await this.#archive?.stop();
    this.#archive = undefined;
    this.#claimed?.release();
    this.#claimed = undefined;
  }
}

/** Events in a file: NDJSON or MessagePack, with rotation, compression and retention. */
export default defineSink({
  name: 'file',
  summary: 'Appends events to a file, as NDJSON or MessagePack, with rotation, compression and retention.',
  options,
  open: (context, options) => new FileSink(context, options),
});
