/**
 * What a lane will not deliver and has not yet told: ranges of numbers, waiting to go out as a notice.
 *
 *   pending ──take──▶ telling ──told──▶ gone
 *      ▲                 │
 *      └─────keep────────┘
 *
 * Ranges that touch are one; beyond `RANGES_MAX` neighbours are merged, and then `events` says how many of a range's numbers are lost.
 */
import type { DropReason } from '../ledger.ts';

/** Ranges that a lane remembers at most. */
const RANGES_MAX = 1000;

export type LossReason = DropReason | 'dead_lettered' | 'unclean_stop' | 'several';

export interface LossRange {
  readonly run: string;
  reason: LossReason;
  readonly first: number;
  /** Undefined after an unclean stop: nobody knows how many there were. So is `events`. */
  last: number | undefined;
  events: number | undefined;
  /** After an unclean stop: the most that were being sent at once. */
  readonly window?: number | undefined;
}

export class Losses {
  #pending: LossRange[] = [];
  #telling: LossRange[] = [];
  /** Whether what is on disk is not this. */
  dirty = false;

  get any(): boolean {
    return this.#pending.length > 0;
  }

  /** Whether there is something to tell that the disk does not know of. */
  get unkept(): boolean {
    return this.dirty && this.#pending.length + this.#telling.length > 0;
  }

  /** Everything that is not told yet, as it is to be kept on disk. */
  all(): readonly LossRange[] {
    return [...this.#telling, ...this.#pending];
  }

  /** `events` numbers from `first` on, up to `last`. */
  add(run: string, reason: LossReason, first: number, last = first, events = last - first + 1): void {
    this.dirty = true;
    const before = this.#pending.findLast((range) => range.run === run && range.reason === reason);
    if (before?.last !== undefined && before.last + 1 === first) {
      before.last = last;
      before.events = (before.events ?? 0) + events;
      return;
    }
    this.#pending.push({ run, reason, first, last, events });
    if (this.#pending.length > RANGES_MAX) this.#merge();
  }

  /** A run ended uncleanly: of its numbers from `first` on, those that do not come are lost. */
  addOpen(run: string, first: number, window: number | undefined): void {
    this.dirty = true;
    this.#pending.push({ run, reason: 'unclean_stop', first, last: undefined, events: undefined, window });
  }

  /** Puts what was kept on disk in front. */
  restore(ranges: readonly LossRange[]): void {
    this.#pending = [...ranges.map((range) => ({ ...range })), ...this.#pending];
  }

  /** What the next notices tell: everything, because what follows them may be behind any of it. Until `told` or `keep`. */
  take(): readonly LossRange[] {
    this.#telling = this.#pending;
    this.#pending = [];
    return this.#telling;
  }

  told(): void {
    if (this.#telling.length > 0) this.dirty = true;
    this.#telling = [];
  }

  keep(): void {
    this.#pending = [...this.#telling, ...this.#pending];
    this.#telling = [];
  }

  /** Makes one range of the two neighbours of one run that are nearest to each other. */
  #merge(): void {
    let best: { a: LossRange; b: LossRange; cost: number } | undefined;
    // Ranges of several runs may take turns.
    const before = new Map<string, LossRange>();
    for (const b of this.#pending) {
      const a = before.get(b.run);
      if (b.last === undefined) continue;
      before.set(b.run, b);
      if (a?.last === undefined) continue;
      const cost = Math.abs(b.first - a.last) + (a.reason === b.reason ? 0 : RANGES_MAX);
      if (!best || cost < best.cost) best = { a, b, cost };
    }
    if (!best) return;
    const { a, b } = best;
    const merged = {
      run: a.run,
      reason: a.reason === b.reason ? a.reason : ('several' as const),
      first: Math.min(a.first, b.first),
      last: Math.max(a.last ?? 0, b.last ?? 0),
      events: (a.events ?? 0) + (b.events ?? 0),
    };
    this.#pending.splice(this.#pending.indexOf(a), 1, merged);
    this.#pending.splice(this.#pending.indexOf(b), 1);
  }
}
