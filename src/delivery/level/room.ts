/** The free space of a spool's disk: what must be left of it, and a ballast, room that is kept by a file and can be given up at once. */
import { randomFillSync } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../store.ts';
import { FILE_MODE, freeSpace, unlessMissing } from './folder.ts';

/** Free space is asked for again after this many bytes, or this long, whatever comes first. */
const CHECK_BYTES = 16 << 20;
const CHECK_MS = 1000;

export class Room {
  readonly #folder: string;
  readonly #minFree: number;
  readonly #ballast: number;
  readonly #file: string;
  /** Bytes that may be written before free space is asked for again, and until when. */
  #trusted = 0;
  #trustedUntil = 0;
  #released = false;

  /** Sizes are in bytes; no ballast is made of 0. */
  constructor(folder: string, minFree: number, ballast: number) {
    this.#folder = folder;
    this.#minFree = minFree;
    this.#ballast = ballast;
    this.#file = join(folder, 'ballast');
  }

  /** Throws `full` when writing so many bytes would leave less free space than is to be left. */
  async expect(bytes: number): Promise<void> {
    const now = performance.now();
    this.#trusted -= bytes;
    if (this.#trusted >= 0 && now < this.#trustedUntil) return;
    const free = await freeSpace(this.#folder);
    // Where the ballast was given up, its room is for deleting and repairing until it is there again.
    const left = this.#minFree + (this.#released ? this.#ballast : 0);
    if (free - bytes < left) {
      this.#trusted = 0;
      throw new StoreError(
        'full',
        `the disk of ${this.#folder} has ${free} bytes free, and the spool leaves ${left} of it alone: make room on it, or lower spool.min_free`,
      );
    }
    this.#trusted = Math.min(CHECK_BYTES, (free - left) / 2);
    this.#trustedUntil = now + CHECK_MS;
    await this.#keep(free);
  }

  /** Makes the ballast where there is room for it, and as much again. */
  async keep(): Promise<void> {
    await this.#keep(await freeSpace(this.#folder));
  }

  async release(): Promise<void> {
    this.#trusted = 0;
    this.#released = this.#ballast > 0;
    await rm(this.#file, { force: true });
  }

  /** Random bytes, because a disk may compress others away. */
  async #keep(free: number): Promise<void> {
    if (this.#ballast === 0 || free - this.#minFree <= 2 * this.#ballast) return;
    this.#released = false;
    if ((await unlessMissing(stat(this.#file)))?.size === this.#ballast) return;
    const handle = await open(this.#file, 'w', FILE_MODE);
    try {
      await handle.writeFile(randomFillSync(Buffer.allocUnsafe(this.#ballast)));
    } catch {
      // It is a precaution: a disk without room for it is dealt with when that is in the way.
      await this.release();
    } finally {
      await handle.close();
    }
  }
}
