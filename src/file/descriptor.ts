/**
 * An open file as a `Handle`, by its descriptor and node's callbacks: a call costs less than one of `node:fs/promises` does, and a
 * write a second is most of what a quiet service does. A descriptor is closed when the calls in progress have ended: its number may be
 * another file's a moment later.
 */
import { close, fchmod, fdatasync, fstat, fsync, ftruncate, type NoParamCallback, open, read, stat, write } from 'node:fs';
import type { Handle, Identity } from './handle.ts';

type Done<T> = (error: Error | null, value: T) => void;

/** The promise of a call that takes a callback of this kind. */
const promised = <T>(call: (done: Done<T>) => void): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });

const WITH_BIGINTS = { bigint: true } as const;

/** What is at a path now. */
export const identityAt = (path: string): Promise<Identity> => promised((done: Done<Identity>) => stat(path, WITH_BIGINTS, done));

export class Descriptor implements Handle {
  readonly #fd: number;
  #calls = 0;
  #onIdle: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static async open(path: string, flags: number, mode: number): Promise<Descriptor> {
    return new Descriptor(await promised((done: Done<number>) => open(path, flags, mode, done)));
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return { bytesRead: await this.#call((done: Done<number>) => read(this.#fd, buffer, offset, length, position, done)) };
  }

  async write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }> {
    return { bytesWritten: await this.#call((done: Done<number>) => write(this.#fd, bytes, offset, length, null, done)) };
  }

  truncate(length: number): Promise<void> {
    return this.#plain((done) => ftruncate(this.#fd, length, done));
  }

  stat(): Promise<Identity> {
    return this.#call((done: Done<Identity>) => fstat(this.#fd, WITH_BIGINTS, done));
  }

  datasync(): Promise<void> {
    return this.#plain((done) => fdatasync(this.#fd, done));
  }

  sync(): Promise<void> {
    return this.#plain((done) => fsync(this.#fd, done));
  }

  chmod(mode: number): Promise<void> {
    return this.#plain((done) => fchmod(this.#fd, mode, done));
  }

  /** Resolves when it is closed, after the calls in progress; more than once is no harm. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await promised((done: Done<void>) => close(this.#fd, done as NoParamCallback));
  }

  #plain(call: (done: NoParamCallback) => void): Promise<void> {
    return this.#call((done: Done<void>) => call(done as NoParamCallback));
  }

  #call<T>(call: (done: Done<T>) => void): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the file is closed'));
    this.#calls++;
    return promised<T>((done) =>
      call((error, value) => {
        if (--this.#calls === 0) this.#onIdle?.();
        done(error, value);
      }),
    );
  }
}
