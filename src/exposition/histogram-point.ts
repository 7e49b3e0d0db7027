/** The rules of one point of a histogram or gauge histogram: its buckets, its sum and its count. */
import { broken } from './broken.ts';
import type { RuleSample } from './builder.ts';
import { numberOf } from './number.ts';

export class HistogramPoint {
  #bound = Number.NEGATIVE_INFINITY;
  #buckets = 0;
  #value = 0;
  #count: number | undefined;
  #sum = false;
  #gaugeSum = false;
  #negativeSum = false;
  #negativeBounds = false;

  add(suffix: string, { keys, texts, value }: RuleSample): void {
    if (suffix === '_bucket') this.#bucket(numberOf(texts[keys.indexOf('le')] ?? '') ?? Number.NaN, value);
    else if (suffix === '_count' || suffix === '_gcount') this.#count = value;
    else if (suffix === '_sum') this.#sum = true;
    else if (suffix === '_gsum') {
      this.#gaugeSum = true;
      this.#negativeSum = value < 0;
    }
  }

  #bucket(bound: number, value: number): void {
    if (this.#buckets > 0 && bound <= this.#bound) broken('the bounds of buckets do not grow');
    if (value < this.#value) broken('a bucket holds less than the one before');
    if (bound < 0) this.#negativeBounds = true;
    this.#buckets++;
    this.#bound = bound;
    this.#value = value;
  }

  /** All of the point is there. */
  end(): void {
    const summed = this.#sum || this.#gaugeSum;
    if (this.#bound !== Number.POSITIVE_INFINITY) broken('the histogram has no last bucket, le="+Inf"');
    if (this.#count !== undefined && this.#count !== this.#value) broken('the count is not what the last bucket holds');
    if (summed && this.#count === undefined) broken('the histogram has a sum and no count');
    if (!summed && this.#count !== undefined) broken('the histogram has a count and no sum');
    if (this.#negativeBounds && this.#sum) broken('a histogram with negative bounds has no sum');
    if (!this.#negativeBounds && this.#negativeSum) broken('the sum is negative and no bound is');
  }
}
