/**
 * The rate at which a spool empties, in events/s and bytes/s, and the measured peak of what comes in.
 *
 * Time that goes by while it empties is credit, and a batch spends as much of it as its events and bytes take at the rate. A batch waits
 * until there is credit for `BATCH_MS`; a broker that answers more slowly than that is sent more at once, up to a second's worth, and at
 * times that divide a second. Credit is spent before a batch is read, so that lanes side by side have one rate together, and none is left
 * over from a time when nothing was sent. What was spent within the last second is remembered, so that a stall is made up for within the
 * rate of that second and never above it: within any second no more goes than the rate allows.
 * What comes in is counted in windows of a second; the peak is that of the last `WINDOWS` that saw anything.
 */
import type { Clock } from '../clock.ts';
import type { DrainRate } from './options.ts';

const WINDOW_MS = 1000;
/** Windows that are remembered: ten minutes of them. */
const WINDOWS = 600;
/** Windows that say what comes in of late. */
const RECENT = 60;
/** `auto` is this many times the peak, and at least these. */
const AUTO_FACTOR = 2;
const AUTO_EVENTS_MIN = 1000;
const AUTO_BYTES_MIN = 4 * 2 ** 20;
/** A batch holds what the rate allows in this time at least, in milliseconds. */
const BATCH_MS = 20;
/** After this long in which no batch was on its way, in milliseconds, there was nothing to send. */
const IDLE_MS = 200;
/** Within any such time no more goes than the rate allows, in milliseconds; longer where a single event takes more. */
const SPAN_MS = 1000;

export interface Rate {
  /** A second. */
  readonly events: number;
  readonly bytes: number;
}

/** What the next batch may hold. */
export interface Grant {
  readonly events: number;
  readonly bytes: number;
  /** When it was given, on the monotonic clock. */
  readonly at: number;
  /** The credit that was spent on it, in milliseconds. */
  ms: number;
}

export class Pacer {
  readonly #clock: Clock;
  #options: DrainRate;
  /** When there was no credit. In the future while there is debt. */
  #emptyAt = Number.NEGATIVE_INFINITY;
  /** Batches on their way, and when there was one last. */
  #open = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** How long the last of them was on its way, in milliseconds. */
  #tookMs = 0;
  /** Credit that was spent within the last span, oldest first, and its sum. */
  readonly #grants: Grant[] = [];
  #granted = 0;
  #windowAt = 0;
  #count = { events: 0, bytes: 0 };
  readonly #windows: (Rate & { readonly ms: number })[] = [];
  #peak = { events: 0, bytes: 0 };
  readonly #onSlow: (rate: Rate, peak: Rate) => void;
  #slow = false;

  /** `onSlow` is told when a rate begins to be less than the peak of what comes in: the spool may never empty. */
  constructor(options: DrainRate, clock: Clock, onSlow: (rate: Rate, peak: Rate) => void = () => {}) {
    this.#options = options;
    this.#clock = clock;
    this.#onSlow = onSlow;
    this.#windowAt = clock.monotonic();
  }

  configure(options: DrainRate): void {
    const { rate, byte_rate } = this.#options;
    this.#options = options;
    if (options.rate === rate && options.byte_rate === byte_rate) return;
    // A debt at a rate that no longer holds is forgotten.
    this.#emptyAt = Math.min(this.#emptyAt, this.#clock.monotonic());
    this.#slow = false;
    this.#judge();
  }

  /** Says once, when it begins, that the rate is too low. */
  #judge(): void {
    const { rate, peak } = this;
    const slow = rate.events < peak.events || rate.bytes < peak.bytes;
    if (slow && !this.#slow) this.#onSlow(rate, peak);
    this.#slow = slow;
  }

  /** An event came in. */
  came(bytes: number): void {
    const now = this.#clock.monotonic();
    if (now - this.#windowAt >= WINDOW_MS) this.#turn(now);
    this.#count.events++;
    this.#count.bytes += bytes;
  }

  #turn(now: number): void {
    const { events, bytes } = this.#count;
    this.#windows.push({ events, bytes, ms: now - this.#windowAt });
    const oldest = this.#windows.length > WINDOWS ? this.#windows.shift() : undefined;
    const { events: most, bytes: mostBytes } = this.#peak;
    this.#peak = { events: Math.max(most, events), bytes: Math.max(mostBytes, bytes) };
    if (oldest && (oldest.events >= this.#peak.events || oldest.bytes >= this.#peak.bytes)) this.#findPeak();
    this.#count = { events: 0, bytes: 0 };
    this.#windowAt = now;
    this.#judge();
  }

  #findPeak(): void {
    this.#peak = { events: 0, bytes: 0 };
    for (const { events, bytes } of this.#windows) {
      this.#peak.events = Math.max(this.#peak.events, events);
      this.#peak.bytes = Math.max(this.#peak.bytes, bytes);
    }
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
    let [events, elapsed] = [this.#count.events, this.#clock.monotonic() - this.#windowAt];
    for (const window of this.#windows.slice(-RECENT)) {
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

  /** How long until the next batch of up to `maxEvents` may go, in milliseconds. */
  wait(maxEvents: number): number {
    const now = this.#clock.monotonic();
    const piece = this.#piece(maxEvents);
    // A batch that came a little late took a little more: half of one has room when its turn comes.
    return Math.max(0, this.#since(now) + piece - now, this.#roomIn(piece / 2, now));
  }

  /** How long until the last span has room for so much credit, in milliseconds. */
  #roomIn(ms: number, now: number): number {
    const span = this.#forget(now);
    let excess = this.#granted + ms - span;
    for (const grant of this.#grants) {
      // Sums of fractions are never exact.
      if (excess <= 1e-6) break;
      excess -= grant.ms;
      if (excess <= 1e-6) return Math.max(0, grant.at + span - now);
    }
    return 0;
  }

  /** Forgets what was spent before the last span, and says how long that is. */
  #forget(now: number): number {
    const span = Math.max(SPAN_MS, this.#piece(Number.POSITIVE_INFINITY));
    for (let oldest = this.#grants[0]; oldest && oldest.at <= now - span; oldest = this.#grants[0]) {
      this.#granted -= oldest.ms;
      this.#grants.shift();
    }
    return span;
  }

  /** Spends the credit that there is on the next batch, which `wait` has allowed, and which ends with `end`. It may hold an event in any case. */
  grant(maxEvents: number, maxBytes: number): Grant {
    const now = this.#clock.monotonic();
    const { rate } = this;
    const room = this.#forget(now) - this.#granted;
    const ms = Math.min(room, Math.max(this.#piece(maxEvents), now - this.#since(now)));
    const events = Math.max(1, Math.min(maxEvents, Math.floor((rate.events * ms) / 1000)));
    const bytes = Math.max(1, Math.min(maxBytes, Math.floor((rate.bytes * ms) / 1000)));
    const spent = this.#takes(events, bytes);
    this.#emptyAt = this.#since(now) + spent;
    this.#open++;
    this.#granted += spent;
    const grant = { at: now, events, bytes, ms: spent };
    this.#grants.push(grant);
    return grant;
  }

  /** What the batch really held; and what of it went, when that is less. */
  went(grant: Grant, events: number, bytes: number): void {
    const more = this.#takes(events, bytes) - grant.ms;
    this.#emptyAt += more;
    if (this.#grants.includes(grant)) this.#granted += more;
    grant.ms += more;
  }

  /** The batch was answered, or was none. */
  end({ at }: Grant): void {
    this.#open--;
    this.#lastAt = this.#clock.monotonic();
    this.#tookMs = this.#lastAt - at;
  }

  #takes(events: number, bytes: number): number {
    const { rate } = this;
    return 1000 * Math.max(events / rate.events, bytes / rate.bytes);
  }

  /**
   * The credit for which a batch waits, in milliseconds: that of a full one, but no more than that of an event, or of `BATCH_MS` or the
   * time that a batch takes. Where that is 300 ms, three batches of a third of a second fill it; four would not fit, and three be too few.
   */
  #piece(maxEvents: number): number {
    const event = 1000 / this.rate.events;
    const pieces = Math.max(1, Math.floor(SPAN_MS / Math.max(BATCH_MS, this.#tookMs)));
    return Math.min(maxEvents * event, Math.max(SPAN_MS / pieces, event));
  }

  /** Since when credit counts. */
  #since(now: number): number {
    const piece = this.#piece(Number.POSITIVE_INFINITY);
    const idle = this.#open === 0 && now - this.#lastAt > Math.max(IDLE_MS, piece);
    return Math.max(this.#emptyAt, now - (idle ? piece : Math.max(SPAN_MS, piece)));
  }
}
