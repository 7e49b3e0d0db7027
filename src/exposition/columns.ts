/** The page in work: its items and rows, in arrays that grow. */
import type { LabelMap } from '../event.ts';
import type { Family, MetricType } from './families.ts';
import type { RowExemplar } from './follow.ts';
import type { Page } from './page.ts';
import type { Texts } from './texts.ts';

/** Bytes that a sample takes in a page, about; the arrays grow when a page has shorter ones. */
const SAMPLE_BYTES = 128;
const ITEMS_MIN = 16;
/** Bytes of a row's cells beside its labels when encoded: quotes, commas, the kind. An estimate, for limits. */
const ROW_BYTES = 24;

export class Columns {
  items = 0;
  rows = 0;
  repeated = 0;
  /** The texts of each item. */
  heads: Uint32Array<ArrayBuffer>;
  blocks: Uint32Array<ArrayBuffer>;
  /** The values of rows. There is always room for one more, which `add` makes a row. */
  values: Float64Array<ArrayBuffer>;
  readonly exemplars: RowExemplar[] = [];
  /** The row of each item, or -1, from the first item on that is none. */
  #rowOf: Int32Array<ArrayBuffer> | undefined;
  /** 1 for each item with a timestamp, from the first of them on; and the timestamps of rows. */
  #stamped: Uint8Array<ArrayBuffer> | undefined;
  #stamps: Float64Array<ArrayBuffer> | undefined;
  readonly #labels: LabelMap[] = [];
  // Rows after one another mostly have one name and one kind: where each run of such begins.
  readonly #runs: number[] = [];
  readonly #names: string[] = [];
  readonly #kinds: MetricType[] = [];
  #name: string | undefined;
  #kind: MetricType | undefined;
  #bytes = 0;

  /** For a page of so many bytes. */
  constructor(length: number) {
    const items = Math.max(ITEMS_MIN, Math.ceil(length / SAMPLE_BYTES));
    this.heads = new Uint32Array(items);
    this.blocks = new Uint32Array(items);
    this.values = new Float64Array(items);
    this.#labels.length = items;
  }

  /** Begins an item, by its texts. */
  place(head: number, block: number): void {
    this.heads[this.items] = head;
    this.blocks[this.items] = block;
  }

  /** The item is a row, whose value is in `values` already; `size` is the length of its series' text. */
  add(name: string, labels: LabelMap, kind: MetricType, size: number): void {
    const { rows } = this;
    if (name !== this.#name || kind !== this.#kind) this.#begin(name, kind);
    this.#labels[rows] = labels;
    this.#bytes += size + ROW_BYTES;
    if (this.#rowOf !== undefined) this.#rowOf[this.items] = rows;
    this.rows = rows + 1;
    this.#end();
  }

  /** The next item has a timestamp of its own, and its row, if it is one, too. */
  stamp(seconds: number): void {
    const room = this.heads.length;
    this.#stamped ??= new Uint8Array(room);
    this.#stamps ??= new Float64Array(room).fill(Number.NaN);
    this.#stamped[this.items] = 1;
    this.#stamps[this.rows] = seconds;
  }

  /** The item has no row: it is not kept, or repeats one. */
  skip(repeated: boolean): void {
    if (repeated) this.repeated++;
    this.#rowOf ??= Int32Array.from({ length: this.heads.length }, (_, item) => item);
    this.#rowOf[this.items] = -1;
    // What it said of its time is not of the row that comes next.
    if (this.#stamps !== undefined) this.#stamps[this.rows] = Number.NaN;
    this.#end();
  }

  /** The row of an item without a timestamp of its own, or -1. */
  plainRow(item: number): number {
    if (this.#stamped?.[item]) return -1;
    return this.#rowOf === undefined ? item : (this.#rowOf[item] as number);
  }

  /** Whether a row is of this series. */
  isRow(row: number, name: string, labels: LabelMap): boolean {
    if (this.#nameOf(row) !== name) return false;
    const other = this.#labels[row] as LabelMap;
    let count = 0;
    for (const key in labels) {
      if (other[key] !== labels[key]) return false;
      count++;
    }
    return Object.keys(other).length === count;
  }

  #nameOf(row: number): string | undefined {
    let [low, high] = [0, this.#runs.length];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle] as number) <= row) low = middle;
      else high = middle;
    }
    return this.#names[low];
  }

  #begin(name: string, kind: MetricType): void {
    this.#name = name;
    this.#kind = kind;
    this.#runs.push(this.rows);
    this.#names.push(name);
    this.#kinds.push(kind);
  }

  #end(): void {
    this.items++;
    if (this.items === this.heads.length) this.#grow();
  }

  /** One cell for each row, of what the runs have. */
  #spread<T>(cells: readonly T[]): T[] {
    const all: T[] = [];
    all.length = this.rows;
    cells.forEach((cell, i) => all.fill(cell, this.#runs[i], this.#runs[i + 1] ?? this.rows));
    return all;
  }

  /** The page of everything so far. `tail` is the text of what follows the last sample; `families` belong to it. */
  page(texts: Texts, tail: number, openMetrics: boolean, families: readonly Family[]): Page {
    const { items, rows } = this;
    const stamps = this.#stamps?.subarray(0, rows);
    const timed = this.#isTimed();
    return {
      openMetrics,
      texts,
      items,
      heads: this.heads.slice(0, items),
      blocks: this.blocks.slice(0, items),
      tail,
      rows: rows === items ? undefined : this.#rowOf?.slice(0, items),
      stamped: this.#stamped?.slice(0, items),
      timed,
      absent: timed && stamps?.some((stamp) => Number.isNaN(stamp)) ? absentOf(stamps) : undefined,
      layout: {
        rows,
        attributes: [this.#spread(this.#names), this.#labels.slice(0, rows), this.#spread(this.#kinds)],
        bytes: this.#bytes,
      },
      families,
      repeated: this.repeated,
    };
  }

  /** The numbers of all rows, with the timestamps behind them when there are any. */
  numbers(): Float64Array {
    const { rows } = this;
    if (!this.#isTimed()) return this.values.slice(0, rows);
    const numbers = new Float64Array(rows * 2);
    numbers.set(this.values.subarray(0, rows));
    this.#stamps?.subarray(0, rows).forEach((stamp, row) => {
      numbers[rows + row] = Number.isNaN(stamp) ? 0 : stamp;
    });
    return numbers;
  }

  /** Whether a row is stamped, and not only an item that is none. */
  #isTimed(): boolean {
    return this.#stamps?.subarray(0, this.rows).some((stamp) => !Number.isNaN(stamp)) ?? false;
  }

  #grow(): void {
    const items = this.items * 2;
    this.heads = grown(this.heads, items, Uint32Array);
    this.blocks = grown(this.blocks, items, Uint32Array);
    this.values = grown(this.values, items, Float64Array);
    this.#labels.length = items;
    if (this.#rowOf) this.#rowOf = grown(this.#rowOf, items, Int32Array);
    if (this.#stamped) this.#stamped = grown(this.#stamped, items, Uint8Array);
    if (this.#stamps) {
      const rows = this.#stamps.length;
      this.#stamps = grown(this.#stamps, items, Float64Array).fill(Number.NaN, rows);
    }
  }
}

function grown<T extends Uint32Array | Int32Array | Uint8Array | Float64Array>(
  old: T,
  items: number,
  make: new (n: number) => T,
): T {
  const larger = new make(items);
  larger.set(old);
  return larger;
}

/** For values and timestamps, column after column: 1 where a row has no timestamp. */
function absentOf(stamps: Float64Array): Uint8Array {
  const absent = new Uint8Array(stamps.length * 2);
  stamps.forEach((stamp, row) => {
    if (Number.isNaN(stamp)) absent[stamps.length + row] = 1;
  });
  return absent;
}
