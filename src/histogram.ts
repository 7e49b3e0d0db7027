/** Counts values in fixed buckets: an addition for each value, or for many that are equal, and nothing else. */

/** What a histogram has counted. */
export interface HistogramView {
  /** Upper bounds of the buckets, included in them; one more bucket, without a bound, follows. */
  readonly bounds: readonly number[];
  /** Values in each bucket, those of the buckets before not among them. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** `bounds` rise. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number, times = 1): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + times;
    this.#count += times;
    this.#sum += value * times;
  }

  view(): HistogramView {
    return { bounds: this.#bounds, counts: [...this.#counts], count: this.#count, sum: this.#sum };
  }
}
