/** A list that is cheap to add to at its end and to cut at its front. */

/** Emptied slots at the front before the array is cut. */
const SLACK_MAX = 1024;

export class Deque<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Items from `from` on, `to` not included; a copy. */
  slice(from: number, to?: number): T[] {
    return this.#items.slice(this.#head + from, to === undefined ? undefined : this.#head + to);
  }

  /** Removes items from the front. */
  dropFront(count: number): void {
    // An emptied slot must not keep its item in memory.
    this.#items.fill(undefined as T, this.#head, this.#head + count);
    this.#head += count;
    if (this.#head < SLACK_MAX && this.#head < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  /** Removes one item. */
  remove(index: number): void {
    if (index === 0) this.dropFront(1);
    else this.#items.splice(this.#head + index, 1);
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T;
  }
}
