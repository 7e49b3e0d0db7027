/** Finds the texts of each item of the page in work: those that are there already, where that is known without looking, and else new ones. */
import { SPACE } from './ascii.ts';
import type { Page } from './page.ts';
import { TextBuilder } from './texts.ts';

export class Places {
  readonly texts = new TextBuilder();
  readonly #body: Buffer;
  /** Heads that are a name alone. */
  readonly #heads = new Map<string, number>();
  #name: string | undefined;
  #head = -1;
  /** The block that is one blank. */
  #blank = -1;
  /** By text of the page before, the same text of this one; -1 while there is none. */
  readonly #carried: Int32Array;
  readonly #before: Page | undefined;

  constructor(body: Buffer, before: Page | undefined) {
    this.#body = body;
    this.#before = before;
    this.#carried = new Int32Array(before?.texts.hashes.length ?? 0).fill(-1);
  }

  /** The head from `start` to `to`, whose name begins at `at` and has a hash. */
  head(start: number, at: number, to: number, name: string, hash: number): number {
    if (start < at) return this.texts.add(this.#body, start, at, to, hash);
    if (name === this.#name) return this.#head;
    this.#head = this.#heads.get(name) ?? this.texts.add(this.#body, start, at, to, hash);
    this.#heads.set(name, this.#head);
    this.#name = name;
    return this.#head;
  }

  /** Whether the labels that end at `end` have one blank behind them up to the value: only such blocks are known again. */
  isUsual(end: number, valueAt: number): boolean {
    return valueAt === end + 1 && this.#body[end] === SPACE;
  }

  block(from: number, end: number, valueAt: number, hash: number): number {
    if (from < end || !this.isUsual(end, valueAt)) return this.texts.add(this.#body, from, from, valueAt, hash);
    if (this.#blank < 0) this.#blank = this.texts.add(this.#body, from, from, valueAt, 0);
    return this.#blank;
  }

  /** A block whose labels are those of an item of the page before. */
  carry(item: number, from: number, end: number, valueAt: number): number {
    const { blocks, texts } = this.#before as Page;
    const text = blocks[item] as number;
    const same =
      this.isUsual(end, valueAt) && (texts.starts[text + 1] as number) - (texts.starts[text] as number) === valueAt - from;
    const known = same ? (this.#carried[text] as number) : -1;
    if (known >= 0) return known;
    const made = this.block(from, end, valueAt, texts.hashes[text] as number);
    if (same) this.#carried[text] = made;
    return made;
  }
}
