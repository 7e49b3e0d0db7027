/**
 * How many messages of a lane may be unconfirmed, which is a matter of order.
 *
 * A queue that is full and refuses (`overflow: reject-publish`) refuses one message and takes a later one as soon as a consumer has made
 * room. What was published before the refusal is known cannot be called back, so after the first one a lane sends one message at a
 * time: each is taken before the next is sent, and order holds from there on. The window doubles again after a run of confirms.
 *
 *   wide ──refused──▶ 1 ──confirms──▶ 2 ──▶ 4 … ──▶ wide
 */

/** Confirms in a row, beyond twice the window, before the window doubles. */
const PATIENCE = 64;

export class LaneWindow {
  readonly #max: number;
  #size: number;
  #confirms = 0;

  constructor(max: number) {
    this.#max = max;
    this.#size = max;
  }

  get size(): number {
    return this.#size;
  }

  confirmed(count: number): void {
    if (this.#size === this.#max) return;
    this.#confirms += count;
    if (this.#confirms < PATIENCE + 2 * this.#size) return;
    this.#confirms = 0;
    this.#size = Math.min(this.#size * 2, this.#max);
  }

  refused(): void {
    this.#size = 1;
    this.#confirms = 0;
  }
}
