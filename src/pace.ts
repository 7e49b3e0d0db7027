/**
 * When batches that are not full are written: at most once in a wait.
 *
 * What comes by itself waits for the rest of the wait, and at least a moment for what comes with it. What was sampled in one round goes at
 * the end of the round, without a wake-up of its own, when the wait is over by then. Where it is not, it is the first write that is out of
 * step: then what waits is left to the next round if that comes soon, once, so that from then on each round is written at its end.
 */
import type { Clock } from './clock.ts';

/** An event that opens a batch waits this long for those that come with it, in milliseconds. */
const SETTLE_MS = 10;
/** A round may be written earlier than the wait by a tenth of it, but not by more than this, in milliseconds: rounds are late at times. */
const EARLY_MS_MAX = 100;

export class Pace {
  readonly #clock: Clock;
  readonly #wait: number;
  readonly #write: () => void;
  #cancel: (() => void) | undefined;
  #lastWrite = Number.NEGATIVE_INFINITY;
  /** Whether a round has been too early since the last write. */
  #outOfStep = false;
  #inRound = false;

  /** `wait` in milliseconds; `write` is called when it is time. */
  constructor(clock: Clock, wait: number, write: () => void) {
    this.#clock = clock;
    this.#wait = wait;
    this.#write = write;
  }

  /** An event has come. */
  event(): void {
    // The end of a round decides, and a timer until then would be set for nothing.
    if (this.#cancel || this.#inRound) return;
    this.#set(Math.max(Math.min(this.#wait, SETTLE_MS), this.#lastWrite + this.#wait - this.#clock.monotonic()));
  }

  /** A round begins or is over; `waiting`: whether anything is to be written. */
  round(over: boolean, waiting: boolean): void {
    this.#inRound = !over;
    if (!over || !waiting) return;
    const early = Math.min(this.#wait / 10, EARLY_MS_MAX);
    if (this.#clock.monotonic() >= this.#lastWrite + this.#wait - early) return this.#write();
    if (this.#outOfStep) return this.event();
    this.#outOfStep = true;
    this.#set(this.#wait + early);
  }

  /** A write begins, for whatever reason. */
  wrote(): void {
    this.stop();
    this.#lastWrite = this.#clock.monotonic();
    this.#outOfStep = false;
  }

  /** Nothing is called any more until something comes. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #set(ms: number): void {
    this.stop();
    this.#cancel = this.#clock.after(ms, this.#write);
  }
}
