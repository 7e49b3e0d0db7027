/** What of a sink moves to disk, and what gives way there: by the spool's size, by age. */
import type { Clock } from '../clock.ts';
import type { Entry } from './entry.ts';
import type { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import type { SpoolOptions } from './options.ts';
import type { Spool } from './spool.ts';

/** How often the oldest of a spool are looked at for their age, in milliseconds. */
const AGE_CHECK_MS = 10_000;
/** Entries looked at together when room is made, and their bytes. */
const TRIM_EVENTS = 500;
const TRIM_BYTES = 2 ** 20;
/** Room made when the disk itself is full, in bytes. */
const FULL_BYTES = 4 * 2 ** 20;
/** Share of the queue that may be in memory alone before it moves to disk early. */
const PRESSURE = 0.5;

export interface RoomOptions {
  readonly spool: SpoolOptions;
  readonly queue: { readonly max_events: number; readonly max_bytes: number };
}

export class Room {
  readonly #intake: Intake;
  readonly #clock: Clock;
  #options: RoomOptions;
  #ageCheckAt = 0;

  constructor(options: RoomOptions, intake: Intake, clock: Clock) {
    this.#options = options;
    this.#intake = intake;
    this.#clock = clock;
  }

  configure(options: RoomOptions): void {
    this.#options = options;
  }

  /** Whether so much is in memory alone that it should not wait. */
  get pressed(): boolean {
    const { memory } = this.#intake;
    const { max_events, max_bytes } = this.#options.queue;
    return memory.events > PRESSURE * max_events || memory.bytes > PRESSURE * max_bytes;
  }

  /** When something is to be moved or looked at, on the monotonic clock; infinity when nothing is. */
  get dueAt(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { oldestFresh, spooled } of this.#intake.lanes.values()) {
      if (oldestFresh) due = Math.min(due, oldestFresh.accepted + this.#options.spool.spool_after);
      if (spooled > 0) due = Math.min(due, this.#ageCheckAt);
    }
    return due;
  }

  /** Gives places to what is due: everything at once in `always`, under pressure and when `all`; all of a lane when its oldest is due. */
  spill(all: boolean): void {
    const { mode, spool_after, when_full } = this.#options.spool;
    const now = this.#clock.monotonic();
    const everything = all || mode === 'always' || this.pressed;
    const fits = this.#fits();
    for (const lane of this.#intake.lanes.values()) {
      const { oldestFresh } = lane;
      if (!oldestFresh || !(everything || now - oldestFresh.accepted >= spool_after)) continue;
      if (!lane.spill(fits) && when_full === 'drop_newest') while (lane.dropOldestFresh('spool_full'));
    }
  }

  /** Whether one more of that size has room on disk; it is taken, if so. */
  #fits(): (bytes: number) => boolean {
    const { max_bytes, when_full } = this.#options.spool;
    if (when_full === 'drop_oldest') return () => true;
    let size = this.#diskBytes();
    return (bytes) => {
      if (size + bytes > max_bytes) return false;
      size += bytes;
      return true;
    };
  }

  #diskBytes(): number {
    let bytes = 0;
    for (const lane of this.#intake.lanes.values()) bytes += lane.diskBytes;
    return bytes;
  }

  /** Drops what is too much and what is too old. */
  async trim(spool: Spool): Promise<void> {
    const { when_full, max_bytes } = this.#options.spool;
    if (when_full === 'drop_oldest') await this.#trimTo(spool, max_bytes);
    const now = this.#clock.monotonic();
    if (now < this.#ageCheckAt) return;
    this.#ageCheckAt = now + AGE_CHECK_MS;
    await this.#expire(spool);
  }

  /** The disk itself is full: the oldest give way, if that is the rule. */
  async yield(spool: Spool): Promise<void> {
    if (this.#options.spool.when_full === 'drop_oldest') await this.#trimTo(spool, Math.max(0, this.#diskBytes() - FULL_BYTES));
  }

  /** Drops the oldest of the largest lane until the spool is no larger than `maxBytes`. */
  async #trimTo(spool: Spool, maxBytes: number): Promise<void> {
    while (this.#diskBytes() > maxBytes) {
      const largest = [...this.#intake.lanes.values()].toSorted((a, b) => b.diskBytes - a.diskBytes)[0] as Lane;
      const oldest = largest.disk.free(await this.#oldest(spool, largest));
      const victims: Entry[] = [];
      // Looked at again, because reading took a while.
      for (let excess = this.#diskBytes() - maxBytes; excess > 0; ) {
        const entry = oldest[victims.length];
        if (!entry) break;
        excess -= entry.bytes;
        victims.push(entry);
      }
      if (victims.length === 0) return;
      largest.drop(victims, 'spool_full');
      spool.deleted(victims);
    }
  }

  /** The oldest entries of a lane on disk that are not in flight; by the time one hears of it, some may be. */
  async #oldest(spool: Spool, lane: Lane): Promise<Entry[]> {
    const { head, busyTo, places } = lane.disk;
    // Behind what was dropped before: the disk may still have it.
    const [held] = places.heldSpans({ from: Math.max(head, busyTo), to: places.end });
    if (held === undefined) return [];
    const { from } = held;
    return from >= lane.disk.cacheFrom ? lane.disk.cached(TRIM_EVENTS) : await spool.read(lane, TRIM_EVENTS, TRIM_BYTES, from);
  }

  async #expire(spool: Spool): Promise<void> {
    const oldest = this.#clock.wall() - this.#options.spool.max_age;
    for (const lane of this.#intake.lanes.values()) {
      while (lane.spooled > 0) {
        const entries = lane.disk.free(await this.#oldest(spool, lane));
        const expired = entries.filter((entry) => entry.time < oldest);
        if (expired.length === 0) break;
        lane.drop(expired, 'expired');
        spool.deleted(expired);
        if (expired.length < entries.length) break;
      }
    }
  }

  /** An operator gives up what is spooled now and not in flight. Returns how many there were. */
  async discard(spool: Spool): Promise<number> {
    let discarded = 0;
    for (const lane of this.#intake.lanes.values()) {
      const { end } = lane.disk.places;
      for (;;) {
        const victims = lane.disk.free(await this.#oldest(spool, lane)).filter(({ position = end }) => position < end);
        if (victims.length === 0) break;
        lane.drop(victims, 'discarded');
        spool.deleted(victims);
        discarded += victims.length;
      }
    }
    return discarded;
  }

  /** The service ends: what has room moves to disk, in flight or not, and the rest is dropped. */
  async last(spool: Spool): Promise<void> {
    const fits = this.#fits();
    for (const lane of this.#intake.lanes.values()) lane.spill(fits);
    await this.trim(spool);
    for (const lane of this.#intake.lanes.values()) while (lane.dropOldestFresh('shutdown'));
  }
}
