/**
 * The labels of a page's series, `{…}`, as blocks: metrics of one exporter have the same label sets in the same order, so that a block is guessed from the one
 * before it, and one that was there already is not parsed again. Rows with equal labels have one map.
 *
 * Limits: once PATIENCE blocks were parsed and hardly one guessed, nothing is guessed on this page any more.
 */
import type { LabelMap } from '../event.ts';
import { sameBytes } from './bytes.ts';
import { HashIndex } from './page.ts';
import { UNRANKED } from './repeats.ts';

const PATIENCE = 4096;
/** Guesses that must have been right by then, as a share of the blocks parsed. */
const SHARE = 1 / 16;
const BLOCKS = 1024;

export class Blocks {
  /** Of the block that was guessed or added last. */
  map: LabelMap = {};
  hash = 0;
  /** Which it is, or -1 when it is not remembered. */
  block = -1;
  /** When its labels were first seen: equal hashes have equal ranks. 0 is that of no labels. */
  rank = UNRANKED;
  readonly #view: DataView;
  readonly #index = new HashIndex(BLOCKS);
  readonly #at: number[] = [];
  readonly #sizes: number[] = [];
  readonly #hashes: number[] = [];
  readonly #ranks: number[] = [];
  readonly #groups: number[] = [];
  readonly #maps: LabelMap[] = [];
  /** The text of each in the page, or -1 while it has none. */
  readonly texts: number[] = [];
  /** The block that came behind each one the last time. */
  readonly #next: number[] = [];
  #last = -1;
  #guessed = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  /**
   * The size of the block at a byte, whose map and hash are those of this object then, or 0 when it has to be parsed. Labels of one group are made of the same text in the
   * same way. The view goes on for as long as any block is.
   */
  guess(at: number, length: number, group: number): number {
    const last = this.#last;
    if (last < 0) return 0;
    const next = this.#next[last] as number;
    const block = next >= 0 && this.#is(next, at, length, group) ? next : this.#is(last, at, length, group) ? last : -1;
    if (block < 0) return 0;
    this.#last = block;
    this.#guessed++;
    this.map = this.#maps[block] as LabelMap;
    this.hash = this.#hashes[block] as number;
    this.rank = this.#ranks[block] as number;
    this.block = block;
    return this.#sizes[block] as number;
  }

  /** Remembers a block that was parsed, and returns the map of its like if there was one before. */
  add(at: number, size: number, hash: number, group: number, map: LabelMap): LabelMap {
    const parsed = this.#at.length;
    if (parsed > PATIENCE && this.#guessed < parsed * SHARE) {
      this.#last = -1;
      this.rank = UNRANKED;
      this.block = -1;
      return map;
    }
    let block = -1;
    let rank = hash === 0 ? 0 : parsed + 1;
    for (let slot = this.#index.find(hash, hash); slot >= 0 && block < 0; slot = this.#index.find(hash, slot + 1)) {
      const like = this.#index.itemAt(slot);
      rank = this.#ranks[like] as number;
      if (this.#sizes[like] === size && this.#is(like, at, Number.MAX_SAFE_INTEGER, group)) block = like;
    }
    if (block < 0) {
      block = parsed;
      this.#index.add(hash, block);
      this.#at.push(at);
      this.#sizes.push(size);
      this.#hashes.push(hash);
      this.#ranks.push(rank);
      this.#groups.push(group);
      this.#maps.push(map);
      this.texts.push(-1);
      this.#next.push(-1);
    }
    if (this.#last >= 0 && this.#last !== block) this.#next[this.#last] = block;
    this.#last = block;
    this.rank = rank;
    this.block = block;
    return this.#maps[block] as LabelMap;
  }

  #is(block: number, at: number, length: number, group: number): boolean {
    const size = this.#sizes[block] as number;
    return (
      this.#groups[block] === group &&
      at + size <= length &&
      sameBytes(this.#view, this.#at[block] as number, this.#view, at, size)
    );
  }
}
