/**
 * Keeps the promise that what is older than `spool_after` is confirmed or on disk: opens the spool, decides what moves to disk and when,
 * makes room by the spool's rule, and goes on through a full or broken disk.
 *
 *   opening ──▶ open ──▶ failing (tried again every `RETRY_MS`) ──▶ open
 *      └──(locked, newer, broken: tried again every `RETRY_MS`)
 *   open, opening, failing ──stop──▶ closed
 *
 * Nothing is sent before the spool was read, because what is in it goes first. Where the disk cannot be had at all, events are sent from
 * memory, unless each must be on disk first.
 */
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import type { Log } from '../log.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Entry } from './entry.ts';
import type { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import type { SpoolOptions } from './options.ts';
import { Spool } from './spool.ts';
import { type RunRecord, readState, type SpoolState } from './spool-state.ts';
import { type OpenStore, type Store, StoreError } from './store.ts';

/** How long until a disk that failed is tried again, in milliseconds. */
const RETRY_MS = 1000;
/** How often the oldest of a spool are looked at for their age, in milliseconds. */
const AGE_CHECK_MS = 10_000;
/** Copies in memory of what is on disk, for each lane, in bytes. */
const CACHE_BYTES = 2 * 2 ** 20;
/** Entries looked at together when room is made, and their bytes. */
const TRIM_EVENTS = 500;
const TRIM_BYTES = 2 ** 20;
/** Room made when the disk itself is full, in bytes. */
const FULL_BYTES = 4 * 2 ** 20;
/** Share of the queue that may be in memory alone before it moves to disk early. */
const PRESSURE = 0.5;

export interface KeeperOptions {
  readonly spool: SpoolOptions;
  readonly queue: { readonly max_events: number; readonly max_bytes: number };
  /** The most events that a lane has in flight at once; undefined where they are not in order. */
  readonly window: number | undefined;
  readonly lanes: number;
}

export interface KeeperParts {
  readonly name: string;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly dead: DeadLetters;
  readonly openStore: OpenStore;
  /** Whether the broker fails, so that memory is not to be trusted with anything. */
  readonly failing: () => boolean;
  /** Called when there may be more to send. */
  readonly onChange: () => void;
}

export class Keeper {
  readonly #parts: KeeperParts;
  #options: KeeperOptions;
  #store: Store | undefined;
  #spool: Spool | undefined;
  #opening: Promise<void> | undefined;
  /** Whether the spool was read, or cannot be. */
  #ready = false;
  #reason: string | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #retryAt = 0;
  /** Whether the run's record on disk is to be written again. */
  #widen = false;
  #ageCheckAt = 0;
  #stopped = false;

  constructor(options: KeeperOptions, parts: KeeperParts) {
    this.#options = options;
    this.#parts = parts;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Why the disk does not take what it should, while it does not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get store(): Store | undefined {
    return this.#store;
  }

  get spool(): Spool | undefined {
    return this.#spool;
  }

  configure(options: KeeperOptions): void {
    this.#options = { ...options, lanes: Math.max(options.lanes, this.#options.lanes) };
    this.#widen = true;
    this.#spool?.configure(options.spool);
    this.work();
  }

  /** Opens the spool and reads what it holds. Never rejects. */
  async open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #open(): Promise<void> {
    const { clock, log, name, openStore, dead, intake, run } = this.#parts;
    try {
      const { store, remarks } = await openStore();
      for (const remark of remarks) log.warn({ sink: name }, remark);
      if (!this.#spool) {
        const state = await readState(store, remarks.length > 0);
        this.#restore(state);
        await dead.open(store);
        const parts = { store, lanes: () => intake.lanes.values(), dead, clock, run };
        this.#spool = new Spool(parts, this.#options.spool, state.lanes);
        await this.#spool.beginRun(this.#runRecord(), [...state.runs.keys()]);
      } else this.#spool.reopened(store);
      this.#store = store;
      this.#recovered();
    } catch (error) {
      this.#failed(error);
      // Another instance, or a newer release, has what goes first; a broken disk has nothing that could be waited for.
      const wait = error instanceof StoreError && (error.code === 'locked' || error.code === 'newer');
      if (wait || this.#options.spool.mode === 'always') return;
    }
    this.#ready = true;
    this.#parts.onChange();
  }

  #restore({ lanes, losses, runs }: SpoolState): void {
    const { intake, ledger } = this.#parts;
    for (const [number, record] of lanes) ledger.recover('spooled', intake.restore(number, record).spooled);
    for (const [number, ranges] of losses) intake.lane(number).losses.restore(ranges);
    for (const [run, record] of runs) {
      // A run that is still on record did not end: what it had in memory alone is lost.
      for (let number = 0; number < record.lanes; number++) {
        const written = lanes.get(number)?.segments.findLast((segment) => segment.run === run);
        intake.lane(number).losses.addOpen(run, (written?.last ?? 0) + 1, record.window);
      }
    }
  }

  /** Looks at once at what is to be done. */
  work(): void {
    this.#again = true;
    if (this.#working || this.#stopped) return;
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
      this.#arm();
    });
  }

  /** An event came in: there is something to do by the time it is `spool_after` old, or at once. */
  accepted(): void {
    const { mode, spool_after } = this.#options.spool;
    if (this.#working) this.#again = true;
    else if (mode === 'always' || this.#pressed()) this.work();
    else this.#armFor(this.#parts.clock.monotonic() + spool_after);
  }

  #pressed(): boolean {
    const { memory } = this.#parts.intake;
    const { max_events, max_bytes } = this.#options.queue;
    return memory.events > PRESSURE * max_events || memory.bytes > PRESSURE * max_bytes;
  }

  async #work(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const now = this.#parts.clock.monotonic();
      if (now < this.#retryAt) return;
      if (!this.#store) {
        await this.open();
        if (!this.#store) return;
      }
      try {
        await this.#round(now);
        this.#recovered();
      } catch (error) {
        await this.#stumbled(error);
        return;
      }
    }
  }

  async #round(now: number): Promise<void> {
    const spool = this.#spool as Spool;
    if (this.#widen) {
      await spool.widenRun(this.#runRecord());
      this.#widen = false;
    }
    this.#spill(now);
    await this.#trim(this.#options.spool.when_full === 'drop_oldest' ? this.#options.spool.max_bytes : Number.POSITIVE_INFINITY);
    if (now >= this.#ageCheckAt) {
      this.#ageCheckAt = now + AGE_CHECK_MS;
      await this.#expire();
    }
    if (!spool.dirty) return;
    await spool.flush();
    for (const lane of this.#parts.intake.lanes.values()) lane.uncache(CACHE_BYTES);
    this.#parts.onChange();
  }

  #runRecord(): RunRecord {
    const { lanes, window } = this.#options;
    return { lanes, window };
  }

  /** Moves to disk what is due: everything in `always` and under pressure, all of a lane when its oldest is due. */
  #spill(now: number): void {
    const { mode, spool_after, max_bytes, when_full } = this.#options.spool;
    const all = mode === 'always' || this.#pressed() || this.#parts.failing();
    let size = this.#diskBytes();
    const fits = (bytes: number): boolean => {
      if (when_full !== 'drop_oldest' && size + bytes > max_bytes) return false;
      size += bytes;
      return true;
    };
    for (const lane of this.#parts.intake.lanes.values()) {
      const { oldestFresh } = lane;
      if (!oldestFresh || !(all || now - oldestFresh.accepted >= spool_after)) continue;
      if (!lane.spill(fits) && when_full === 'drop_newest') while (lane.dropOldestFresh('spool_full'));
    }
  }

  #diskBytes(): number {
    let bytes = 0;
    for (const lane of this.#parts.intake.lanes.values()) bytes += lane.diskBytes;
    return bytes;
  }

  /** Drops the oldest of the largest lane until the spool is no larger than `maxBytes`. */
  async #trim(maxBytes: number): Promise<void> {
    while (this.#diskBytes() > maxBytes) {
      const largest = [...this.#parts.intake.lanes.values()].toSorted((a, b) => b.diskBytes - a.diskBytes)[0] as Lane;
      let excess = this.#diskBytes() - maxBytes;
      const victims: Entry[] = [];
      for (const entry of await this.#oldest(largest)) {
        if (excess <= 0) break;
        excess -= entry.bytes;
        victims.push(entry);
      }
      if (victims.length === 0) return;
      largest.drop(victims, 'spool_full');
      this.#spool?.deleted(victims);
    }
  }

  /** The oldest entries of a lane on disk that are not in flight. */
  async #oldest(lane: Lane): Promise<Entry[]> {
    const from = Math.max(lane.head, lane.busyTo);
    if (from >= lane.cacheFrom) return lane.cached(TRIM_EVENTS);
    const entries = lane.present(await (this.#spool as Spool).read(lane, TRIM_EVENTS, TRIM_BYTES, from));
    return entries.filter((entry) => (entry.position as number) >= Math.max(lane.head, lane.busyTo));
  }

  async #expire(): Promise<void> {
    const oldest = this.#parts.clock.wall() - this.#options.spool.max_age;
    for (const lane of this.#parts.intake.lanes.values()) {
      while (lane.spooled > 0) {
        const entries = await this.#oldest(lane);
        const expired = entries.filter((entry) => entry.time < oldest);
        if (expired.length === 0) break;
        lane.drop(expired, 'expired');
        this.#spool?.deleted(expired);
        if (expired.length < entries.length) break;
      }
    }
  }

  async #stumbled(error: unknown): Promise<void> {
    this.#failed(error);
    const { when_full } = this.#options.spool;
    if (error instanceof StoreError && error.code === 'full') {
      if (when_full !== 'drop_oldest') return;
      try {
        await this.#trim(Math.max(0, this.#diskBytes() - FULL_BYTES));
        await this.#spool?.makeRoom();
      } catch (second) {
        this.#failed(second);
      }
      return;
    }
    const broken = this.#store;
    this.#store = undefined;
    await broken?.close().catch(() => {});
  }

  #failed(error: unknown): void {
    const reason = describe(error);
    if (reason !== this.#reason)
      this.#parts.log.error({ sink: this.#parts.name, reason }, 'the spool fails; events stay in memory');
    this.#reason = reason;
    this.#retryAt = this.#parts.clock.monotonic() + RETRY_MS;
    this.#armFor(this.#retryAt);
  }

  #recovered(): void {
    if (this.#reason !== undefined) this.#parts.log.info({ sink: this.#parts.name }, 'the spool works again');
    this.#reason = undefined;
  }

  /** Sets the timer for what comes next, if anything does. */
  #arm(): void {
    if (this.#stopped) return;
    const now = this.#parts.clock.monotonic();
    let due = Number.POSITIVE_INFINITY;
    for (const { oldestFresh, spooled } of this.#parts.intake.lanes.values()) {
      if (oldestFresh) due = Math.min(due, oldestFresh.accepted + this.#options.spool.spool_after);
      if (spooled > 0) due = Math.min(due, Math.max(this.#ageCheckAt, now));
    }
    const { syncIn, dirty } = this.#spool ?? { syncIn: undefined, dirty: false };
    if (syncIn !== undefined) due = Math.min(due, now + syncIn);
    if (dirty) due = Math.min(due, now);
    if (this.#reason !== undefined || !this.#store) due = Math.max(this.#retryAt, Math.min(due, this.#retryAt));
    if (due !== Number.POSITIVE_INFINITY) this.#armFor(Math.max(due, this.#retryAt));
  }

  #armFor(at: number): void {
    if (this.#stopped || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#parts.clock.after(Math.max(1, at - this.#parts.clock.monotonic()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      this.work();
    });
  }

  /** Puts everything on disk that is not there, in flight or not, and closes. Says whether all of it is. */
  async stop(): Promise<boolean> {
    // What was accepted while the spool was being opened is to be spooled, too.
    await this.#opening;
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#working;
    let safe = false;
    if (this.#store && this.#spool) {
      try {
        let size = this.#diskBytes();
        const { max_bytes, when_full } = this.#options.spool;
        for (const lane of this.#parts.intake.lanes.values()) {
          lane.spill((bytes) => when_full === 'drop_oldest' || (size += bytes) <= max_bytes);
        }
        await this.#trim(when_full === 'drop_oldest' ? max_bytes : Number.POSITIVE_INFINITY);
        for (const lane of this.#parts.intake.lanes.values()) while (lane.dropOldestFresh('shutdown'));
        await this.#spool.flush();
        await this.#spool.endRun();
        safe = true;
      } catch (error) {
        this.#failed(error);
      }
      await this.#spool.close().catch(() => {});
    }
    return safe;
  }
}
