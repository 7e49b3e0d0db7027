/** A wait that may be cut short. One at a time. */
import type { Clock } from '../clock.ts';

export class Nap {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lasts(): boolean {
    return this.#wake !== undefined;
  }

  /** Ends it, if there is one. */
  end(): void {
    this.#wake?.();
  }

  /** Resolves after so many milliseconds, or when it is ended. */
  async take(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      // Timers know whole milliseconds; one that fires early would only be set again.
      const cancel = this.#clock.after(Math.ceil(ms), () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        cancel();
        resolve();
      };
    });
  }
}
