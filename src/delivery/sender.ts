/**
 * Sends one lane: the batch at its front, one at a time, until there is nothing to send or reason to wait.
 *
 *   resting ──kick──▶ sending ⇄ pausing (lingering for company, paced by the drain, backing off)
 *      ▲                 │
 *      └──nothing to do, or until told: blocked, another lane probes──┘
 *
 * A lane has two senders. In order, only the first works: what is on disk goes before what is in memory. With backfill it sends what is in
 * memory, and the second what is on disk.
 * A batch that is rejected is bisected until the one event that is to blame is alone: that one becomes a dead letter. On any other failure
 * what was not confirmed stays where it is. Before a lane goes on behind a hole, it tells of it.
 */
import type { Message } from '../broker.ts';
import { codeOf, describe, SinkError } from '../errors.ts';
import { type Entry, sizeOf } from './entry.ts';
import { Flight } from './flight.ts';
import type { Lane, Source } from './lane.ts';
import { Nap } from './nap.ts';
import type { Grant } from './pacer.ts';
import type { SenderParts } from './sender-parts.ts';

/** An event that opens a batch waits this long for those sampled with it, in milliseconds. */
const SETTLE_MS = 10;

export type Role = 'first' | 'second';

export class Sender {
  readonly lane: Lane;
  readonly #role: Role;
  readonly #parts: SenderParts;
  #running = false;
  #again = false;
  readonly #nap: Nap;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #flight: Flight | undefined;

  constructor(lane: Lane, role: Role, parts: SenderParts) {
    this.lane = lane;
    this.#role = role;
    this.#parts = parts;
    this.#nap = new Nap(parts.clock);
  }

  get resting(): boolean {
    return !this.#running;
  }

  /** Gives up what is in flight, because the service ends: how it ends is of no more interest. */
  abandon(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    if (!flight) return;
    if (flight.tells) this.lane.losses.keep();
    this.lane.putBack(flight.entries);
  }

  /** Looks at once whether there is something to send. */
  kick(): void {
    this.#again = true;
    if (this.#nap.lasts) this.#nap.end();
    else if (!this.#running) void this.#run();
  }

  /** An event came in; a sender that lingers is only woken when its batch is full. */
  accepted(): void {
    if (!this.#running || (this.#nap.lasts && this.#full(this.#next))) this.kick();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      try {
        while (await this.#step());
      } catch (error) {
        // What the broker throws was dealt with; this is the disk, or a mistake of ours, and neither may end the lane.
        this.#parts.log.error({ sink: this.#parts.name, lane: this.lane.number, reason: describe(error) }, 'the lane stumbled');
        await this.#nap.take(1000);
        this.#again = true;
      }
    }
    this.#running = false;
    this.#parts.onRest();
  }

  get #next(): Source {
    if (this.#role === 'second') return 'disk';
    return this.lane.spooled > 0 && !this.#parts.options().backfill ? 'disk' : 'fresh';
  }

  /** Sends a batch, or waits a while. Says whether there may be more to do. */
  async #step(): Promise<boolean> {
    if (this.#parts.stopped()) return false;
    const wait = this.#wait(this.#next);
    if (wait === undefined) return false;
    if (wait > 0) {
      await this.#nap.take(wait);
      return true;
    }
    return this.#next === 'disk' ? await this.#sendFromDisk() : await this.#sendFresh();
  }

  async #sendFresh(): Promise<boolean> {
    const { pacer, options } = this.#parts;
    const { max_events, max_bytes } = options().batch;
    const grant = this.#follows() ? pacer.grant(max_events, max_bytes) : undefined;
    try {
      const entries = this.#unexpired(this.lane.take('fresh', grant?.events ?? max_events, grant?.bytes ?? max_bytes, false));
      if (grant) pacer.went(grant, entries.length, sizeOf(entries));
      if (entries.length === 0 && !this.#tells()) return false;
      const failed = await this.#send(entries);
      if (grant && failed.length > 0) pacer.went(grant, entries.length - failed.length, sizeOf(entries) - sizeOf(failed));
    } finally {
      if (grant) pacer.end(grant);
    }
    // What was given a place while it was in flight, and failed, is the other sender's.
    this.#parts.onSettled(this.lane);
    return true;
  }

  async #sendFromDisk(): Promise<boolean> {
    const { lane } = this;
    const { pacer, options, health, stopped } = this.#parts;
    const { max_events, max_bytes } = options().batch;
    lane.claimed = true;
    const grant = this.#paced() && lane.spooled > 0 ? pacer.grant(max_events, max_bytes) : undefined;
    try {
      const limits = grant ?? { events: max_events, bytes: max_bytes };
      // What has a copy in memory is in flight before anybody may give the copy back.
      const read = lane.cached(limits.events, limits.bytes, options().always) ?? (await this.#read(limits));
      // Reading took a while, in which everything may have changed.
      const entries = stopped() || health.wait !== 0 ? [] : this.#unexpired(this.#launch(read));
      if (grant) pacer.went(grant, entries.length, sizeOf(entries));
      if (stopped() || health.wait !== 0) return !stopped();
      if (entries.length === 0 && !this.#tells()) return false;
      const failed = await this.#send(entries);
      // What the broker did not take has used nothing of the rate: a flaky one gets what it can carry.
      if (grant && failed.length > 0) pacer.went(grant, entries.length - failed.length, sizeOf(entries) - sizeOf(failed));
    } finally {
      if (grant) pacer.end(grant);
      lane.claimed = false;
      this.#parts.onSettled(lane);
    }
    return true;
  }

  /** The first entries, which are on disk alone. */
  async #read({ events, bytes }: Pick<Grant, 'events' | 'bytes'>): Promise<Entry[]> {
    const { spool, store } = this.#parts.keeper;
    return spool && store ? await spool.read(this.lane, events, bytes) : [];
  }

  #launch(read: readonly Entry[]): Entry[] {
    const entries = this.lane.disk.present(read);
    this.lane.launch(entries);
    return entries;
  }

  /** Drops those of a batch that are too old. */
  #unexpired(entries: Entry[]): Entry[] {
    const { keeper, options, clock } = this.#parts;
    const oldest = clock.wall() - options().maxAge;
    const expired = entries.filter((entry) => entry.time < oldest);
    if (expired.length === 0) return entries;
    this.lane.drop(expired, 'expired');
    keeper.spool?.deleted(expired);
    keeper.work();
    return entries.filter((entry) => entry.time >= oldest);
  }

  /** How long until the next batch may go, in milliseconds; undefined until something happens. */
  #wait(source: Source): number | undefined {
    const { lane } = this;
    const { health, keeper, pacer, paused } = this.#parts;
    if (!keeper.ready || paused() || !this.#hasWork(source)) return undefined;
    const { wait } = health;
    if (wait !== 0) return wait;
    if (source === 'disk' && this.#paced()) return lane.spooled > 0 ? pacer.wait(this.#parts.options().batch.max_events) : 0;
    if (source === 'fresh' && this.#follows())
      return this.lane.freshCount > 0 ? pacer.wait(this.#parts.options().batch.max_events) : 0;
    return this.#linger(source);
  }

  /** Whether what is in memory follows a backlog that has just emptied: it goes at the same rate, or there would be a burst. */
  #follows(): boolean {
    return this.lane.draining && !this.#parts.options().backfill;
  }

  #hasWork(source: Source): boolean {
    const { lane } = this;
    if (this.#role === 'second' && !this.#parts.options().backfill) return false;
    // One batch of what is on disk at a time, whoever sends it.
    if (source === 'disk' && lane.claimed) return false;
    if (this.#tells()) return true;
    if (source === 'fresh') return !this.#parts.options().always && lane.freshCount > 0;
    return lane.spooled > 0 && (!this.#parts.options().always || lane.disk.durable > lane.disk.head);
  }

  /** Whether a notice waits and is this sender's to tell. */
  #tells(): boolean {
    return this.lane.losses.any && this.#role === 'first';
  }

  /** Whether the drain's rate holds: for what is on disk, unless everything is. */
  #paced(): boolean {
    return !this.#parts.options().always || this.lane.draining;
  }

  #full(source: Source): boolean {
    const { max_events, max_bytes } = this.#parts.options().batch;
    const { freshCount, freshBytes, spooled, diskBytes } = this.lane;
    const [events, bytes] = source === 'fresh' ? [freshCount, freshBytes] : [spooled, diskBytes];
    return events >= max_events || bytes >= max_bytes;
  }

  #linger(source: Source): number {
    const { clock, flushing, options } = this.#parts;
    if (flushing() || this.#full(source)) return 0;
    const { linger } = options();
    const { oldestFresh } = this.lane;
    const since = source === 'fresh' && oldestFresh ? oldestFresh.accepted : clock.monotonic() - SETTLE_MS;
    return Math.max(0, Math.max(since + Math.min(linger, SETTLE_MS), this.#lastWrite + linger) - clock.monotonic());
  }

  /** Sends all of a batch but for what fails, which it returns, with notices of what went before it. */
  async #send(batch: readonly Entry[]): Promise<readonly Entry[]> {
    const { lane } = this;
    const { notices, clock, health, stopped } = this.#parts;
    const ranges = this.#tells() ? lane.losses.take() : [];
    const flight = new Flight(notices.make(lane.number, ranges, clock.wall()), batch, this.#role === 'second');
    this.#flight = flight;
    this.#lastWrite = clock.monotonic();
    for (let size = flight.left.length; flight.left.length > 0; ) {
      const piece = flight.left.slice(0, size);
      try {
        await health.call(async () => await this.#parts.write(piece));
        if (stopped()) return [];
        this.#settle(flight, piece, () => true);
        // The other half of what was rejected may be fine as a whole.
        size = Math.min(flight.left.length, 2 * size);
      } catch (error) {
        if (stopped()) return [];
        size = this.#sift(flight, piece, error);
      }
    }
    this.#flight = undefined;
    return flight.failed;
  }

  /** Deals with a piece that failed, wholly or in part. Returns how large the next piece is to be. */
  #sift(flight: Flight, piece: readonly Message[], error: unknown): number {
    const confirmed = (error instanceof SinkError && error.confirmed) || new Set();
    if (confirmed.size > 0) this.#settle(flight, piece, (i) => confirmed.has(i));
    const rest = piece.length - confirmed.size;
    if (codeOf(error) !== 'rejected') this.#giveUp(flight);
    else if (piece.length === 1 && rest === 1) this.#reject(flight, piece[0] as Message, error);
    return Math.max(1, rest >> 1);
  }

  #settle(flight: Flight, piece: readonly Message[], isDone: (index: number) => boolean): void {
    const { lane } = this;
    const { keeper, options } = this.#parts;
    const entries = this.#landed(flight, piece, isDone);
    lane.settle(entries, 'delivered');
    keeper.spool?.deleted(entries);
    // In `always` the disk is never empty; a batch's worth, there or in memory, is no backlog.
    const { always, batch } = options();
    const emptied = lane.spooled <= (always ? batch.max_events : 0) && lane.freshCount <= batch.max_events;
    if (lane.draining && emptied) lane.draining = false;
    if (lane.disk.doomed.length > 0 || lane.losses.dirty) keeper.work();
  }

  /** Takes messages out of the flight; a lane that has told its losses forgets them. Returns the entries. */
  #landed(flight: Flight, piece: readonly Message[], isDone: (index: number) => boolean): Entry[] {
    const { tells } = flight;
    const entries = flight.done(piece, isDone);
    if (tells && !flight.tells) this.lane.losses.told();
    return entries;
  }

  #giveUp(flight: Flight): void {
    const { lane } = this;
    if (flight.tells) lane.losses.keep();
    flight.giveUp();
    lane.putBack(flight.failed);
    lane.draining = true;
    this.#parts.onFailure();
  }

  #reject(flight: Flight, message: Message, error: unknown): void {
    const { log, name, dead, clock, keeper } = this.#parts;
    const [entry] = this.#landed(flight, [message], () => true);
    const reason = describe(error);
    log.warn({ sink: name, event: message.id, reason }, 'an event was rejected for good; it is kept as a dead letter');
    if (!entry) return;
    this.lane.settle([entry], 'dead_lettered');
    dead.add(entry, reason, clock.wall());
    keeper.work();
  }
}
