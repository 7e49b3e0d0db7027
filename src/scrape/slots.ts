/**
 * A bound on how many scrapes are under way, in two lanes: targets that answered the last time, or never were asked, and those that did not. What is dead
 * can hold up only what is dead.
 *
 *   living   `max` at one time; the others wait, first come, first served. Who has waited for an answer for PATIENCE_MS and has none gives its slot up when another
 *            waits, and goes on beside: so targets that die all at once hold up nobody, before it is known that they are dead. Of those there are WIDTH times
 *            as many at most, because who waits for an answer has a socket and no more.
 *   dead     WIDTH times as many, too. It is not waited for: when the lane is full, the target is not tried this time, and whose turn it is goes by who has not been
 *            tried for the longest.
 */
import type { Clock } from '../clock.ts';

const PATIENCE_MS = 100;
const WIDTH = 8;
/**
 * A look that comes later than that was held up by other work, and what has been answered meanwhile was not read yet: it is made this much
 * after it has been. Both in milliseconds.
 */
const LATE_MS = 50;
const SOON_MS = 10;

interface Flight {
  readonly began: number;
  /** Whether an answer has begun to come. */
  readonly answered: () => boolean;
}

export class Slots {
  readonly #max: number;
  readonly #clock: Clock;
  /** Living scrapes, in the order in which they began. */
  readonly #living = new Set<Flight>();
  /** Living scrapes that gave their slots up. */
  #moved = 0;
  #dead = 0;
  /** A set keeps the order in which they came, and lets one leave from the middle. */
  readonly #queue = new Set<() => void>();
  /** Dead targets that were not tried for want of a slot, the longest ago first. */
  readonly #skipped = new Set<object>();
  /** Whether a look for such who give way is planned. */
  #looking = false;

  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  /** A slot for a target that did not answer the last time, or undefined. */
  tryDead(target: object): (() => void) | undefined {
    if (!this.#mayTry(target)) {
      this.#skipped.add(target);
      return undefined;
    }
    this.#skipped.delete(target);
    this.#dead++;
    return once(() => this.#dead--);
  }

  /** The target is dead no more, or gone: nothing is kept for it. */
  forget(target: object): void {
    this.#skipped.delete(target);
  }

  /**
   * A slot, when there is one. Returned directly when there is one now; rejects with the signal's reason when that comes first. `answered` says whether
   * the target has begun to answer.
   */
  live(signal: AbortSignal, answered: () => boolean): (() => void) | Promise<() => void> {
    if (this.#living.size < this.#max) return this.#begin(answered);
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(this.#begin(answered));
      };
      const leave = (): void => {
        this.#queue.delete(begin);
        reject(signal.reason as Error);
      };
      this.#queue.add(begin);
      signal.addEventListener('abort', leave, { once: true });
      this.#plan(SOON_MS);
    });
  }

  /** As many slots as are free are for those who have waited the longest. */
  #mayTry(target: object): boolean {
    let free = this.#max * WIDTH - this.#dead;
    if (free <= 0 || this.#skipped.size < free) return free > 0;
    for (const first of this.#skipped) {
      if (first === target) return true;
      if (--free === 0) return false;
    }
    return false;
  }

  #begin(answered: () => boolean): () => void {
    const flight: Flight = { began: this.#clock.monotonic(), answered };
    this.#living.add(flight);
    return once(() => {
      if (!this.#living.delete(flight)) this.#moved--;
      this.#next();
    });
  }

  #next(): void {
    const [begin] = this.#queue;
    if (begin === undefined || this.#living.size >= this.#max) return;
    this.#queue.delete(begin);
    begin();
  }

  /** Gives slots of those without an answer to those that wait, now and for as long as any waits. */
  #makeRoom(): void {
    const given = this.#clock.monotonic() - PATIENCE_MS;
    for (const flight of this.#living) {
      if (this.#queue.size === 0 || flight.began > given || this.#moved >= this.#max * WIDTH) break;
      if (flight.answered()) continue;
      this.#living.delete(flight);
      this.#moved++;
      this.#next();
    }
    if (this.#queue.size > 0) this.#plan(PATIENCE_MS);
  }

  #plan(ms: number): void {
    if (this.#looking) return;
    this.#looking = true;
    const due = this.#clock.monotonic() + ms;
    this.#clock.after(ms, () => {
      this.#looking = false;
      if (this.#clock.monotonic() > due + LATE_MS) this.#plan(SOON_MS);
      else this.#makeRoom();
    });
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
