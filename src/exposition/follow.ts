/**
 * Reads a page along one that was read before: each sample's texts must be the same bytes at the same place, so that nothing is left to do
 * but its number. This is what a scrape costs when it is not the first.
 */
import { NEWLINE } from './ascii.ts';
import { sameBytes } from './bytes.ts';
import type { Page } from './page.ts';
import type { Body } from './series.ts';
import type { Exemplar, TailParser } from './tail.ts';

/** How far a page was followed. */
export interface Followed {
  /** Items whose values are read. */
  item: number;
  /** Where the next item begins in the body. */
  at: number;
}

/** One row's exemplar. */
export interface RowExemplar extends Exemplar {
  readonly row: number;
}

export class Follower {
  readonly #tail: TailParser;
  readonly #dropped = new Float64Array(1);

  constructor(tail: TailParser) {
    this.#tail = tail;
  }

  /**
   * Reads samples into `values` (the timestamps of stamped ones behind the values of all rows) for as long as the body is as the page was, and
   * stops at the first item where it is not, or has an error, which reading it anew will find.
   */
  follow(page: Page, body: Body, values: Float64Array, exemplars: RowExemplar[]): Followed {
    const { heads, blocks, rows, stamped, items } = page;
    const { view: known, starts } = page.texts;
    const { bytes, view, length } = body;
    const count = page.layout.rows;
    const tail = this.#tail;
    const dropped = this.#dropped;
    let at = 0;
    let i = 0;
    for (; i < items; i++) {
      const head = heads[i] as number;
      const block = blocks[i] as number;
      const headAt = starts[head] as number;
      const blockAt = starts[block] as number;
      const blockBody = at + (starts[head + 1] as number) - headAt;
      const valueAt = blockBody + (starts[block + 1] as number) - blockAt;
      // The labels first: they are what most often is another.
      if (valueAt > length || !sameBytes(known, blockAt, view, blockBody, valueAt - blockBody)) break;
      if (!sameBytes(known, headAt, view, at, blockBody - at)) break;
      const row = rows === undefined ? i : (rows[i] as number);
      let end: number;
      try {
        end = row < 0 ? tail.value(valueAt, dropped, 0) : tail.value(valueAt, values, row);
        if (bytes[end] === NEWLINE) {
          if (stamped?.[i]) break;
          at = end + 1;
          continue;
        }
        end = tail.rest(end);
      } catch {
        break;
      }
      const { timestamp, exemplar } = tail;
      const has = stamped !== undefined && stamped[i] === 1;
      if (has === Number.isNaN(timestamp) && (has || !this.ignoreTimestamps)) break;
      if (has && row >= 0) values[count + row] = timestamp;
      if (exemplar && row >= 0) exemplars.push({ row, ...exemplar });
      at = end;
    }
    return { item: i, at };
  }

  /** Timestamps of the page are as if they were not there. */
  ignoreTimestamps = false;
}

/** Whether everything behind the last sample is the same, too. */
export function sameTail({ texts, tail }: Page, { view, length }: Body, at: number): boolean {
  const from = texts.starts[tail] as number;
  const size = (texts.starts[tail + 1] as number) - from;
  return length - Math.min(at, length) === size && sameBytes(texts.view, from, view, at, size);
}
