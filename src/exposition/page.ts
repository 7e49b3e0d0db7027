/**
 * What is kept of a page that was read: the texts it is made of, and the rows they became.
 *
 *   item    one sample of the page, in its order: a head, a block, and the value, which is not kept (see `texts.ts`)
 *   row     an item that is neither dropped nor a repetition. Rows are numbered in the order of items.
 *
 * A page is immutable and may serve many targets: those that run the same software write the same page but for the values.
 */
import type { LabelMap, Layout } from '../event.ts';
import { hashBytes, sameBytes } from './bytes.ts';
import type { Family } from './families.ts';
import { coreEnd, type Texts } from './texts.ts';

export interface Page {
  readonly openMetrics: boolean;
  readonly texts: Texts;
  readonly items: number;
  /** The head and the block of each item, as texts. */
  readonly heads: Uint32Array;
  readonly blocks: Uint32Array;
  /** The text of what follows the last sample. */
  readonly tail: number;
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

/** A series' text in two parts, wherever they stand: its name, and its labels with their braces. */
export interface SeriesText {
  readonly view: DataView;
  readonly name: number;
  readonly nameEnd: number;
  readonly labels: number;
  readonly labelsEnd: number;
}

const bothHashed = (name: number, labels: number): number => Math.imul(name, 0x85ebca6b) ^ labels;

/** The items of a page by the bytes of their series. */
export class SeriesIndex {
  readonly #page: Page;
  readonly #ends: Uint32Array;
  readonly #index: HashIndex;

  constructor(page: Page) {
    this.#page = page;
    const { texts, heads, blocks, items } = page;
    this.#ends = Uint32Array.from(texts.cores, (_, text) => coreEnd(texts, text));
    const hashes = Int32Array.from(texts.cores, (core, text) => hashBytes(texts.view, core, this.#ends[text] as number));
    this.#index = new HashIndex(items);
    for (let i = 0; i < items; i++) {
      this.#index.add(bothHashed(hashes[heads[i] as number] as number, hashes[blocks[i] as number] as number), i);
    }
  }

  /** The item with this series, or -1. */
  find(series: SeriesText): number {
    const { view, name, nameEnd, labels, labelsEnd } = series;
    const hash = bothHashed(hashBytes(view, name, nameEnd), hashBytes(view, labels, labelsEnd));
    for (let slot = this.#index.find(hash, hash); slot >= 0; slot = this.#index.find(hash, slot + 1)) {
      const item = this.#index.itemAt(slot);
      const [head, block] = [this.#page.heads[item] as number, this.#page.blocks[item] as number];
      if (this.#is(head, view, name, nameEnd) && this.#is(block, view, labels, labelsEnd)) return item;
    }
    return -1;
  }

  #is(text: number, view: DataView, from: number, to: number): boolean {
    const { cores, view: known } = this.#page.texts;
    const core = cores[text] as number;
    return (this.#ends[text] as number) - core === to - from && sameBytes(known, core, view, from, to - from);
  }
}

/** A hash of all of a page but its values: equal for pages that `samePage` finds equal. */
export function hashPage({ texts, heads, blocks, tail, items }: Page): number {
  const { view, starts, cores } = texts;
  const hashes = Int32Array.from(cores, (_, text) => hashBytes(view, starts[text] as number, starts[text + 1] as number));
  let hash = items;
  for (let i = 0; i < items; i++) {
    hash = Math.imul(hash ^ bothHashed(hashes[heads[i] as number] as number, hashes[blocks[i] as number] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash ^ (hashes[tail] as number);
}

/** Whether two pages are the same but for their values. */
export function samePage(a: Page, b: Page): boolean {
  if (a.items !== b.items || a.openMetrics !== b.openMetrics) return false;
  // By text of the one, that of the other which it was found to be.
  const known = new Int32Array(a.texts.cores.length).fill(-1);
  const same = (text: number, other: number): boolean => {
    if (known[text] === other) return true;
    if (!sameText(a.texts, text, b.texts, other)) return false;
    known[text] = other;
    return true;
  };
  for (let i = 0; i < a.items; i++) {
    if (a.stamped?.[i] !== b.stamped?.[i]) return false;
    if (!same(a.heads[i] as number, b.heads[i] as number) || !same(a.blocks[i] as number, b.blocks[i] as number)) return false;
  }
  return same(a.tail, b.tail);
}

function sameText(a: Texts, text: number, b: Texts, other: number): boolean {
  const [from, at] = [a.starts[text] as number, b.starts[other] as number];
  const size = (a.starts[text + 1] as number) - from;
  return size === (b.starts[other + 1] as number) - at && sameBytes(a.view, from, b.view, at, size);
}

/** Rows of a page whose series another page does not have. Those with timestamps of their own are left out. */
export function missingRows(page: Page, other: Page): number[] {
  const index = new SeriesIndex(other);
  const { texts, heads, blocks } = page;
  const missing: number[] = [];
  for (let i = 0; i < page.items; i++) {
    const row = rowOf(page, i);
    if (row < 0 || page.stamped?.[i]) continue;
    const [head, block] = [heads[i] as number, blocks[i] as number];
    const found = index.find({
      view: texts.view,
      name: texts.cores[head] as number,
      nameEnd: texts.starts[head + 1] as number,
      labels: texts.cores[block] as number,
      labelsEnd: coreEnd(texts, block),
    });
    if (found < 0 || rowOf(other, found) < 0) missing.push(row);
  }
  return missing.length === 0 ? missing : writtenOtherwise(page, other, missing);
}

/** Those of the rows whose series another page does not have either with its labels in another order, or a bound written differently. */
function writtenOtherwise(page: Page, other: Page, rows: readonly number[]): number[] {
  const [names, labels] = page.layout.attributes as [string[], LabelMap[]];
  const [otherNames, otherLabels] = other.layout.attributes as [string[], LabelMap[]];
  const wanted = new Set(rows.map((row) => names[row]));
  const there = new Set<string>();
  for (let row = 0; row < other.layout.rows; row++) {
    if (wanted.has(otherNames[row])) there.add(identityOf(otherNames[row] as string, otherLabels[row] as LabelMap));
  }
  return rows.filter((row) => !there.has(identityOf(names[row] as string, labels[row] as LabelMap)));
}

/** The same for the same name and labels, whatever the order of these. */
export const identityOf = (name: string, labels: LabelMap): string =>
  JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
