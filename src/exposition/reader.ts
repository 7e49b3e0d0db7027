/**
 * Pages of samples from bytes: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 1.0, names in UTF-8.
 *
 *   lenient   what the Prometheus server reads; the default
 *   strict    every rule of OpenMetrics 1.0, or for the text format those of prometheus/common
 *
 * A page that was read before is the key to the next one: see `follow.ts`. One reader serves any number of targets, one after the other.
 */
import { NEWLINE } from './ascii.ts';
import { Builder } from './builder.ts';
import type { Policy, Rules } from './contract.ts';
import { Follower, type RowExemplar, sameTail } from './follow.ts';
import type { Page } from './page.ts';
import { type Body, PADDING, SeriesParser, Vocabulary } from './series.ts';
import { TailParser } from './tail.ts';

export interface ReadOptions {
  readonly openMetrics: boolean;
  /** Rules that are to be kept; the page is lenient without. */
  readonly rules?: Rules | undefined;
  readonly policy?: Policy | undefined;
  /** Timestamps of the page are as if they were not there. */
  readonly ignoreTimestamps?: boolean;
}

export interface Reading {
  readonly page: Page;
  /** The values of all rows, and behind them, where the page is `timed`, their timestamps in seconds. */
  readonly values: Float64Array;
  readonly exemplars: readonly RowExemplar[];
}

export class PageReader {
  readonly #vocabulary = new Vocabulary();
  readonly #series = new SeriesParser(this.#vocabulary);
  readonly #tail = new TailParser(new SeriesParser(this.#vocabulary));
  readonly #follower = new Follower(this.#tail);

  /**
   * Reads the first `length` bytes of a body, which must have room for PADDING more. `before` are pages that it may be like, the likeliest first; one that it is the
   * same as, but for the values, is the page of the result. Throws `ExpositionError` for what the format does not allow.
   */
  read(bytes: Buffer, length: number, before: readonly Page[], options: ReadOptions): Reading {
    const { openMetrics, rules, policy, ignoreTimestamps = false } = options;
    bytes.fill(NEWLINE, length, length + PADDING);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length + PADDING);
    const body: Body = { bytes, view, length, grammar: { openMetrics, strict: rules !== undefined } };
    this.#series.begin(body);
    this.#tail.begin(body);
    if (rules === undefined) {
      for (const page of before) {
        const reading = page.openMetrics === openMetrics ? this.#follow(page, body, ignoreTimestamps) : undefined;
        if (reading !== undefined) return reading;
      }
    }
    const parts = { strings: this.#vocabulary.strings, series: this.#series, tail: this.#tail };
    const { page, columns } = new Builder(parts, body, before[0], { policy, ignoreTimestamps, rules }).build();
    return { page, values: columns.numbers(), exemplars: columns.exemplars };
  }

  #follow(page: Page, body: Body, ignoreTimestamps: boolean): Reading | undefined {
    const values = new Float64Array(page.layout.rows * (page.timed ? 2 : 1));
    const exemplars: RowExemplar[] = [];
    this.#follower.ignoreTimestamps = ignoreTimestamps;
    const { item, at } = this.#follower.follow(page, body, values, exemplars);
    return item === page.items && sameTail(page, body, at) ? { page, values, exemplars } : undefined;
  }
}
