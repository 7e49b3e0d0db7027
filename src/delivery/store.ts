/**
 * What the spool needs of a disk: sorted keys, atomic batches, ranges. LevelDB in the service (`level-store.ts`), a simulated disk in
 * the simulation. One batch is in progress at a time; what a batch holds is on disk as a whole or not at all.
 *
 * Failures are `StoreError`s:
 *   full      no space: nothing of the batch is there; the same batch may succeed later
 *   broken    the store cannot go on and must be opened anew; what was acknowledged is still there
 *   locked    another process has it
 *   newer     a newer release wrote it
 */

export type StoreErrorCode = 'full' | 'broken' | 'locked' | 'newer';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isFull = (error: unknown): boolean => error instanceof StoreError && error.code === 'full';

/** One change; without a value the key is deleted. */
export interface Change {
  readonly key: Buffer;
  readonly value?: Buffer;
}

/** A range of keys, `from` included, `to` not. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

export interface Store {
  /**
   * Applies all changes or none. Resolves when a killed process would not lose them; with `sync`, when a power cut would not, nor what came
   * before. The values are the store's from then on: it gives back their memory. With `reserve` the little that it adds may use the room
   * that is left for deleting, as deletions do.
   */
  write(changes: readonly Change[], sync: boolean, reserve?: boolean): Promise<void>;
  /** Entries in the order of their keys, up to `max` of them and, but for the first, `maxBytes` of values. */
  read(range: KeyRange, max: number, maxBytes: number): Promise<[key: Buffer, value: Buffer][]>;
  /** The last key in a range, or undefined. */
  last(range: KeyRange): Promise<Buffer | undefined>;
  /** Frees the disk of what was deleted in a range. */
  compact(range: KeyRange): Promise<void>;
  /** Free space of its disk, in bytes. */
  free(): Promise<number>;
  close(): Promise<void>;
}

/** What opening found: the store, and what it had to set aside or repair, as sentences for the log. */
export interface OpenedStore {
  readonly store: Store;
  readonly remarks: readonly string[];
}

/** Opens the store of a sink, making it when it is not there. Throws `StoreError`. */
export type OpenStore = () => Promise<OpenedStore>;
