/**
 * A simulated disk under the spool: what survives a killed process, what survives a power cut, and what goes wrong in between.
 *
 * A batch takes effect as a whole when its write ends. A killed process loses the batch in progress, or not; a power cut also loses the
 * last batches that were not synced, as many as it likes, but never one before another.
 */
import { REPAIRED_KEY, runKey } from '../../../src/delivery/keys.ts';
import type { Change, KeyRange, Store } from '../../../src/delivery/store.ts';
import { StoreError } from '../../../src/delivery/store.ts';
import type { FakeClock } from '../../clock.ts';
import type { Random } from './random.ts';

/** Room that a full disk has for batches that may use it, in bytes: so little that it is spent at times. */
const RESERVE_BYTES = 2000;

type Content = Map<string, Buffer>;

export class SimulatedDisk {
  readonly #clock: FakeClock;
  readonly #random: Random;
  /** What a power cut leaves. */
  #synced: Content = new Map();
  /** Batches since then, in order. */
  #unsynced: { readonly changes: readonly Change[]; readonly at: number }[] = [];
  #content: Content = new Map();
  #handle: object | undefined;
  full = false;
  /** The share of writes that fail otherwise. */
  failing = 0;
  /** How long a write takes at most, in milliseconds. */
  latency = 0;
  /** Batches that added or changed something. */
  writes = 0;
  /** Where reads began, and the first key that they found. */
  readonly reads: { readonly from: Buffer; readonly first: Buffer | undefined }[] = [];
  /** What it was asked to compact. */
  readonly compacted: KeyRange[] = [];
  /** What of its reserve is left, in bytes. */
  #reserve = RESERVE_BYTES;

  constructor(clock: FakeClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The keys that are there, for a look from outside. */
  get size(): number {
    return this.#content.size;
  }

  /** `alive` says whether the process that opens it still runs. */
  async open(alive: () => boolean = () => true): Promise<Store> {
    await this.#pass();
    if (!alive()) return await new Promise(() => {});
    if (this.#handle) throw new StoreError('locked', 'another process has the spool');
    const handle = {};
    this.#handle = handle;
    const check = (): void => {
      if (this.#handle !== handle) throw new StoreError('broken', 'the spool is closed');
    };
    return {
      write: async (changes, sync, reserve = false) => {
        check();
        await this.#write(changes, sync, reserve, check);
      },
      read: async (range, max, maxBytes) => {
        check();
        await this.#pass();
        check();
        const found = this.#read(range, max, maxBytes);
        this.reads.push({ from: range.from, first: found[0]?.[0] });
        return found;
      },
      last: async (range) => {
        check();
        await this.#pass();
        return this.#keys(range).at(-1);
      },
      compact: async (range) => {
        this.compacted.push(range);
        await this.#pass();
      },
      free: () => Promise.resolve(this.full ? 0 : 1e12),
      close: async () => {
        await this.#pass();
        if (this.#handle === handle) this.#handle = undefined;
      },
    };
  }

  /** Whether it knows of a run that has not ended. */
  knows(run: string): boolean {
    return this.#content.has(runKey(run).toString('hex'));
  }

  /** The process is killed: its handle and its lock are gone. */
  kill(): void {
    this.#handle = undefined;
  }

  /** The power fails. Returns what it took, and how old the oldest of that is, in milliseconds, if anything was added or changed there. */
  cut(): { age: number | undefined; taken: readonly Change[] } {
    this.kill();
    const kept = this.#random.below(this.#unsynced.length + 1);
    this.#content = new Map(this.#synced);
    for (const { changes } of this.#unsynced.slice(0, kept)) apply(this.#content, changes);
    this.#synced = new Map(this.#content);
    const lost = this.#unsynced.slice(kept);
    const first = lost.find(({ changes }) => changes.some(({ value }) => value !== undefined));
    this.#unsynced = [];
    return { age: first && this.#clock.monotonic() - first.at, taken: lost.flatMap(({ changes }) => changes) };
  }

  /** Changes a byte in some entries, or loses them. Returns how many, and whether the store would notice when it is opened. */
  damage(most: number): { damaged: number; noticed: boolean } {
    const keys = [...this.#content.keys()].filter((key) => key.startsWith('65'));
    let [damaged, noticed] = [0, false];
    for (; damaged < Math.min(most, keys.length); damaged++) {
      const key = keys[this.#random.below(keys.length)] as string;
      const value = this.#content.get(key);
      if (!value) continue;
      if (this.#random.chance(0.5)) {
        this.#content.delete(key);
        this.#content.set(REPAIRED_KEY.toString('hex'), Buffer.of(1));
        noticed = true;
      } else {
        const copy = Buffer.from(value);
        copy[this.#random.below(copy.length)] = this.#random.below(256);
        this.#content.set(key, copy);
      }
    }
    return { damaged, noticed };
  }

  async #write(changes: readonly Change[], sync: boolean, reserve: boolean, check: () => void): Promise<void> {
    const adds = changes.some(({ value }) => value !== undefined);
    const fails = this.#random.chance(this.failing);
    await this.#pass();
    check();
    const bytes = changes.reduce((sum, { key, value }) => sum + (value ? key.length + value.length : 0), 0);
    if (this.full && adds && !(reserve && bytes <= this.#reserve)) throw new StoreError('full', 'no space left on the disk');
    if (fails) {
      this.#handle = undefined;
      throw new StoreError('broken', 'input/output error');
    }
    this.#reserve = this.full ? this.#reserve - bytes : RESERVE_BYTES;
    if (adds) this.writes++;
    apply(this.#content, changes);
    this.#unsynced.push({ changes, at: this.#clock.monotonic() });
    if (!sync) return;
    for (const batch of this.#unsynced) apply(this.#synced, batch.changes);
    this.#unsynced = [];
  }

  #read(range: KeyRange, max: number, maxBytes: number): [Buffer, Buffer][] {
    const found: [Buffer, Buffer][] = [];
    let bytes = 0;
    for (const key of this.#keys(range)) {
      const value = this.#content.get(key.toString('hex')) as Buffer;
      if (found.length >= max || (found.length > 0 && bytes + value.length > maxBytes)) break;
      bytes += value.length;
      found.push([key, Buffer.from(value)]);
    }
    return found;
  }

  #keys({ from, to }: KeyRange): Buffer[] {
    const [low, high] = [from.toString('hex'), to.toString('hex')];
    return [...this.#content.keys()]
      .filter((key) => key >= low && key < high)
      .toSorted()
      .map((key) => Buffer.from(key, 'hex'));
  }

  async #pass(): Promise<void> {
    const ms = this.latency === 0 ? 0 : this.#random.below(this.latency + 1);
    if (ms > 0) await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
  }
}

function apply(content: Content, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) content.delete(key.toString('hex'));
    else content.set(key.toString('hex'), Buffer.from(value));
  }
}
