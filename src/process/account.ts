/** What was counted of one process of a group, and what it owes for processes that ended: see `ledger.ts`. */
import type { Group } from './group.ts';
import { COUNTER, COUNTERS, type Process } from './process.ts';

/** Counters that a parent keeps of its children apart from its own: CPU times and faults. */
export const WAITED_COUNTERS = COUNTER.readBytes;
/** Counters that move to a parent: these, and those of `io`; not the context switches. */
export const MOVING = COUNTER.voluntary;

export class Account {
  /** What was counted of the process itself, and of what it was told of children. */
  readonly counted = new Float64Array(COUNTERS);
  readonly waited = new Float64Array(WAITED_COUNTERS);
  /** Debts for processes that ended since the last sample, and what remained of those before. */
  readonly #owed = new Float64Array(MOVING);
  readonly #owedBefore = new Float64Array(MOVING);
  /** Growth at the last sample that settled no debt. */
  readonly #grown = new Float64Array(MOVING);
  #group: Group | undefined;
  /** It waited for a child between the last two samples, or the two before. */
  #reaped = false;
  #reapedBefore = false;

  /** Begins a sample, before anything of it is counted. */
  open(group: Group, process: Process): void {
    this.#group = group;
    this.#reapedBefore = this.#reaped;
    // Whoever waits for a child is told of page faults, which every process has.
    this.#reaped = (process.waited[COUNTER.minorFaults] as number) > (this.waited[COUNTER.minorFaults] as number);
  }

  owe(debts: Float64Array): void {
    for (let i = 0; i < MOVING; i++) this.#owed[i] = (this.#owed[i] as number) + (debts[i] as number);
  }

  /** Counts a growth, less the debts that it settles. What would be forgotten first is used first, of growth and of debts. */
  settle(counter: number, growth: number): void {
    const may = this.#mayHaveWaited;
    const before = may ? (this.#owedBefore[counter] as number) : 0;
    const late = may ? Math.min(this.#owed[counter] as number, this.#grown[counter] as number) : 0;
    const owed = (this.#owed[counter] as number) - late;
    const now = may ? Math.min(before + owed, growth) : 0;
    this.#owedBefore[counter] = owed - Math.max(0, now - before);
    this.#owed[counter] = 0;
    this.#grown[counter] = growth - now;
    this.#group?.add(counter, growth - now - late);
  }

  /** Settles debts by the growth of the last sample, after the process ended. Takes off `debts` what is settled. */
  settleLate(debts: Float64Array): void {
    if (!this.#mayHaveWaited) return;
    for (let i = 0; i < MOVING; i++) {
      const late = Math.min(debts[i] as number, this.#grown[i] as number);
      if (late <= 0) continue;
      this.#grown[i] = (this.#grown[i] as number) - late;
      debts[i] = (debts[i] as number) - late;
      this.#group?.add(i, -late);
    }
  }

  /** What whoever waited for the process is told of it, as far as it was counted. */
  debts(): Float64Array {
    return Float64Array.from({ length: MOVING }, (_, i) => {
      const waited = i < WAITED_COUNTERS ? (this.waited[i] as number) : 0;
      return (this.counted[i] as number) + waited + (this.#owed[i] as number) + (this.#owedBefore[i] as number);
    });
  }

  get #mayHaveWaited(): boolean {
    return this.#reaped || this.#reapedBefore;
  }
}
