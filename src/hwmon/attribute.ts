/** One file of a monitoring chip with one number in it. What cannot be read or is no number now is absent, and the rest goes on. */
import { readFile } from 'node:fs/promises';
import { errno } from '../errors.ts';
import type { Host, HotFile } from '../host.ts';

const NUMBER = /^[+-]?\d{1,19}$/;

export class Attribute {
  readonly path: string;
  /** As the kernel wrote it at the last read; undefined when it did not, or wrote no number. */
  value: number | undefined;
  readonly #host: Host;
  #file: HotFile | undefined;

  constructor(host: Host, path: string) {
    this.#host = host;
    this.path = path;
  }

  /**
   * Reads it here and now. A chip that is asked too often says EAGAIN, one that lost its sensor ENODATA or EIO: absent, not tried again
   * before the next sample.
   */
  read(): number | undefined {
    this.#file ??= this.#host.hot(this.path, 'at once');
    return this.#take(this.#file.maybe()?.trimmed());
  }

  /** The same, beside what else the service does: for a disk, whose answer may take long, or never come. */
  async readBeside(): Promise<number | undefined> {
    this.#host.noteRead(this.path, 'file');
    try {
      return this.#take((await readFile(this.path, 'utf8')).trim());
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return this.#take(undefined);
    }
  }

  close(): void {
    this.#file?.close();
  }

  #take(text: string | undefined): number | undefined {
    this.value = text !== undefined && NUMBER.test(text) ? Number(text) : undefined;
    return this.value;
  }
}
