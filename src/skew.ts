/** How far apart the samples of a group begin that are due at one moment. */
export class Skew {
  #due: number | undefined;
  #began = 0;

  /** One begins that was due at a moment: how long after the first of that moment. All are in milliseconds; `now` never goes back. */
  of(due: number, now: number): number {
    if (due !== this.#due) {
      this.#due = due;
      this.#began = now;
    }
    return now - this.#began;
  }
}
