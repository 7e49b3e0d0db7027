/**
 * Events that the broker will never take, kept with the reason until an operator retries or discards them; the oldest give way when they
 * take more than their limit.
 *
 *   accepted ──add──▶ in memory ──flush──▶ on disk ──remove──▶ gone
 *
 * A dead letter's value is MessagePack: reason, Unix time in milliseconds of the rejection, and the entry's own value.
 */
import { decode } from '@msgpack/msgpack';
import type { Ledger } from '../ledger.ts';
import { decodeEntry, type Entry, encodeEntry } from './entry.ts';
import { ALL_DEAD, deadKey, deadOfKey } from './keys.ts';
import type { Plan } from './plan.ts';
import { encodeValue } from './spool-state.ts';
import type { Store } from './store.ts';

/** Dead letters read at once, and their bytes. */
const READ_MAX = 500;
const READ_BYTES_MAX = 4 * 2 ** 20;
/** Those that are written at once to a full disk, in bytes; but for the first. */
const RESERVED_BYTES = 2 ** 18;
/** Reasons are cut to this many characters. */
const REASON_MAX = 500;

export interface DeadLetter {
  /** Its number among the dead letters of the sink; never given twice. */
  readonly number: number;
  readonly reason: string;
  /** Unix time in milliseconds. */
  readonly time: number;
  readonly entry: Entry;
}

/** Every dead letter of a store, oldest first. What cannot be read is left out. */
export async function* readDeadLetters(store: Store, from = 0): AsyncIterable<DeadLetter> {
  for (let next = from; ; ) {
    const found = await store.read({ from: deadKey(next), to: ALL_DEAD.to }, READ_MAX, READ_BYTES_MAX);
    for (const [key, value] of found) {
      const number = deadOfKey(key);
      next = number + 1;
      const [reason, time, lane, inner] = decode(value) as [string, number, number, Uint8Array];
      const entry = decodeEntry(Buffer.from(inner.buffer, inner.byteOffset, inner.byteLength), lane, 0);
      if (entry) yield { number, reason, time, entry };
    }
    if (found.length === 0) return;
  }
}

export class DeadLetters {
  readonly #ledger: Ledger;
  #maxBytes: number;
  /** Sizes by number, oldest first. */
  readonly #sizes = new Map<number, number>();
  #bytes = 0;
  #next = 0;
  /** Not on disk yet. */
  readonly #unwritten = new Map<number, DeadLetter>();
  #doomed: number[] = [];

  constructor(ledger: Ledger, maxBytes: number) {
    this.#ledger = ledger;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#sizes.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dirty(): boolean {
    return this.#unwritten.size > 0 || this.#doomed.length > 0;
  }

  configure(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#trim();
  }

  /** The sizes, in bytes, of those of earlier runs, by number. */
  async find(store: Store): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for await (const { number, entry } of readDeadLetters(store)) found.set(number, entry.bytes);
    return found;
  }

  /** Puts those of earlier runs in front of those that came since the start, whose numbers are only known then. */
  restore(found: ReadonlyMap<number, number>): void {
    const since = [...this.#unwritten.values()];
    this.#sizes.clear();
    this.#unwritten.clear();
    this.#next = 0;
    this.#bytes = 0;
    for (const [number, size] of found) {
      this.#keep(number, size);
      this.#next = number + 1;
    }
    for (const { reason, time, entry } of since) this.#put(entry, reason, time);
    this.#ledger.recover('dead_lettered', found.size);
    this.#trim();
  }

  #keep(number: number, bytes: number): void {
    this.#sizes.set(number, bytes);
    this.#bytes += bytes;
  }

  #put(entry: Entry, reason: string, time: number): void {
    const number = this.#next++;
    this.#unwritten.set(number, { number, reason, time, entry });
    this.#keep(number, entry.bytes);
  }

  /** Takes an entry that the ledger already has among the dead letters. */
  add(entry: Entry, reason: string, time: number): void {
    this.#put(entry, reason.slice(0, REASON_MAX), time);
    this.#trim();
  }

  has(number: number): boolean {
    return this.#sizes.has(number);
  }

  /** Those that are not on disk yet. */
  unwritten(): readonly DeadLetter[] {
    return [...this.#unwritten.values()];
  }

  /** Takes one out, to be sent again; `forget` deletes it from disk. Says whether it was there. The ledger is the caller's matter. */
  take(number: number): boolean {
    const size = this.#sizes.get(number);
    if (size === undefined) return false;
    this.#sizes.delete(number);
    this.#bytes -= size;
    return true;
  }

  /** Deletes from disk what was taken out. */
  forget(numbers: Iterable<number>): void {
    for (const number of numbers) if (!this.#unwritten.delete(number)) this.#doomed.push(number);
  }

  /** Forgets dead letters, because an operator says so or because they give way. Returns how many there were. */
  remove(numbers: Iterable<number>): number {
    const taken = [...numbers].filter((number) => this.take(number));
    this.forget(taken);
    const removed = taken.length;
    this.#ledger.drop('dead_lettered', 'discarded', removed);
    return removed;
  }

  #trim(): void {
    const oldest: number[] = [];
    let bytes = this.#bytes;
    for (const [number, size] of this.#sizes) {
      if (bytes <= this.#maxBytes) break;
      bytes -= size;
      oldest.push(number);
    }
    this.remove(oldest);
  }

  /** Adds what the disk lacks to a batch. Returns the lanes whose dead letters it will lack afterwards: their entries are not to be deleted yet. */
  plan(plan: Plan): ReadonlySet<number> {
    const { changes, done, undo } = plan;
    const doomed = this.#doomed;
    this.#doomed = [];
    for (const number of doomed) changes.push({ key: deadKey(number) });
    undo.push(() => {
      this.#doomed = [...doomed, ...this.#doomed];
    });
    const written = this.#writable(plan);
    const lacking = new Set<number>();
    for (const { number, entry } of this.#unwritten.values())
      if (number > (written.at(-1)?.number ?? -1)) lacking.add(entry.lane);
    plan.writes ||= written.length > 0;
    plan.rest ||= written.length > 0 && lacking.size > 0;
    for (const { number, reason, time, entry } of written) {
      changes.push({ key: deadKey(number), value: encodeValue([reason, time, entry.lane, encodeEntry(entry)]) });
    }
    done.push(() => {
      for (const { number } of written) {
        // One that was removed while it was being written is to be deleted after all.
        if (!this.#unwritten.delete(number)) this.#doomed.push(number);
      }
    });
    return lacking;
  }

  /** Those that go with a batch, oldest first. */
  #writable({ extent }: Plan): DeadLetter[] {
    if (extent === 'deletions') return [];
    const letters: DeadLetter[] = [];
    let bytes = 0;
    for (const letter of this.#unwritten.values()) {
      bytes += letter.entry.bytes;
      if (extent === 'room' && letters.length > 0 && bytes > RESERVED_BYTES) break;
      letters.push(letter);
    }
    return letters;
  }
}
