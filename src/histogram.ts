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

/** What came since an earlier look at the same histogram; one that has counted less since is another, and all of it is new. */
export function sinceThen(now: HistogramView, then: HistogramView | undefined): HistogramView {
  if (!then || now.count < then.count) return now;
  const counts = now.counts.map((count, i) => count - (then.counts[i] ?? 0));
  return { bounds: now.bounds, counts, count: now.count - then.count, sum: now.sum - then.sum };
}

/**
 * The value that this share (0 to 1) of all values does not exceed, estimated within its bucket as Prometheus' `histogram_quantile` does;
 * what is above the last bound counts as that bound. Undefined without values.
 */
export function quantile({ bounds, counts, count }: HistogramView, share: number): number | undefined {
  if (count === 0) return undefined;
  let left = share * count;
  for (const [i, upper] of bounds.entries()) {
    const here = counts[i] ?? 0;
    const lower = bounds[i - 1] ?? 0;
    if (here > 0 && left <= here) return lower + ((upper - lower) * left) / here;
    left -= here;
  }
  return bounds.at(-1);
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
