/**
 * What is kept of a page that was read: its bytes, where its samples are in them, and the rows they became.
 *
 *   item    one sample of the page, in its order. Its place is three offsets into `bytes`:
 *             starts[i]   behind the sample before: comments and descriptions stand here
 *             series[i]   the series' text
 *             ends[i]     behind the blank after it: the value
 *   row     an item that is neither dropped nor a repetition. Rows are numbered in the order of items.
 *
 * A page is immutable and may serve many targets: those that run the same software write the same page but for the values.
 */
import type { Layout } from '../event.ts';
import { SPACE, TAB } from './ascii.ts';
import { hashBytes, sameBytes } from './bytes.ts';
import type { Family } from './families.ts';

export interface Page {
  readonly openMetrics: boolean;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly items: number;
  readonly starts: Uint32Array;
  readonly series: Uint32Array;
  readonly ends: Uint32Array;
  /** Where what follows the last sample begins. */
  readonly tail: number;
  /** A hash of the name and labels of each item, in whatever order these are written. */
  readonly hashes: Int32Array;
  /** The row of each item, or -1; absent while every item is the row of its own number. */
  readonly rows: Int32Array | undefined;
  /** 1 for each item that has a timestamp of its own; absent while none has. */
  readonly stamped: Uint8Array | undefined;
  /** Whether any row has a timestamp: its table has a column for them then. */
  readonly timed: boolean;
  /** As in a table of two columns: 1 for each timestamp that a row does not have. Absent while no row has one, or all have. */
  readonly absent: Uint8Array | undefined;
  /** Attributes `name`, `labels` and `kind`. */
  readonly layout: Layout;
  readonly families: readonly Family[];
  /** Items that repeat a series of the same page without a timestamp of their own. */
  readonly repeated: number;
}

export const rowOf = (page: Page, item: number): number => (page.rows === undefined ? item : (page.rows[item] as number));

/** Where a series' text ends: `ends` without the blanks before the value. */
export function seriesEnd(bytes: Buffer, from: number, end: number): number {
  let p = end;
  while (p > from && (bytes[p - 1] === SPACE || bytes[p - 1] === TAB)) p--;
  return p;
}

/** Items by a hash. Open addressing; items are added and never removed, and any number of them may have one hash. */
export class HashIndex {
  #items: Int32Array<ArrayBuffer>;
  #hashes: Int32Array<ArrayBuffer>;
  #count = 0;

  /** `items` is about how many there will be. */
  constructor(items: number) {
    const slots = 2 ** Math.ceil(Math.log2(items * 2 + 16));
    this.#items = new Int32Array(slots);
    this.#hashes = new Int32Array(slots);
  }

  add(hash: number, item: number): void {
    if (this.#count * 2 >= this.#items.length) this.#grow();
    this.#put(hash, item + 1);
    this.#count++;
  }

  /** The first slot from `slot` on whose item has this hash, or -1. Begin with the hash as the slot, go on with the slot behind the last. */
  find(hash: number, slot: number): number {
    const [items, hashes] = [this.#items, this.#hashes];
    const mask = items.length - 1;
    for (let at = slot & mask; ; at = (at + 1) & mask) {
      if (items[at] === 0) return -1;
      if (hashes[at] === hash) return at;
    }
  }

  itemAt(slot: number): number {
    return (this.#items[slot] as number) - 1;
  }

  #put(hash: number, entry: number): void {
    const mask = this.#items.length - 1;
    let slot = hash & mask;
    while (this.#items[slot] !== 0) slot = (slot + 1) & mask;
    this.#items[slot] = entry;
    this.#hashes[slot] = hash;
  }

  #grow(): void {
    const [items, hashes] = [this.#items, this.#hashes];
    this.#items = new Int32Array(items.length * 2);
    this.#hashes = new Int32Array(items.length * 2);
    for (let i = 0; i < items.length; i++) if (items[i] !== 0) this.#put(hashes[i] as number, items[i] as number);
  }
}

/** The items of a page by the bytes of their series. */
export class SeriesIndex {
  readonly #page: Page;
  readonly #index: HashIndex;

  constructor(page: Page) {
    this.#page = page;
    this.#index = new HashIndex(page.items);
    for (let i = 0; i < page.items; i++) {
      const from = page.series[i] as number;
      this.#index.add(hashBytes(page.view, from, seriesEnd(page.bytes, from, page.ends[i] as number)), i);
    }
  }

  /** The item whose series is the `size` bytes at `at`, or -1. */
  find(view: DataView, at: number, size: number): number {
    const { series, ends, bytes, view: known } = this.#page;
    const hash = hashBytes(view, at, at + size);
    for (let slot = this.#index.find(hash, hash); slot >= 0; slot = this.#index.find(hash, slot + 1)) {
      const item = this.#index.itemAt(slot);
      const from = series[item] as number;
      if (seriesEnd(bytes, from, ends[item] as number) - from === size && sameBytes(known, from, view, at, size)) return item;
    }
    return -1;
  }
}

/** A hash of all of a page but its values: equal for pages that `samePage` finds equal. */
export function hashPage(page: Page): number {
  let hash = page.items;
  for (let i = 0; i < page.items; i++) {
    hash = Math.imul(hash ^ hashBytes(page.view, page.starts[i] as number, page.ends[i] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash ^ hashBytes(page.view, page.tail, page.bytes.length);
}

/** Whether two pages are the same but for their values. */
export function samePage(a: Page, b: Page): boolean {
  const tail = a.bytes.length - a.tail;
  if (a.items !== b.items || a.openMetrics !== b.openMetrics || tail !== b.bytes.length - b.tail) return false;
  for (let i = 0; i < a.items; i++) {
    const [from, other] = [a.starts[i] as number, b.starts[i] as number];
    const size = (a.ends[i] as number) - from;
    if (size !== (b.ends[i] as number) - other || a.stamped?.[i] !== b.stamped?.[i]) return false;
    if (!sameBytes(a.view, from, b.view, other, size)) return false;
  }
  return sameBytes(a.view, a.tail, b.view, b.tail, tail);
}

/** Rows of a page whose series another page does not have. Those with timestamps of their own are left out. */
export function missingRows(page: Page, other: Page): number[] {
  const index = new SeriesIndex(other);
  const missing: number[] = [];
  for (let i = 0; i < page.items; i++) {
    const row = rowOf(page, i);
    if (row < 0 || page.stamped?.[i]) continue;
    const from = page.series[i] as number;
    const length = seriesEnd(page.bytes, from, page.ends[i] as number) - from;
    const found = index.find(page.view, from, length);
    if (found < 0 || rowOf(other, found) < 0) missing.push(row);
  }
  return missing;
}
