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
import { describe } from '../errors.ts';
import type { KeeperOptions, KeeperParts } from './keeper-parts.ts';
import { Room } from './room.ts';
import { Spool } from './spool.ts';
import { type RunRecord, readState, type SpoolState } from './spool-state.ts';
import { isFull, type Store, StoreError } from './store.ts';

/** How long until a disk that failed is tried again, in milliseconds. */
const RETRY_MS = 1000;
/** Copies in memory of what is on disk, for each lane, in bytes. */
const CACHE_BYTES = 2 * 2 ** 20;

export class Keeper {
  readonly #parts: KeeperParts;
  readonly #room: Room;
  #options: KeeperOptions;
  #store: Store | undefined;
  #spool: Spool | undefined;
  #opening: Promise<void> | undefined;
  /** Since when the spool was read, or cannot be; and since when it is opened or fails. Both as Unix time in milliseconds. */
  #readySince: number | undefined;
  #troubleSince: number | undefined;
  #reason: string | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #retryAt = 0;
  /** What the run's record on disk says; undefined while there is none. */
  #recorded: RunRecord | undefined;
  /** Runs that did not end: their records give way to this one's. */
  #before: readonly string[] = [];
  #stopped = false;

  constructor(options: KeeperOptions, parts: KeeperParts) {
    this.#options = options;
    this.#parts = parts;
    this.#room = new Room(options, parts.intake, parts.clock);
    this.#troubleSince = parts.clock.wall();
  }

  get ready(): boolean {
    return this.#readySince !== undefined;
  }

  get readySince(): number | undefined {
    return this.#readySince;
  }

  /** Since when it is being opened or fails, while it is so. */
  get troubleSince(): number | undefined {
    return this.#troubleSince;
  }

  /** Why the disk does not take what it should, while it does not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get store(): Store | undefined {
    return this.#store;
  }

  /** What the disk knows of how this run sends; undefined while it knows nothing. Lanes and batches beyond it would be lost untold. */
  get recorded(): RunRecord | undefined {
    return this.#recorded;
  }

  get spool(): Spool | undefined {
    return this.#spool;
  }

  /** An operator gives up what is spooled now and not in flight. Returns how many there were. */
  async discard(): Promise<number> {
    return this.#spool ? await this.#room.discard(this.#spool) : 0;
  }

  configure(options: KeeperOptions): void {
    const { lanes, window } = this.#options;
    // What the run has done so far was done with the former.
    const widest = window === undefined || options.window === undefined ? undefined : Math.max(window, options.window);
    this.#options = { ...options, lanes: Math.max(options.lanes, lanes), window: widest };
    this.#room.configure(options);
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
    const { log, name, openStore } = this.#parts;
    let opened: Store | undefined;
    try {
      const { store, remarks } = await openStore();
      opened = store;
      for (const remark of remarks) log.warn({ sink: name }, remark);
      if (this.#spool) this.#spool.reopened(store);
      else await this.#readSpool(store);
      this.#store = store;
      await this.#record();
      this.#recovered();
    } catch (error) {
      this.#failed(error);
      // A disk that is full can be read, and emptied.
      if (!isFull(error) || !this.#store) await this.#drop(opened);
      // Another instance, or a newer release, has what goes first; a broken disk has nothing that could be waited for.
      const wait = error instanceof StoreError && (error.code === 'locked' || error.code === 'newer');
      if (wait || (this.#options.spool.mode === 'always' && !this.#store)) return;
    }
    this.#readySince ??= this.#parts.clock.wall();
    this.#parts.onChange();
  }

  async #readSpool(store: Store): Promise<void> {
    const { dead, intake, run, clock } = this.#parts;
    const state = await readState(store);
    const letters = await dead.find(store);
    // Nothing is awaited from here on, so that all of it is known or nothing.
    dead.restore(letters);
    this.#restore(state);
    this.#before = [...state.runs.keys()];
    this.#spool = new Spool({ store, lanes: () => intake.lanes.values(), dead, clock, run }, this.#options.spool, state.lanes);
  }

  #restore({ lanes, losses, runs }: SpoolState): void {
    const { intake, ledger } = this.#parts;
    for (const [number, record] of lanes) {
      const lane = intake.lane(number);
      lane.restore(record);
      ledger.recover('spooled', lane.spooled);
    }
    for (const [number, ranges] of losses) intake.lane(number).losses.restore(ranges);
    for (const [run, record] of runs) {
      // A run that is still on record did not end: what it had in memory alone is lost.
      for (let number = 0; number < record.lanes; number++) {
        const written = lanes.get(number)?.segments.findLast((segment) => segment.run === run);
        intake.lane(number).losses.addOpen(run, (written?.last ?? 0) + 1, record.window);
      }
    }
  }

  /** Brings the run's record on disk to what it should say. */
  async #record(): Promise<void> {
    const { lanes, window } = this.#options;
    const record = { lanes, window };
    const spool = this.#spool as Spool;
    if (!this.#recorded) await spool.beginRun(record, this.#before);
    else if (this.#recorded.lanes !== lanes || this.#recorded.window !== window) await spool.widenRun(record);
    else return;
    this.#recorded = record;
    this.#parts.onRecord();
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
    else if (mode === 'always' || this.#room.pressed) this.work();
    else this.#armFor(this.#parts.clock.monotonic() + spool_after);
  }

  async #work(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      if (this.#parts.clock.monotonic() < this.#retryAt) return;
      if (!this.#store) {
        await this.open();
        if (!this.#store) return;
      }
      try {
        await this.#round();
        this.#recovered();
      } catch (error) {
        await this.#stumbled(error);
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const spool = this.#spool as Spool;
    await this.#record();
    this.#room.spill(this.#parts.failing());
    await this.#room.trim(spool);
    if (!spool.dirty) return;
    await spool.flush();
    for (const lane of this.#parts.intake.lanes.values()) lane.uncache(CACHE_BYTES);
    this.#parts.onChange();
  }

  async #stumbled(error: unknown): Promise<void> {
    this.#failed(error);
    if (!isFull(error)) return await this.#drop(this.#store);
    const spool = this.#spool as Spool;
    try {
      // To give up more makes no room as long as what was given up cannot be deleted.
      if (!spool.withholds) await this.#room.yield(spool);
      await spool.makeRoom();
    } catch (second) {
      this.#failed(second);
      if (!isFull(second)) await this.#drop(this.#store);
    }
  }

  /** Lets go of a store that is to be opened anew. */
  async #drop(store: Store | undefined): Promise<void> {
    this.#store = undefined;
    await store?.close().catch(() => {});
  }

  #failed(error: unknown): void {
    const reason = describe(error);
    if (reason !== this.#reason)
      this.#parts.log.error({ sink: this.#parts.name, reason }, 'the spool fails; events stay in memory');
    if (this.#reason === undefined) this.#troubleSince = this.#parts.clock.wall();
    this.#reason = reason;
    this.#retryAt = this.#parts.clock.monotonic() + RETRY_MS;
    this.#armFor(this.#retryAt);
  }

  #recovered(): void {
    if (this.#reason !== undefined) this.#parts.log.info({ sink: this.#parts.name }, 'the spool works again');
    this.#reason = undefined;
    this.#troubleSince = undefined;
  }

  /** Sets the timer for what comes next, if anything does. */
  #arm(): void {
    const now = this.#parts.clock.monotonic();
    let due = Math.max(this.#room.dueAt, now);
    const { syncIn, dirty } = this.#spool ?? { syncIn: undefined, dirty: false };
    if (syncIn !== undefined) due = Math.min(due, now + syncIn);
    if (dirty) due = now;
    if (this.#reason !== undefined || !this.#store) due = this.#retryAt;
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
    // A disk that failed a while ago may be well again.
    if (!this.#store) await this.open();
    if (!this.#store || !this.#spool) return false;
    let safe = false;
    try {
      await this.#room.last(this.#spool);
      await this.#spool.flush();
      await this.#spool.endRun();
      safe = true;
    } catch (error) {
      this.#failed(error);
    }
    await this.#spool.close().catch(() => {});
    return safe;
  }
}
