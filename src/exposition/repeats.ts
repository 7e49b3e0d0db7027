/**
 * Finds series that a page has twice.
 *
 * All series of a name usually stand together, and their labels are those of other names. So each set of labels has a rank, by when it was first seen on the page:
 * within one run of a name a rank that was not there yet is a new series. A name that comes again, as those of histograms do, usually goes on with higher ranks.
 *
 * States: by rank; by hash, from the first row on of which ranks do not say that it is new.
 */
import type { LabelMap } from '../event.ts';
import type { Columns } from './columns.ts';
import { HashIndex } from './page.ts';
import type { TextBuilder } from './texts.ts';

/** Rank of labels that have none. */
export const UNRANKED = -1;
const RANKS = 1024;

export class Repeats {
  readonly #columns: Columns;
  readonly #texts: TextBuilder;
  /** The rows without timestamps by the hashes of their series; undefined while ranks say enough. */
  #index: HashIndex | undefined;
  #name = '';
  /** The number of this run of the name, and for each rank the run that had it last. */
  #run = 0;
  #runs = new Int32Array(RANKS);
  /** The highest rank of the name in its runs before, and in all of them. */
  #before = UNRANKED;
  #top = UNRANKED;
  readonly #tops = new Map<string, number>();

  constructor(columns: Columns, texts: TextBuilder) {
    this.#columns = columns;
    this.#texts = texts;
  }

  /** Whether the series is a row already; if not, the caller adds it as the next one. Labels with equal hashes have equal ranks. */
  has(name: string, labels: LabelMap, hash: number, rank: number): boolean {
    if (this.#index === undefined) {
      if (name !== this.#name) this.#turn(name);
      if (rank > this.#before && this.#runs[rank] !== this.#run) {
        this.#note(rank);
        return false;
      }
      this.#index = this.#indexed();
    }
    const index = this.#index;
    for (let slot = index.find(hash, hash); slot >= 0; slot = index.find(hash, slot + 1)) {
      if (this.#columns.isRow(index.itemAt(slot), name, labels)) return true;
    }
    index.add(hash, this.#columns.rows);
    return false;
  }

  #turn(name: string): void {
    this.#tops.set(this.#name, this.#top);
    this.#name = name;
    this.#run++;
    this.#before = this.#tops.get(name) ?? UNRANKED;
    this.#top = this.#before;
  }

  #note(rank: number): void {
    if (rank >= this.#runs.length) {
      const larger = new Int32Array(rank * 2);
      larger.set(this.#runs);
      this.#runs = larger;
    }
    this.#runs[rank] = this.#run;
    if (rank > this.#top) this.#top = rank;
  }

  #indexed(): HashIndex {
    const { items, rows, heads, blocks } = this.#columns;
    const { hashes } = this.#texts;
    const index = new HashIndex(rows);
    for (let item = 0; item < items; item++) {
      const row = this.#columns.plainRow(item);
      const hash = (hashes[heads[item] as number] as number) + (hashes[blocks[item] as number] as number);
      if (row >= 0) index.add(hash | 0, row);
    }
    return index;
  }
}
