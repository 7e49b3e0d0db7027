/**
 * What groups of processes used up, so that nothing is lost when a process ends and nothing is counted twice.
 *
 * A group's counter is the sum of what its members' counters grew by, each from its birth, while they were members. A process that
 * ends leaves what was last read of it in the sum; what it used up after that is told by its parent: when a process waits for a child
 * that ended, the kernel adds the child's counters to the parent's.
 *
 *   CPU, faults  the parent keeps those of its children apart from its own. With `tails` their growth is counted too.
 *   io           the parent's own counters grow by the child's. That growth is always there.
 *
 * Either way the growth holds the whole life of the child, of which most was counted while it lived. So a process that ends is *owed*
 * by its parent: what was counted of it is taken off the growth. If its parent ended as well, whoever of its ancestors waited for it is
 * unknown, and all of them owe it. The kernel adds at the moment of the wait, which lies before or after the moments at which a
 * scan finds the child missing and reads the parent: a debt is settled by the growth of the same sample, of the one before or of the
 * one after, and is forgotten then, because some parents do not wait (SIGCHLD ignored) and nothing is added to them.
 *
 * A debt settled late has been counted twice for one sample. What a group shows is therefore the highest sum so far: it stands still
 * until the sum has caught up, and never falls.
 */
import { Account, MOVING, WAITED_COUNTERS } from './account.ts';
import { Group } from './group.ts';
import { COUNTERS, type Process } from './process.ts';
import type { ProcessTable } from './table.ts';

/** Groups that are named by their processes and have no member are kept up to this number, the emptied longest ago go first. */
const EMPTY_GROUPS_MAX = 64;
/** Ancestors that are looked at; a longer line of descent is a circle. */
const ANCESTORS_MAX = 1000;

export class Ledger {
  /** In the order in which they came up. */
  readonly groups = new Map<string, Group>();
  /** Processes that belong to no group, because there are too many groups. */
  omitted = 0;
  readonly #accounts = new Map<Process, Account>();
  readonly #limit: number;
  readonly #tails: boolean;
  #sample = 0;
  /** Those that were found to be gone at the last sample, by number: their children may be found so one sample later. */
  #gone: ReadonlyMap<string, Process> = new Map();

  /** `lasting` are the groups that are there from the start; `tails` counts what children used up after they were last read. */
  constructor(lasting: readonly string[], limit: number, tails: boolean) {
    for (const name of lasting) this.groups.set(name, new Group(name, true));
    this.#limit = limit;
    this.#tails = tails;
  }

  /** Enters one sample: the chosen processes with all that was read of them, and those that are gone. */
  enter(chosen: readonly Process[], keyOf: (process: Process) => string | undefined, table: ProcessTable): void {
    this.#sample++;
    this.omitted = 0;
    this.#bury(table.gone, (pid) => table.get(pid));
    for (const group of this.groups.values()) group.members = [];
    for (const process of chosen) {
      const group = this.#group(keyOf(process) ?? '');
      if (!group) continue;
      group.members.push(process);
      this.#count(process, group);
    }
    for (const group of this.groups.values()) {
      if (group.members.length > 0) group.filled = this.#sample;
      group.show();
    }
    this.#dropEmpty();
  }

  #group(name: string): Group | undefined {
    const known = this.groups.get(name);
    if (known) return known;
    if (this.groups.size >= this.#limit) {
      this.omitted++;
      return undefined;
    }
    const group = new Group(name, false);
    this.groups.set(name, group);
    return group;
  }

  #count(process: Process, group: Group): void {
    const account = this.#account(process);
    const { counted, waited } = account;
    account.open(group, process);
    for (let i = 0; i < COUNTERS; i++) {
      const now = process.counters[i] as number;
      if (Number.isNaN(now)) continue;
      const growth = Math.max(0, now - (counted[i] as number));
      counted[i] = now;
      if (i >= WAITED_COUNTERS && i < MOVING) account.settle(i, growth);
      else group.add(i, growth);
    }
    for (let i = 0; i < WAITED_COUNTERS; i++) {
      const growth = Math.max(0, (process.waited[i] as number) - (waited[i] as number));
      waited[i] = process.waited[i] as number;
      if (this.#tails) account.settle(i, growth);
    }
  }

  #account(process: Process): Account {
    const known = this.#accounts.get(process);
    if (known) return known;
    const account = new Account();
    this.#accounts.set(process, account);
    return account;
  }

  /**
   * Closes the accounts of those that are gone, whose debts go to whoever may have waited for them. A parent that is gone as well
   * may have waited in its last sample, so that its growth then already had the child in it.
   */
  #bury(gone: readonly Process[], living: (pid: string) => Process | undefined): void {
    const accounts = new Map(gone.map((process) => [process, this.#accounts.get(process)]));
    const [before, now] = [this.#gone, new Map(gone.map((process) => [process.pid, process]))];
    this.#gone = now;
    const holders = (pid: string): (Process | undefined)[] => [living(pid), now.get(pid), before.get(pid)];
    for (const process of gone) this.#accounts.delete(process);
    for (const [process, account] of accounts) {
      if (!account) continue;
      const debts = account.debts();
      for (const ancestor of heirs(process, holders)) {
        if (living(ancestor.pid) === ancestor) this.#account(ancestor).owe(debts);
        else accounts.get(ancestor)?.settleLate(debts);
      }
    }
  }

  #dropEmpty(): void {
    const empty = [...this.groups.values()].filter((group) => !group.lasting && group.members.length === 0);
    const excess = Math.max(empty.length - EMPTY_GROUPS_MAX, this.groups.size + this.omitted - this.#limit);
    if (excess <= 0) return;
    empty.sort((a, b) => a.filled - b.filled);
    for (const group of empty.slice(0, excess)) this.groups.delete(group.name);
  }
}

/**
 * Who may have waited for a process that is gone: its parent, or, when that is gone too, any of its ancestors, the nearest first.
 * `holders` are those that have or had a number: one that lives and then those that are gone.
 */
function heirs(process: Process, holders: (pid: string) => readonly (Process | undefined)[]): Process[] {
  const found: Process[] = [];
  let child = process;
  for (let i = 0; i < ANCESTORS_MAX; i++) {
    const candidates = holders(child.parent);
    const parent = youngestBefore(child, candidates);
    if (!parent) break;
    found.push(parent);
    if (i === 0 && parent === candidates[0]) break;
    child = parent;
  }
  return found;
}

/** Of several that had the number of a parent, the one that had it when the child was born. */
function youngestBefore(child: Process, candidates: readonly (Process | undefined)[]): Process | undefined {
  let found: Process | undefined;
  for (const one of candidates) {
    if (one && one !== child && one.start <= child.start && (!found || one.start > found.start)) found = one;
  }
  return found;
}
