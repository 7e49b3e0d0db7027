/**
 * The account of one sink. At any moment
 *
 *   published = queued + spooled + in flight + delivered + dead-lettered + dropped, over all reasons
 *
 * and every event is in exactly one of these. Events that the sink does not select are not published to it.
 */

import type { Clock } from './clock.ts';

/** Where an event may be. */
export const PLACES = ['queued', 'spooled', 'in_flight', 'delivered', 'dead_lettered'] as const;
export type Place = (typeof PLACES)[number];

/**
 * Why an event was dropped.
 *   queue_full   the queue's limit, by `when_full`
 *   expired      older than `max_age`
 *   rejected     the destination will never take it, and the sink keeps no dead letters
 *   shutdown     not delivered by the end of the shutdown's deadline, nor spooled
 *   spool_full   the spool's limit, by `when_full`
 *   corrupted    the disk did not give back what was spooled
 *   discarded    by an operator, or a dead letter that gave way to newer ones
 */
export const DROP_REASONS = ['queue_full', 'expired', 'rejected', 'shutdown', 'spool_full', 'corrupted', 'discarded'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface LedgerView extends Readonly<Record<Place, number>> {
  readonly published: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

export class Ledger {
  readonly #clock: Pick<Clock, 'wall'>;
  #lostAt: number | undefined;
  #published = 0;
  readonly #places: Record<Place, number> = { queued: 0, spooled: 0, in_flight: 0, delivered: 0, dead_lettered: 0 };
  readonly #dropped: Partial<Record<DropReason, number>> = {};

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock;
  }

  /** When events were last dropped but for an operator's wish, as Unix time in milliseconds. */
  get lostAt(): number | undefined {
    return this.#lostAt;
  }

  /** An event was published to the sink; it is queued, until told otherwise. */
  publish(): void {
    this.#published++;
    this.#places.queued++;
  }

  /** Events of an earlier run were found: they count as published to this one. */
  recover(place: Place, events: number): void {
    this.#published += events;
    this.#places[place] += events;
  }

  move(from: Place, to: Place, events: number): void {
    this.#places[from] -= events;
    this.#places[to] += events;
  }

  drop(from: Place, reason: DropReason, events: number): void {
    if (events === 0) return;
    this.#places[from] -= events;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
    if (reason !== 'discarded') this.#lostAt = this.#clock.wall();
  }

  /** Takes over another account's numbers. */
  add(other: Ledger): void {
    this.#published += other.#published;
    for (const place of PLACES) this.#places[place] += other.#places[place];
    for (const [reason, events] of Object.entries(other.#dropped))
      this.#dropped[reason as DropReason] = (this.#dropped[reason as DropReason] ?? 0) + events;
    if (other.#lostAt !== undefined) this.#lostAt = Math.max(this.#lostAt ?? 0, other.#lostAt);
  }

  view(): LedgerView {
    return { published: this.#published, ...this.#places, dropped: { ...this.#dropped } };
  }
}

/** By how much an account is out: 0 when every event is in exactly one place. */
export function imbalance({ published, queued, spooled, in_flight, delivered, dead_lettered, dropped }: LedgerView): number {
  const lost = Object.values(dropped).reduce((sum, events) => sum + events, 0);
  return published - (queued + spooled + in_flight + delivered + dead_lettered + lost);
}
