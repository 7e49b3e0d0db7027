/**
 * A sink's queue: events in order, bounded in number and bytes. What it cannot hold it gives back to be counted.
 *
 *   drop_oldest  makes room by dropping from the front
 *   drop_newest  drops what does not fit
 *   block        takes nothing more until half of it is free, so that a long outage leaves one hole and not many
 *
 * An event that is larger than the whole queue may be is dropped under each rule, alone.
 *
 * Publishing never waits for a sink, whatever the rule.
 */
import type { TideEvent } from './event.ts';

export type WhenFull = 'drop_oldest' | 'drop_newest' | 'block';

export interface QueueOptions {
  readonly max_events: number;
  /** In bytes, as events estimate their encoded size. */
  readonly max_bytes: number;
  /** In milliseconds. An event that has waited longer is dropped when its turn comes. */
  readonly max_age?: number | undefined;
  readonly when_full: WhenFull;
}

/** Emptied slots at the front before the array is cut; keeps `shift` at constant cost. */
const SLACK_MAX = 1024;

export class Queue {
  readonly #options: QueueOptions;
  /** Emptied slots up to `#head`, events from there. */
  #events: (TideEvent | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #blocked = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#events.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): TideEvent | undefined {
    return this.#events[this.#head];
  }

  /** Adds an event at the end, by the rule. Returns how many were dropped for it, itself included. */
  push(event: TideEvent): number {
    const { when_full, max_events, max_bytes } = this.#options;
    if (event.bytes > max_bytes) return 1;
    if (this.#blocked && this.length <= max_events / 2 && this.#bytes <= max_bytes / 2) this.#blocked = false;
    const full = this.length + 1 > max_events || this.#bytes + event.bytes > max_bytes;
    if (when_full === 'block' && full) this.#blocked = true;
    if (this.#blocked || (full && when_full === 'drop_newest')) return 1;
    this.#events.push(event);
    this.#bytes += event.bytes;
    return full ? this.#trim() : 0;
  }

  /** Puts events back at the front, in their order. Returns how many were dropped because the queue filled up meanwhile. */
  putBack(events: readonly TideEvent[]): number {
    const fitting = events.filter((event) => event.bytes <= this.#options.max_bytes);
    this.#events = [...fitting, ...this.#events.slice(this.#head)];
    this.#head = 0;
    for (const event of fitting) this.#bytes += event.bytes;
    return events.length - fitting.length + this.#trim();
  }

  /** Takes from the front what fits into a batch: at least one event, if there is any. */
  take(maxEvents: number, maxBytes: number): TideEvent[] {
    let end = this.#head;
    let bytes = 0;
    while (end < this.#events.length && end - this.#head < maxEvents) {
      const next = (this.#events[end] as TideEvent).bytes;
      if (end > this.#head && bytes + next > maxBytes) break;
      bytes += next;
      end++;
    }
    const taken = this.#events.slice(this.#head, end) as TideEvent[];
    this.#drop(taken.length, bytes);
    return taken;
  }

  /** Removes the events at the front that were sampled before `time`, and says how many. */
  expire(time: number): number {
    let [count, bytes] = [0, 0];
    for (let i = this.#head; i < this.#events.length && (this.#events[i] as TideEvent).time < time; i++) {
      bytes += (this.#events[i] as TideEvent).bytes;
      count++;
    }
    this.#drop(count, bytes);
    return count;
  }

  clear(): number {
    const { length } = this;
    this.#events = [];
    this.#head = 0;
    this.#bytes = 0;
    return length;
  }

  /** Drops until the limits hold again: from the front, or from the end where the newest are to go. */
  #trim(): number {
    const { when_full, max_events, max_bytes } = this.#options;
    let dropped = 0;
    while (this.length > max_events || this.#bytes > max_bytes) {
      if (when_full === 'drop_oldest') this.#drop(1, (this.#events[this.#head] as TideEvent).bytes);
      else this.#bytes -= (this.#events.pop() as TideEvent).bytes;
      dropped++;
    }
    if (dropped > 0 && when_full === 'block') this.#blocked = true;
    return dropped;
  }

  #drop(count: number, bytes: number): void {
    // An emptied slot must not keep its event in memory, which is what `max_bytes` bounds.
    this.#events.fill(undefined, this.#head, this.#head + count);
    this.#head += count;
    this.#bytes -= bytes;
    if (this.#head < SLACK_MAX && this.#head < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}
