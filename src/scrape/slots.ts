/**
 * A bound on how many scrapes are under way, in two lanes of the same width: targets that answered the last time, or never were asked, and those
 * that did not. What is dead can hold up only what is dead.
 *
 * A scrape of the first lane waits for its turn, first come, first served. One of the second does not: when its lane is full it is not tried this time.
 */

export class Slots {
  readonly #max: number;
  #live = 0;
  #dead = 0;
  /** A set keeps the order in which they came, and lets one leave from the middle. */
  readonly #queue = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  /** A slot for a target that did not answer the last time, or undefined. */
  tryDead(): (() => void) | undefined {
    if (this.#dead >= this.#max) return undefined;
    this.#dead++;
    return once(() => this.#dead--);
  }

  /** A slot, when there is one. Returned directly when there is one now; rejects with the signal's reason when that comes first. */
  live(signal: AbortSignal): (() => void) | Promise<() => void> {
    const release = (): void => {
      this.#live--;
      this.#next();
    };
    if (this.#live < this.#max) {
      this.#live++;
      return once(release);
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(once(release));
      };
      const leave = (): void => {
        this.#queue.delete(begin);
        reject(signal.reason as Error);
      };
      this.#queue.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #next(): void {
    const [begin] = this.#queue;
    if (begin === undefined) return;
    this.#queue.delete(begin);
    this.#live++;
    begin();
  }
}

/** A function that runs once, however often it is called. */
function once(run: () => void): () => void {
  let open = true;
  return () => {
    if (open) run();
    open = false;
  };
}
