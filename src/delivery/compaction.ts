/**
 * When the disk of what was deleted is given back, and of which keys.
 *
 * LevelDB keeps a table until it is compacted, and what was read of it counts as memory of the process, because it is mapped. So a drain is
 * followed closely: up to what was deleted last of a lane, in small steps. What is still to be drained is left as it is.
 */
import type { Entry } from './entry.ts';
import { ALL_ENTRIES, entryRange } from './keys.ts';
import type { Lane } from './lane.ts';
import type { KeyRange } from './store.ts';

/** What was deleted of a lane since it was last compacted, in bytes, that is worth another; and of all lanes when nothing is left. */
const LANE_BYTES = 16 * 2 ** 20;
const EMPTY_BYTES = 2 ** 20;

interface Deleted {
  bytes: number;
  /** The place behind the last of it. */
  to: number;
}

export class Compaction {
  /** By the lane's number, since it was compacted. */
  readonly #deleted = new Map<number, Deleted>();
  /** Since everything was compacted, in bytes. */
  #bytes = 0;

  deleted(entries: readonly Entry[]): void {
    for (const { lane, position, bytes } of entries) {
      if (position === undefined) continue;
      let known = this.#deleted.get(lane);
      if (known === undefined) this.#deleted.set(lane, (known = { bytes: 0, to: 0 }));
      known.bytes += bytes;
      known.to = Math.max(known.to, position + 1);
      this.#bytes += bytes;
    }
  }

  /** What is to be compacted now; it counts as done. */
  due(lanes: Iterable<Lane>): KeyRange[] {
    if (this.#bytes >= EMPTY_BYTES && [...lanes].every(({ spooled }) => spooled === 0)) {
      this.#deleted.clear();
      this.#bytes = 0;
      return [ALL_ENTRIES];
    }
    const large = [...this.#deleted].filter(([, { bytes }]) => bytes >= LANE_BYTES);
    for (const [lane] of large) this.#deleted.delete(lane);
    return large.map(([lane, { to }]) => entryRange(lane, 0, to));
  }
}
