/** Time that a test owns: a clock that stands still until it is told to go on. */
import type { Clock } from '../src/clock.ts';

/** Node's timers take no longer delay than this, in milliseconds: they fire at once instead, and so does this clock. */
const TIMEOUT_MAX = 2 ** 31 - 1;
/** 2025-11-23T00:00:00Z, a multiple of every usual interval. */
const START = 1_763_856_000_000;

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly fn: () => void;
}

export class FakeClock implements Clock {
  /** How much earlier than asked timers fire, in milliseconds: a real one may be one millisecond early. */
  early = 0;
  /** Called after each timer, when all that it set going has come to rest: what always holds can be checked there. */
  onTurn: () => void = () => {};
  #wall = START;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, fn: () => void): () => void {
    const delay = ms <= TIMEOUT_MAX ? Math.max(0, Math.trunc(ms) - this.early) : 1;
    const timer = { due: this.#monotonic + delay, order: this.#order++, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, in milliseconds from now; undefined when none is set. */
  get next(): number | undefined {
    const timer = this.#earliest();
    return timer && timer.due - this.#monotonic;
  }

  /** Lets time go by. Timers fire in order, each at its moment, and what waits for a promise goes on between two of them. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settled();
    for (let timer = this.#earliest(); timer !== undefined && timer.due <= end; timer = this.#earliest()) {
      this.#pass(Math.max(0, timer.due - this.#monotonic));
      this.#timers.delete(timer);
      timer.fn();
      await settled();
      this.onTurn();
    }
    this.#pass(Math.max(0, end - this.#monotonic));
  }

  /** Advances until the promise settles, and settles as it does. Fails when no timer is left that might bring it about, or after `limit`. */
  async until<T>(promise: Promise<T>, limit = 86_400_000): Promise<T> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    const last = this.#monotonic + limit;
    for (await settled(); !done; ) {
      const { next } = this;
      if (next === undefined || this.#monotonic + next > last) throw new Error('this will never settle');
      await this.advance(next);
    }
    return await promise;
  }

  /** What is called takes so long, and nothing else happens meanwhile. */
  spend(ms: number): void {
    this.#pass(ms);
  }

  /** Sets the wall clock forward, or back, and nothing else: an operator or NTP did. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** The machine sleeps: the wall clock goes on, the monotonic clock and every timer stand still. */
  suspend(ms: number): void {
    this.#wall += ms;
  }

  #pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  #earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** Resolves when all promises that could go on have gone on: the microtasks are done before the event loop turns. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
