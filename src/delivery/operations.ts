/**
 * What an operator does to a running delivery: looks at dead letters, sends them again, forgets them, gives up what is spooled.
 *
 * A dead letter that is sent again is deleted from disk only once it is there under its new number: a process that is killed in between
 * leaves it in both places, and never in none.
 */
import { type DeadLetter, type DeadLetters, readDeadLetters } from './dead-letters.ts';
import type { Intake } from './intake.ts';
import type { Keeper } from './keeper.ts';
import { type Store, StoreError } from './store.ts';

/** Dead letters sent again before the disk has its turn. */
const RETRY_MAX = 500;

export interface OperationsParts {
  readonly dead: DeadLetters;
  readonly intake: Intake;
  readonly keeper: Keeper;
  /** There is more to send. */
  readonly onMore: () => void;
}

export class Operations {
  readonly #parts: OperationsParts;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
  }

  /** The spool's store, while it is open. */
  get store(): Store | undefined {
    return this.#parts.keeper.store;
  }

  /** Dead letters, oldest first, those that are not on disk yet included. */
  async *deadLetters(): AsyncIterable<DeadLetter> {
    const { dead } = this.#parts;
    const seen = new Set<number>();
    const { store } = this;
    if (store) {
      for await (const letter of readDeadLetters(store)) {
        seen.add(letter.number);
        if (dead.has(letter.number)) yield letter;
      }
    }
    for (const letter of dead.unwritten()) if (!seen.has(letter.number)) yield letter;
  }

  /** Sends dead letters again, each under a new number of its lane. Returns how many there were. */
  async retry(numbers: Iterable<number>): Promise<number> {
    const { dead, intake, onMore } = this.#parts;
    this.#expectDisk();
    const wanted = new Set(numbers);
    let [retried, taken]: [number, number[]] = [0, []];
    const settle = async (): Promise<void> => {
      for (const lane of intake.lanes.values()) lane.spill(() => true);
      onMore();
      await this.#flush();
      dead.forget(taken);
      await this.#flush();
      taken = [];
    };
    for await (const { number, entry } of this.deadLetters()) {
      // Another one may have asked for it, too.
      if (!wanted.has(number) || !dead.take(number)) continue;
      intake.resubmit(entry);
      taken.push(number);
      retried++;
      if (taken.length >= RETRY_MAX) await settle();
    }
    if (taken.length > 0) await settle();
    return retried;
  }

  /** Forgets dead letters. Returns how many there were. */
  async discard(numbers: Iterable<number>): Promise<number> {
    this.#expectDisk();
    const discarded = this.#parts.dead.remove(numbers);
    await this.#flush();
    return discarded;
  }

  /** Gives up what is spooled and not in flight; the far end is told. Returns how many there were. */
  async discardSpooled(): Promise<number> {
    this.#expectDisk();
    const discarded = await this.#parts.keeper.discard();
    await this.#flush();
    return discarded;
  }

  async #flush(): Promise<void> {
    await this.#parts.keeper.spool?.flush();
  }

  #expectDisk(): void {
    const { store, reason } = this.#parts.keeper;
    if (!store || reason !== undefined)
      throw new StoreError('broken', `the spool is not to be changed now: ${reason ?? 'it is being opened'}`);
  }
}
