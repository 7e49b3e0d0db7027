/** The page in work: its items and rows, in arrays that grow. */
import type { LabelMap } from '../event.ts';
import type { Family, MetricType } from './families.ts';
import type { RowExemplar } from './follow.ts';
import type { Page } from './page.ts';

/** Bytes that a sample takes in a page at the least; the arrays grow when a page has shorter ones. */
const SAMPLE_BYTES = 64;
const ITEMS_MIN = 16;
/** Bytes of a row's cells beside its labels when encoded: quotes, commas, the kind. An estimate, for limits. */
const ROW_BYTES = 24;

export class Columns {
  items = 0;
  rows = 0;
  repeated = 0;
  starts: Uint32Array<ArrayBuffer>;
  series: Uint32Array<ArrayBuffer>;
  ends: Uint32Array<ArrayBuffer>;
  hashes: Int32Array<ArrayBuffer>;
  readonly exemplars: RowExemplar[] = [];
  #rowOf: Int32Array<ArrayBuffer>;
  #stamped: Uint8Array<ArrayBuffer>;
  #values: Float64Array<ArrayBuffer>;
  #stamps: Float64Array<ArrayBuffer>;
  readonly #names: string[] = [];
  readonly #labels: LabelMap[] = [];
  readonly #kinds: MetricType[] = [];
  #anyStamped = false;
  #bytes = 0;

  /** For a page of so many bytes. */
  constructor(length: number) {
    const items = Math.max(ITEMS_MIN, Math.ceil(length / SAMPLE_BYTES));
    this.starts = new Uint32Array(items);
    this.series = new Uint32Array(items);
    this.ends = new Uint32Array(items);
    this.hashes = new Int32Array(items);
    this.#rowOf = new Int32Array(items);
    this.#stamped = new Uint8Array(items);
    this.#values = new Float64Array(items);
    this.#stamps = new Float64Array(items);
  }

  /** Begins an item: where its place and its series begin, and its value; and the hash of its name and labels. */
  place(start: number, series: number, end: number, hash: number): void {
    if (this.items === this.starts.length) this.#grow();
    this.starts[this.items] = start;
    this.series[this.items] = series;
    this.ends[this.items] = end;
    this.hashes[this.items] = hash;
  }

  /** The item is a row. `stamp` is NaN when it has no timestamp of its own; `size` is the length of its series' text. */
  add(name: string, labels: LabelMap, kind: MetricType, value: number, stamp: number, size: number): void {
    this.#names.push(name);
    this.#labels.push(labels);
    this.#kinds.push(kind);
    this.#values[this.rows] = value;
    this.#stamps[this.rows] = stamp;
    this.#bytes += size + ROW_BYTES;
    this.#end(this.rows, !Number.isNaN(stamp));
    this.rows++;
  }

  /** The item has no row: it is not kept, or repeats one. */
  skip(stamped: boolean, repeated: boolean): void {
    if (repeated) this.repeated++;
    this.#end(-1, stamped);
  }

  /** Whether a row is of this series. */
  isRow(row: number, name: string, labels: LabelMap): boolean {
    if (this.#names[row] !== name) return false;
    const other = this.#labels[row] as LabelMap;
    let count = 0;
    for (const key in labels) {
      if (other[key] !== labels[key]) return false;
      count++;
    }
    return Object.keys(other).length === count;
  }

  #end(row: number, stamped: boolean): void {
    this.#rowOf[this.items] = row;
    this.#stamped[this.items] = stamped ? 1 : 0;
    this.#anyStamped ||= stamped;
    this.items++;
  }

  /** The page of everything so far. `tail` is where what follows the last sample begins; `families` belong to it. */
  page(body: Buffer, length: number, tail: number, openMetrics: boolean, families: readonly Family[]): Page {
    const bytes = Buffer.allocUnsafeSlow(length);
    body.copy(bytes, 0, 0, length);
    const { items, rows } = this;
    const stamps = this.#stamps.subarray(0, rows);
    const some = stamps.some((stamp) => !Number.isNaN(stamp));
    return {
      openMetrics,
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, length),
      items,
      starts: this.starts.slice(0, items),
      series: this.series.slice(0, items),
      ends: this.ends.slice(0, items),
      hashes: this.hashes.slice(0, items),
      tail,
      rows: rows === items ? undefined : this.#rowOf.slice(0, items),
      stamped: this.#anyStamped ? this.#stamped.slice(0, items) : undefined,
      timed: some,
      absent: some && stamps.some((stamp) => Number.isNaN(stamp)) ? absentOf(stamps) : undefined,
      layout: { rows, attributes: [this.#names, this.#labels, this.#kinds], bytes: this.#bytes },
      families,
      repeated: this.repeated,
    };
  }

  /** The numbers of all rows, with the timestamps behind them when there are any. */
  values(): Float64Array {
    const { rows } = this;
    const stamps = this.#stamps.subarray(0, rows);
    if (!stamps.some((stamp) => !Number.isNaN(stamp))) return this.#values.slice(0, rows);
    const values = new Float64Array(rows * 2);
    values.set(this.#values.subarray(0, rows));
    values.set(
      stamps.map((stamp) => (Number.isNaN(stamp) ? 0 : stamp)),
      rows,
    );
    return values;
  }

  #grow(): void {
    const items = this.items * 2;
    this.starts = grown(this.starts, items, Uint32Array);
    this.series = grown(this.series, items, Uint32Array);
    this.ends = grown(this.ends, items, Uint32Array);
    this.hashes = grown(this.hashes, items, Int32Array);
    this.#rowOf = grown(this.#rowOf, items, Int32Array);
    this.#stamped = grown(this.#stamped, items, Uint8Array);
    this.#values = grown(this.#values, items, Float64Array);
    this.#stamps = grown(this.#stamps, items, Float64Array);
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
