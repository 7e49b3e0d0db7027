/** Files whose content may change while the service runs: tokens, passwords, certificates, lists of targets. */
import { readFileSync, statSync } from 'node:fs';
import { describe } from '../errors.ts';

/** None of these is longer, in bytes. */
const BYTES_MAX = 16 * 2 ** 20;

/** A file that is read again when its time, size or inode is another. */
export class WatchedFile {
  readonly path: string;
  readonly #what: string;
  #stamp = '';
  #text = '';

  /** `what` says what the file is, for messages. */
  constructor(path: string, what: string) {
    this.path = path;
    this.#what = what;
  }

  /** The content now. Throws when it cannot be read. */
  read(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.path);
      const stamp = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      if (stamp === this.#stamp) return this.#text;
      if (size > BYTES_MAX) throw new Error(`it is larger than ${BYTES_MAX} bytes`);
      this.#text = readFileSync(this.path, 'utf8');
      this.#stamp = stamp;
      return this.#text;
    } catch (error) {
      throw new Error(`${this.#what} cannot be read: ${describe(error)}`);
    }
  }
}
