/**
 * Reads what a spool holds out of its store: of a running delivery, or of a folder that nobody runs. Changes nothing.
 *
 * The cost of a summary does not depend on how much is spooled: of each lane the first and the last entry are read. Dead letters are read
 * all, for their reasons; their limit is 64 MiB unless an operator says otherwise.
 */
import { type DeadLetter, readDeadLetters } from '../delivery/dead-letters.ts';
import { decodeEntry, type Entry } from '../delivery/entry.ts';
import { entryRange, laneOfKey, placeOfKey } from '../delivery/keys.ts';
import type { LossRange } from '../delivery/losses.ts';
import { Positions } from '../delivery/positions.ts';
import { partsOf } from '../delivery/segments.ts';
import { type FoundLane, readState } from '../delivery/spool-state.ts';
import type { Store } from '../delivery/store.ts';

/** Entries read at once, and their bytes. */
const READ_MAX = 500;
const READ_BYTES_MAX = 4 * 2 ** 20;
/** Places are below it. */
const PLACE_END = 2 ** 48 - 1;
/** Reasons of dead letters that are told apart; the others are counted together. */
const REASONS_MAX = 50;

/** Events, their size in bytes, and when the first and the last were sampled, Unix time in milliseconds. */
export interface Amount {
  readonly events: number;
  readonly bytes: number;
  readonly oldest?: number;
  readonly newest?: number;
}

export interface LaneSummary extends Amount {
  readonly lane: number;
  /** What is lost and not yet told to the far end. */
  readonly losses: readonly LossRange[];
}

export interface DeadSummary extends Amount {
  readonly reasons: readonly { readonly reason: string; readonly events: number }[];
}

export interface SpoolSummary extends Amount {
  readonly lanes: readonly LaneSummary[];
  readonly dead: DeadSummary;
  /** Runs that have not ended: the present one, or those that were killed. */
  readonly runs: readonly string[];
}

/** What a spool holds. A running delivery has dead letters that its store has not. */
export async function summarize(store: Store, dead = readDeadLetters(store)): Promise<SpoolSummary> {
  const { lanes: found, losses, runs } = await readState(store);
  const lanes: LaneSummary[] = [];
  for (const number of new Set([...found.keys(), ...losses.keys()])) {
    const state = found.get(number);
    const amount = state ? await amountOf(store, number, state) : { events: 0, bytes: 0 };
    lanes.push({ lane: number, ...amount, losses: losses.get(number) ?? [] });
  }
  lanes.sort((a, b) => a.lane - b.lane);
  return { ...total(lanes), lanes, dead: await summarizeDead(dead), runs: [...runs.keys()] };
}

async function amountOf(store: Store, lane: number, found: FoundLane): Promise<Amount> {
  const { head, end, holes, bytes, suspect } = found;
  // Where places may be missing, only looking at all of them tells.
  if (suspect > head) return await amountOfAll(store, lane);
  const events = new Positions(head, end, holes).count;
  if (events === 0) return { events: 0, bytes: 0 };
  const [oldest, last] = [await firstEntry(store, lane, head, end), await store.last(entryRange(lane, head, end))];
  const newest = last && (await firstEntry(store, lane, placeOfKey(last), end));
  return { events, bytes, ...(oldest && { oldest: oldest.time }), ...(newest && { newest: newest.time }) };
}

async function amountOfAll(store: Store, lane: number): Promise<Amount> {
  const count = new Count();
  for await (const entry of entriesOf(store, lane)) count.add(entry);
  return count.amount;
}

class Count {
  #events = 0;
  #bytes = 0;
  #oldest = Number.POSITIVE_INFINITY;
  #newest = Number.NEGATIVE_INFINITY;

  add({ time, bytes }: Pick<Entry, 'time' | 'bytes'>): void {
    this.#events++;
    this.#bytes += bytes;
    this.#oldest = Math.min(this.#oldest, time);
    this.#newest = Math.max(this.#newest, time);
  }

  get amount(): Amount {
    const [events, bytes] = [this.#events, this.#bytes];
    return events === 0 ? { events, bytes } : { events, bytes, oldest: this.#oldest, newest: this.#newest };
  }
}

function total(amounts: readonly Amount[]): Amount {
  const events = amounts.reduce((sum, amount) => sum + amount.events, 0);
  const bytes = amounts.reduce((sum, amount) => sum + amount.bytes, 0);
  const times = amounts.flatMap(({ oldest, newest }) => (oldest === undefined || newest === undefined ? [] : [oldest, newest]));
  return times.length === 0 ? { events, bytes } : { events, bytes, oldest: Math.min(...times), newest: Math.max(...times) };
}

/** Dead letters by their reasons, the most frequent first. Reasons that differ in names and numbers alone are one. */
async function summarizeDead(letters: AsyncIterable<DeadLetter>): Promise<DeadSummary> {
  const count = new Count();
  const groups = new Map<string, { reason: string; events: number }>();
  for await (const { reason, entry } of letters) {
    count.add(entry);
    const kind = reason.replaceAll(entry.id, '…').replaceAll(/\d+/g, '…');
    const known = groups.has(kind) || groups.size < REASONS_MAX ? kind : 'other reasons';
    const group = groups.get(known);
    if (!group) groups.set(known, { reason: known === kind ? reason : known, events: 1 });
    else {
      group.events++;
      if (group.reason !== reason) group.reason = known;
    }
  }
  return { ...count.amount, reasons: [...groups.values()].toSorted((one, other) => other.events - one.events) };
}

async function firstEntry(store: Store, lane: number, from: number, to: number): Promise<Entry | undefined> {
  const [found] = await store.read(entryRange(lane, from, to), 1, 1);
  return found && decodeEntry(found[1], lane, placeOfKey(found[0]));
}

/** The entries of a lane in their order, from a place on. What cannot be read is left out. */
export async function* entriesOf(store: Store, lane: number, from = 0): AsyncIterable<Entry> {
  for (let next = from; ; ) {
    const found = await store.read(entryRange(lane, next, PLACE_END), READ_MAX, READ_BYTES_MAX);
    for (const [key, value] of found) {
      next = placeOfKey(key) + 1;
      const entry = decodeEntry(value, lane, placeOfKey(key));
      if (entry) yield entry;
    }
    if (found.length === 0) return;
  }
}

/** All entries, lane by lane. */
export async function* allEntries(store: Store): AsyncIterable<Entry> {
  for (let lane = 0; ; lane++) {
    // The next lane that has any: nothing lies between the last lane's entries and this letter.
    const [first] = await store.read({ from: entryRange(lane, 0, 0).from, to: Buffer.from('f') }, 1, 1);
    if (!first) return;
    lane = laneOfKey(first[0]);
    yield* entriesOf(store, lane);
  }
}

/** The entry with a sequence, `run/lane/n`; undefined when it is not there. Numbers of a run ascend with their places, so that few are looked at. */
export async function findEntry(store: Store, run: string, lane: number, n: number): Promise<Entry | undefined> {
  const found = (await readState(store)).lanes.get(lane);
  if (!found) return undefined;
  for (const part of partsOf(found.segments, found.head, found.end)) {
    if (part.run !== run) continue;
    let [low, high] = [part.from, part.to];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await firstEntry(store, lane, middle, high);
      if (entry?.run === run && entry.n === n) return entry;
      if (entry === undefined || entry.n > n) high = middle;
      else low = (entry.position as number) + 1;
    }
  }
  return undefined;
}
