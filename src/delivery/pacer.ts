/**
 * The rate at which a spool empties, in events/s and bytes/s, and the measured peak of what comes in.
 *
 * Batches are spread out: after one of k events the next may go k / rate later, and time that went by unused is not made up for, so that
 * there is no burst. What comes in is counted in windows of a second; the peak is that of the last `WINDOWS` that saw anything.
 */
import type { Clock } from '../clock.ts';
import type { DrainOptions } from './options.ts';

const WINDOW_MS = 1000;
/** Windows that are remembered: ten minutes of them. */
const WINDOWS = 600;
/** `auto` is this many times the peak, and at least these. */
const AUTO_FACTOR = 2;
const AUTO_EVENTS_MIN = 1000;
const AUTO_BYTES_MIN = 4 * 2 ** 20;
/** A batch holds what the rate allows in this time, in milliseconds, so that it is even within a second. */
const BATCH_MS = 100;

export interface Rate {
  /** A second. */
  readonly events: number;
  readonly bytes: number;
}

export class Pacer {
  readonly #clock: Clock;
  #options: DrainOptions;
  #nextAt = 0;
  #windowAt = 0;
  #count = { events: 0, bytes: 0 };
  readonly #windows: (Rate & { readonly ms: number })[] = [];
  #peak = { events: 0, bytes: 0 };

  constructor(options: DrainOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#windowAt = clock.monotonic();
  }

  configure(options: DrainOptions): void {
    this.#options = options;
  }

  /** An event came in. */
  came(bytes: number): void {
    const now = this.#clock.monotonic();
    if (now - this.#windowAt >= WINDOW_MS) this.#turn(now);
    this.#count.events++;
    this.#count.bytes += bytes;
  }

  #turn(now: number): void {
    this.#windows.push({ ...this.#count, ms: now - this.#windowAt });
    const oldest = this.#windows.length > WINDOWS ? this.#windows.shift() : undefined;
    this.#peak = { events: Math.max(this.#peak.events, this.#count.events), bytes: Math.max(this.#peak.bytes, this.#count.bytes) };
    if (oldest && (oldest.events === this.#peak.events || oldest.bytes === this.#peak.bytes)) {
      this.#peak = { events: 0, bytes: 0 };
      for (const { events, bytes } of this.#windows) {
        this.#peak = { events: Math.max(this.#peak.events, events), bytes: Math.max(this.#peak.bytes, bytes) };
      }
    }
    this.#count = { events: 0, bytes: 0 };
    this.#windowAt = now;
  }

  /** The most that came in within a second. */
  get peak(): Rate {
    return {
      events: Math.max(this.#peak.events, this.#count.events),
      bytes: Math.max(this.#peak.bytes, this.#count.bytes),
    };
  }

  /** Events a second that came in of late, over up to a minute. */
  get inflow(): number {
    const recent = this.#windows.slice(-60);
    let [events, elapsed] = [this.#count.events, this.#clock.monotonic() - this.#windowAt];
    for (const window of recent) {
      events += window.events;
      elapsed += window.ms;
    }
    return (1000 * events) / Math.max(WINDOW_MS, elapsed);
  }

  get rate(): Rate {
    const { rate, byte_rate } = this.#options;
    const { events, bytes } = this.peak;
    return {
      events: rate === 'auto' ? Math.max(AUTO_EVENTS_MIN, AUTO_FACTOR * events) : rate,
      bytes: byte_rate === 'auto' ? Math.max(AUTO_BYTES_MIN, AUTO_FACTOR * bytes) : byte_rate,
    };
  }

  /** How long until the next batch may go, in milliseconds. */
  get wait(): number {
    return Math.max(0, this.#nextAt - this.#clock.monotonic());
  }

  /** The most that the next batch should hold: an event in any case. */
  batch(maxEvents: number, maxBytes: number): Rate {
    const { events, bytes } = this.rate;
    return {
      events: Math.max(1, Math.min(maxEvents, Math.floor((events * BATCH_MS) / 1000))),
      bytes: Math.max(1, Math.min(maxBytes, Math.floor((bytes * BATCH_MS) / 1000))),
    };
  }

  /** A batch goes. */
  went(events: number, bytes: number): void {
    const { rate } = this;
    const now = this.#clock.monotonic();
    const takes = 1000 * Math.max(events / rate.events, bytes / rate.bytes);
    // A timer that fired late is made up for, as far as one batch goes.
    this.#nextAt = Math.max(this.#nextAt, now - Math.min(takes, BATCH_MS)) + takes;
  }
}
