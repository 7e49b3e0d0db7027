/** Lists and finds in a store, for the folder as for the running service; they differ in where dead letters come from. */
import type { DeadLetter } from '../delivery/dead-letters.ts';
import type { Store } from '../delivery/store.ts';
import { type ListQuery, parseSeq } from './access.ts';
import { allEntries, findEntry } from './contents.ts';
import { deadItemOf, itemOf, type SpoolItem, withEvent } from './item.ts';

export interface Readable {
  readonly store: Store;
  readonly dead: () => AsyncIterable<DeadLetter>;
}

export async function* listItems({ store, dead }: Readable, { shelf, limit, events }: ListQuery): AsyncIterable<SpoolItem> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  if (shelf === 'dead') {
    for await (const letter of dead()) {
      yield events ? withEvent(deadItemOf(letter), letter.entry) : deadItemOf(letter);
      if (--left <= 0) return;
    }
    return;
  }
  for await (const entry of allEntries(store)) {
    yield events ? withEvent(itemOf(entry), entry) : itemOf(entry);
    if (--left <= 0) return;
  }
}

/** By a sequence `run/lane/n`, or by the number of a dead letter. */
export async function findItem({ store, dead }: Readable, which: string): Promise<SpoolItem | undefined> {
  const seq = parseSeq(which);
  if (seq) {
    const entry = await findEntry(store, seq.run, seq.lane, seq.n);
    if (entry) return withEvent(itemOf(entry), entry);
  }
  for await (const letter of dead()) {
    if (seq ? letter.entry.seq === which : String(letter.number) === which) return withEvent(deadItemOf(letter), letter.entry);
  }
  return undefined;
}
