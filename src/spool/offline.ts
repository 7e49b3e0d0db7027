/** The spool of a sink that nobody runs. It is looked at through a copy; to change it, it is opened as the service would. */
import { readDeadLetters } from '../delivery/dead-letters.ts';
import { openLevelStore } from '../delivery/level-store.ts';
import { type Store, StoreError } from '../delivery/store.ts';
import type { ListQuery, SpoolAccess } from './access.ts';
import { discardDead, discardSpooled, retryDead } from './change.ts';
import { type SpoolSummary, summarize } from './contents.ts';
import type { SpoolItem } from './item.ts';
import { type Look, openLook } from './look.ts';
import { findItem, listItems, type Readable } from './read.ts';

/** Opens a folder that is there. Throws `StoreError`. */
export async function openOffline(folder: string): Promise<SpoolAccess> {
  return new Offline(folder, await openLook(folder));
}

class Offline implements SpoolAccess {
  readonly source = 'folder';
  readonly from: string;
  readonly #folder: string;
  readonly #look: Look;
  readonly #readable: Readable;

  constructor(folder: string, look: Look) {
    this.#folder = folder;
    this.#look = look;
    this.from = `read from ${folder}; no service runs`;
    const { store } = look;
    this.#readable = { store, dead: () => readDeadLetters(store) };
  }

  async summary(): Promise<SpoolSummary> {
    const { store, damage } = this.#look;
    const before = damage();
    const summary = await summarize(store);
    // What is found on the way makes the first numbers wrong.
    return damage() === before ? summary : await summarize(store);
  }

  list(query: ListQuery): AsyncIterable<SpoolItem> {
    return listItems(this.#readable, query);
  }

  async find(which: string): Promise<SpoolItem | undefined> {
    return await findItem(this.#readable, which);
  }

  async retry(numbers: readonly number[] | 'all'): Promise<number> {
    return await this.#changing(async (store) => await retryDead(store, numbers === 'all' ? 'all' : new Set(numbers)));
  }

  async discard(numbers: readonly number[] | 'all'): Promise<number> {
    return await this.#changing(async (store) => await discardDead(store, numbers === 'all' ? 'all' : new Set(numbers)));
  }

  async discardSpooled(): Promise<number> {
    return await this.#changing(discardSpooled);
  }

  damage(): string | undefined {
    return this.#look.damage();
  }

  async close(): Promise<void> {
    await this.#look.close();
  }

  /** What a repair gives up must be counted by the delivery that sends the rest, so nothing is changed before that was done. */
  async #changing(work: (store: Store) => Promise<number>): Promise<number> {
    const damage = this.damage();
    if (damage !== undefined) {
      throw new StoreError(
        'broken',
        `the spool in ${this.#folder} is damaged (${damage}): start the service, which repairs it and counts what is lost, then try again`,
      );
    }
    const { store } = await openLevelStore(this.#folder, { minFree: 0, ballast: 0 });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }
}
