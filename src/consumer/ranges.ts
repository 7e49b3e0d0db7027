/**
 * A set of whole numbers, kept as the ranges that they form: one range for a stream without holes, however long it is.
 * Ranges are disjoint, ascending and never touch. Adding at the end costs nothing; elsewhere, a search and a move.
 */

/** Whole numbers from `first` to `last`, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export const sizeOf = ({ first, last }: Range): number => last - first + 1;
export const sizeOfAll = (ranges: readonly Range[]): number => ranges.reduce((sum, range) => sum + sizeOf(range), 0);

export class RangeSet {
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];

  /** How many ranges there are: what the set costs. */
  get ranges(): number {
    return this.#firsts.length;
  }

  /** The highest number in it, or 0. */
  get highest(): number {
    return this.#lasts.at(-1) ?? 0;
  }

  /** How many numbers are in it. */
  get count(): number {
    return this.#firsts.reduce((sum, first, i) => sum + (this.#lasts[i] as number) - first + 1, 0);
  }

  has(n: number): boolean {
    const at = this.#find(n);
    return at < this.#firsts.length && (this.#firsts[at] as number) <= n;
  }

  /** Adds one number; false when it is there already. */
  add(n: number): boolean {
    const end = this.#lasts.length - 1;
    if (end >= 0 && this.#lasts[end] === n - 1) {
      this.#lasts[end] = n;
      return true;
    }
    if (this.has(n)) return false;
    this.addRange(n, n);
    return true;
  }

  /** Adds the numbers from `first` to `last`, whichever of them are there already. */
  addRange(first: number, last: number): void {
    if (last < first) return;
    // Every range that touches or overlaps the new one becomes part of it.
    const from = this.#find(first - 1);
    let to = from;
    let [low, high] = [first, last];
    while (to < this.#firsts.length && (this.#firsts[to] as number) <= last + 1) {
      low = Math.min(low, this.#firsts[to] as number);
      high = Math.max(high, this.#lasts[to] as number);
      to++;
    }
    this.#firsts.splice(from, to - from, low);
    this.#lasts.splice(from, to - from, high);
  }

  /** Forgets the lowest ranges, all but the last `keep` of them. */
  forgetLowest(keep: number): void {
    const away = Math.max(0, this.#firsts.length - keep);
    this.#firsts.splice(0, away);
    this.#lasts.splice(0, away);
  }

  *[Symbol.iterator](): Generator<Range, void> {
    for (let i = 0; i < this.#firsts.length; i++) yield { first: this.#firsts[i] as number, last: this.#lasts[i] as number };
  }

  /** What of these ranges, which ascend, is in the set and what is not. */
  split(ranges: readonly Range[]): { inside: Range[]; outside: Range[] } {
    const [inside, outside]: [Range[], Range[]] = [[], []];
    for (const { first, last } of ranges) {
      let at = first;
      for (let i = this.#find(first); at <= last && i < this.#firsts.length; i++) {
        const [low, high] = [Math.max(this.#firsts[i] as number, at), Math.min(this.#lasts[i] as number, last)];
        if (low > last) break;
        if (low > at) outside.push({ first: at, last: low - 1 });
        inside.push({ first: low, last: high });
        at = high + 1;
      }
      if (at <= last) outside.push({ first: at, last });
    }
    return { inside, outside };
  }

  /** Index of the first range that does not end before `n`. */
  #find(n: number): number {
    let [low, high] = [0, this.#lasts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lasts[middle] as number) < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
