/**
 * What the losses that a sink tells of explain: which numbers of a stream will not come, and why.
 *
 *   dense    every number of a range is lost: kept as ranges, by reason; told twice is told once
 *   sparse   some numbers of a range are lost, known only by how many; the same row told twice is one
 *   open     an unclean stop: numbers from `first` on, among the last `window` before the highest that arrived, or above it
 *
 * A hole is held against all of them so that as much of it as possible is explained: dense first, then sparse ones, each number by
 * the range that ends first, which leaves the fewest unexplained (Glover's matching of points to intervals), open ones last.
 *
 * Limit: `LOSSES_MAX` ranges. Beyond it those that speak of nothing missing are forgotten, and then sparse neighbours become one.
 */

import { DecodeError } from '../codec/decode.ts';
import type { DecodedEvent } from '../codec/format.ts';
import { LOSS_TYPE } from '../delivery/loss.ts';
import { type Range, RangeSet, sizeOf, sizeOfAll } from './ranges.ts';

const LOSSES_MAX = 10_000;

/** One row of a `tidegate.loss` event; see `src/delivery/loss.ts` for what each means. */
export interface Loss {
  readonly run: string;
  readonly lane: number;
  readonly reason: string;
  readonly first: number;
  /** Undefined after an unclean stop, as `events` is. */
  readonly last: number | undefined;
  readonly events: number | undefined;
  readonly window: number | undefined;
}

/** The rows of a `tidegate.loss` event; none of an event of another type. Throws `DecodeError` when they make no sense. */
export function lossesOf({ type, rows, attributes, fields }: DecodedEvent): Loss[] {
  if (type !== LOSS_TYPE) return [];
  const text = (name: string, r: number): string => {
    const cell = attributes[name]?.[r];
    if (typeof cell !== 'string' || cell === '') throw new DecodeError(`${LOSS_TYPE} has no ${name} in row ${r}`);
    return cell;
  };
  const number = (name: string, r: number): number | undefined => {
    const value = fields[name]?.values[r] ?? undefined;
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new DecodeError(`${LOSS_TYPE}: ${name} is ${value} in row ${r}; expected a whole number`);
    }
    return value;
  };
  return Array.from({ length: rows }, (_, r) => {
    const loss: Loss = {
      run: text('tidegate.run', r),
      lane: Number(text('tidegate.lane', r)),
      reason: text('tidegate.reason', r),
      first: number('first', r) ?? Number.NaN,
      last: number('last', r),
      events: number('events', r),
      window: number('window', r),
    };
    const closed = loss.last !== undefined && loss.events !== undefined && loss.last >= loss.first;
    const open = loss.last === undefined && loss.window !== undefined;
    if (!(loss.first >= 1) || !Number.isInteger(loss.lane) || !(closed || open)) {
      throw new DecodeError(`${LOSS_TYPE}: row ${r} has neither first, last and events nor first and window`);
    }
    return loss;
  });
}

interface Sparse extends Range {
  readonly reason: string;
  /** How many of its numbers are lost, but for those of holes that are settled. */
  events: number;
}

interface Open {
  readonly reason: string;
  readonly first: number;
  readonly window: number;
}

/** What became of missing numbers: how many are explained, by reason, and which are not. */
export interface Explained {
  readonly lost: Map<string, number>;
  readonly unexplained: Range[];
}

/** The losses told of one stream. */
export class Losses {
  readonly #max: number;
  readonly #dense = new Map<string, RangeSet>();
  /** By what they say, so that a row that is told again is not counted again. */
  #sparse = new Map<string, Sparse>();
  readonly #open = new Map<string, Open>();
  /** The highest number that a loss speaks of, or 0. */
  highest = 0;

  constructor(max = LOSSES_MAX) {
    this.#max = max;
  }

  /** How many ranges are kept. */
  get size(): number {
    let ranges = this.#sparse.size + this.#open.size;
    for (const set of this.#dense.values()) ranges += set.ranges;
    return ranges;
  }

  /** Takes a row in. `missing` yields the holes as they are, and is only called when there are too many rows. */
  add(loss: Loss, missing: () => Range[]): void {
    const { reason, first, last, events, window } = loss;
    if (last === undefined) this.#open.set(`${reason}/${first}/${window}`, { reason, first, window: window ?? 0 });
    else {
      this.highest = Math.max(this.highest, last);
      if ((events as number) >= last - first + 1) this.#denseOf(reason).addRange(first, last);
      else if (events !== 0) {
        const key = `${reason}/${first}/${last}/${events}`;
        if (!this.#sparse.has(key)) this.#sparse.set(key, { reason, first, last, events: events as number });
      }
    }
    if (this.size > this.#max) this.#shrink(missing());
  }

  #denseOf(reason: string): RangeSet {
    let set = this.#dense.get(reason);
    if (!set) this.#dense.set(reason, (set = new RangeSet()));
    return set;
  }

  /**
   * Holds missing numbers, in ascending ranges, against what was told. `highest` is the highest number that has arrived. With `settle`
   * these numbers are done with: what sparse rows say of them is used up.
   */
  explain(missing: readonly Range[], highest: number, settle = false): Explained {
    const lost = new Map<string, number>();
    const count = (reason: string, events: number): void => {
      if (events > 0) lost.set(reason, (lost.get(reason) ?? 0) + events);
    };
    let rest = [...missing];
    for (const [reason, set] of this.#dense) {
      const { inside, outside } = set.split(rest);
      count(reason, sizeOfAll(inside));
      rest = outside;
    }
    // What an unclean stop explains needs no sparse row; only what those have left over is taken from there.
    const opens = [...this.#open.values()].map((open) => ({ ...open, from: Math.max(open.first, highest - open.window + 1) }));
    const from = Math.min(...opens.map((open) => open.from));
    const [closed, covered] = cut(rest, from);
    const left = settle ? [...this.#sparse.values()] : [...this.#sparse.values()].map((sparse) => ({ ...sparse }));
    const unexplained = spend(closed, left, count);
    for (const { reason, from: start } of opens.toSorted((a, b) => b.from - a.from)) {
      // From the narrowest to the widest, each takes what those before it did not reach.
      const [before, after] = cut(covered.splice(0), start);
      count(reason, sizeOfAll(spend(after, left, count)));
      covered.push(...before);
    }
    return { lost, unexplained };
  }

  #shrink(missing: readonly Range[]): void {
    const holes = new RangeSet();
    for (const { first, last } of missing) holes.addRange(first, last);
    const speaks = (range: Range): boolean => holes.split([range]).inside.length > 0;
    for (const [reason, set] of this.#dense) {
      const kept = new RangeSet();
      for (const range of set) if (speaks(range)) kept.addRange(range.first, range.last);
      if (kept.ranges === 0) this.#dense.delete(reason);
      else this.#dense.set(reason, kept);
    }
    this.#sparse = new Map([...this.#sparse].filter(([, sparse]) => sparse.events > 0 && speaks(sparse)));
    // Half of the room, so that this is not done again at the next row.
    if (this.size > this.#max / 2) this.#join();
  }

  /** Makes neighbours one: they may explain a little more than they said, which is better than forgetting what they said. */
  #join(): void {
    const byReason = Map.groupBy(this.#sparse.values(), ({ reason }) => reason);
    this.#sparse = new Map();
    for (const [reason, rows] of byReason) {
      rows.sort((a, b) => a.first - b.first);
      for (let i = 0; i < rows.length; i += 4) {
        const four = rows.slice(i, i + 4);
        const [first, last] = [Math.min(...four.map((row) => row.first)), Math.max(...four.map((row) => row.last))];
        const events = four.reduce((sum, row) => sum + row.events, 0);
        this.#sparse.set(`${reason}/${first}/${last}/${events}`, { reason, first, last, events });
      }
    }
    for (const set of this.#dense.values()) set.forgetLowest(Math.ceil(this.#max / 2));
    for (const key of [...this.#open.keys()].slice(0, -Math.ceil(this.#max / 4))) this.#open.delete(key);
  }
}

/** Ranges below a number, and from it on. */
function cut(ranges: readonly Range[], at: number): [below: Range[], from: Range[]] {
  const [below, from]: [Range[], Range[]] = [[], []];
  for (const range of ranges) {
    if (range.last < at) below.push(range);
    else if (range.first >= at) from.push(range);
    else {
      below.push({ first: range.first, last: at - 1 });
      from.push({ first: at, last: range.last });
    }
  }
  return [below, from];
}

/** Spends sparse rows on missing numbers, the row that ends first before the others, and returns what none was left for. */
function spend(missing: readonly Range[], rows: Sparse[], count: (reason: string, events: number) => void): Range[] {
  const waiting = rows.filter(({ events }) => events > 0).toSorted((a, b) => b.first - a.first);
  let active: Sparse[] = [];
  const left: Range[] = [];
  for (const { first, last } of missing) {
    for (let at = first; at <= last; ) {
      while (waiting.length > 0 && (waiting.at(-1) as Sparse).first <= at) active.push(waiting.pop() as Sparse);
      active = active.filter((row) => row.events > 0 && row.last >= at);
      const next = Math.min(last, (waiting.at(-1)?.first ?? Number.POSITIVE_INFINITY) - 1);
      const row = active.reduce<Sparse | undefined>((best, one) => (best && best.last <= one.last ? best : one), undefined);
      const end = row ? Math.min(next, row.last, at + row.events - 1) : next;
      const piece = { first: at, last: end };
      if (row) {
        row.events -= sizeOf(piece);
        count(row.reason, sizeOf(piece));
      } else left.push(piece);
      at = end + 1;
    }
  }
  return joined(left);
}

/** Ascending ranges, those that touch made one. */
function joined(ranges: readonly Range[]): Range[] {
  const set = new RangeSet();
  for (const { first, last } of ranges) set.addRange(first, last);
  return [...set];
}
