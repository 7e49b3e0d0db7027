/**
 * Standard output without a way to stop the process.
 *
 * Node writes to a terminal and to a file synchronously. A terminal that takes nothing (Ctrl-S, a suspended multiplexer) or a disk
 * that hangs would then hold up everything else. A pipe is asynchronous already.
 */
import { closeSync, constants, fstatSync, openSync, write } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { errno } from './errors.ts';

/** A terminal that takes nothing is asked again after this, in milliseconds. There is no event for it. */
const RETRY_MS = 50;

export interface Output extends Writable {
  readonly isTTY?: boolean;
  /** Width of a terminal, in characters. */
  readonly columns?: number | undefined;
}

/** A stream over a descriptor that writes in the thread pool and, where the descriptor does not block, never waits there. */
export class DescriptorStream extends Writable {
  readonly isTTY: boolean;
  readonly #fd: number;
  readonly #owned: boolean;
  #writing = false;
  #onWritten: (() => void) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #waiting: ((error?: Error | null) => void) | undefined;

  /** `owned`: the descriptor is closed with the stream. */
  constructor(fd: number, owned: boolean) {
    super({ decodeStrings: true });
    this.#fd = fd;
    this.#owned = owned;
    this.isTTY = isatty(fd);
  }

  get columns(): number | undefined {
    return this.isTTY ? process.stdout.columns : undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writing = true;
    write(this.#fd, chunk, (error, written) => {
      this.#writing = false;
      if (this.destroyed) {
        this.#onWritten?.();
        done(closed());
      } else if (errno(error) === 'EAGAIN') {
        this.#waiting = done;
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this._write(chunk, _encoding, done);
        }, RETRY_MS);
      } else if (error || written === chunk.length) done(error);
      else this._write(chunk.subarray(written), _encoding, done);
    });
  }

  /** Waits for a write in progress before it closes: by then the number could be another file's. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#retry) {
      clearTimeout(this.#retry);
      this.#waiting?.(closed());
    }
    if (!this.#owned) return done(error);
    const close = (): void => {
      closeSync(this.#fd);
      done(error);
    };
    if (this.#writing) this.#onWritten = close;
    else close();
  }
}

const closed = (): Error => new Error('it was closed');

/** Where the process' standard output goes. */
export function standardOutput(): Output {
  if (isatty(1)) return terminal() ?? process.stdout;
  return fstatSync(1).isFile() ? new DescriptorStream(1, false) : process.stdout;
}

/** The terminal, opened anew: whether a descriptor blocks is shared by every process that inherited it. */
function terminal(): Output | undefined {
  const path = process.platform === 'linux' ? '/proc/self/fd/1' : '/dev/tty';
  try {
    return new DescriptorStream(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY), true);
  } catch {
    return undefined;
  }
}
