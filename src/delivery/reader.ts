/** Reads what of a lane is on disk alone. What the disk does not give back is given up, and told by its numbers. */
import { decodeEntry, type Entry } from './entry.ts';
import { entryRange, placeOfKey } from './keys.ts';
import type { Lane } from './lane.ts';
import { partsOf, type Segment } from './segments.ts';
import type { Store } from './store.ts';

/** A lane to be read, and whose entries it has on disk. */
export interface Shelf {
  readonly lane: Lane;
  segments(): readonly Segment[];
}

/** Up to `max` entries from place `from` on, in order, and but for the first `maxBytes` of them. */
export async function readEntries(store: Store, shelf: Shelf, max: number, maxBytes: number, from: number): Promise<Entry[]> {
  const { lane } = shelf;
  for (;;) {
    const before = lane.disk.places.held(from, lane.disk.cacheFrom);
    const entries = await readOnce(store, shelf, max, maxBytes, from);
    const left = lane.disk.places.held(from, lane.disk.cacheFrom);
    // All that was read was damaged, and is given up: what is behind it may be well.
    if (entries.length > 0 || left === 0 || left === before) return entries;
  }
}

async function readOnce(store: Store, shelf: Shelf, max: number, maxBytes: number, from: number): Promise<Entry[]> {
  const { lane } = shelf;
  // A read that ends where the entries do need not ask whether there are more.
  const to = Math.min(lane.disk.cacheFrom, from + max);
  const found = await store.read(entryRange(lane.number, from, to), max, maxBytes);
  const entries: Entry[] = [];
  let next = Math.max(from, lane.disk.head);
  for (const [key, value] of found) {
    const place = placeOfKey(key);
    // Dropped while it was being read.
    if (place < lane.disk.head || lane.disk.places.held(place, place + 1) === 0) continue;
    const entry = decodeEntry(value, lane.number, place);
    if (!entry) continue;
    missing(shelf, next, place, entries.at(-1), entry);
    entries.push(entry);
    next = place + 1;
  }
  const last = found.at(-1);
  const behind = last ? placeOfKey(last[0]) + 1 : next;
  missing(shelf, next, behind, entries.at(-1), undefined);
  if (lane.disk.places.held(behind, to) > 0) await look(store, shelf, behind, to, entries.at(-1));
  return entries;
}

/** Whether a read that brought fewer than it might ended for its size, or because there is nothing more. */
async function look(store: Store, shelf: Shelf, from: number, to: number, before: Entry | undefined): Promise<void> {
  const { lane } = shelf;
  const [more] = await store.read(entryRange(lane.number, from, to), 1, 1);
  const place = more === undefined ? to : placeOfKey(more[0]);
  missing(shelf, from, Math.min(place, lane.disk.cacheFrom), before, more && decodeEntry(more[1], lane.number, place));
}

/** Gives up what the disk lacks, told by the numbers between which it must have been. */
function missing({ lane, segments }: Shelf, from: number, to: number, before: Entry | undefined, after: Entry | undefined): void {
  if (lane.disk.places.held(from, to) === 0) return;
  for (const part of partsOf(segments(), Math.max(from, lane.disk.head), to)) {
    if (lane.disk.places.held(part.from, part.to) === 0) continue;
    const first = before?.run === part.run ? before.n + 1 : part.first;
    const last = after?.run === part.run ? after.n - 1 : part.last;
    lane.corrupted(part, part.run, first, Math.max(first, last));
  }
}
