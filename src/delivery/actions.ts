/** What an operator does with dead letters while the service runs. */
import { type DeadLetter, type DeadLetters, readDeadLetters } from './dead-letters.ts';
import type { Intake } from './intake.ts';
import type { Keeper } from './keeper.ts';

export class Actions {
  readonly #dead: DeadLetters;
  readonly #intake: Intake;
  readonly #keeper: Keeper;

  constructor(dead: DeadLetters, intake: Intake, keeper: Keeper) {
    this.#dead = dead;
    this.#intake = intake;
    this.#keeper = keeper;
  }

  /** The dead letters on disk, oldest first; none while the disk fails. */
  async *deadLetters(): AsyncIterable<DeadLetter> {
    const { store } = this.#keeper;
    if (store) yield* readDeadLetters(store);
  }

  /**
   * Sends dead letters again, each at the end of its lane with a new number. It has a place on disk before its dead letter is deleted, so
   * that a crash loses neither. Returns how many there were.
   */
  async retry(numbers: Iterable<number>): Promise<number> {
    const wanted = new Set(numbers);
    let retried = 0;
    for await (const { number, entry } of this.deadLetters()) {
      if (!wanted.has(number) || this.#dead.remove([number]) === 0) continue;
      this.#intake.resubmit(entry);
      this.#intake.lane(entry.lane).spill(() => true);
      retried++;
    }
    this.#keeper.work();
    return retried;
  }

  /** Drops dead letters for good. Returns how many there were. */
  discard(numbers: Iterable<number>): number {
    const discarded = this.#dead.remove(numbers);
    this.#keeper.work();
    return discarded;
  }
}
