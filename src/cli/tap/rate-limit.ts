/** So many events a second: what comes above that is left out, and counted. */
import { type Clock, systemClock } from '../../clock.ts';

const SECOND_MS = 1000;
/** How often it is said how many were left out, in milliseconds. */
const SAY_EVERY_MS = 5000;

export class RateLimit {
  readonly #perSecond: number;
  readonly #say: (left: number) => void;
  readonly #clock: Clock;
  #second = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #left = 0;
  #cancel: (() => void) | undefined;

  /** `say` is told how many were left out, now and then, and at the end. */
  constructor(perSecond: number, say: (left: number) => void, clock: Clock = systemClock) {
    this.#perSecond = perSecond;
    this.#say = say;
    this.#clock = clock;
  }

  /** Whether one more may pass now. */
  take(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#taken = 0;
    }
    if (this.#taken < this.#perSecond) {
      this.#taken++;
      return true;
    }
    this.#left++;
    this.#cancel ??= this.#clock.after(SAY_EVERY_MS, () => this.end());
    return false;
  }

  /** Says what was left out and not said yet. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#left > 0) this.#say(this.#left);
    this.#left = 0;
  }
}
