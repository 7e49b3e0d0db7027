/**
 * When the disk of what was deleted is given back, and of which keys.
 *
 * LevelDB keeps a table until it is compacted, and what was read of it counts as memory of the process, because it is mapped. So a drain is
 * followed closely: what lies behind a lane's head, in small steps. What is still to be drained is left as it is.
 */
import type { Entry } from './entry.ts';
import { ALL_ENTRIES, entryRange } from './keys.ts';
import type { Lane } from './lane.ts';
import type { KeyRange } from './store.ts';

/** What was deleted of a lane since it was last compacted, in bytes, that is worth another; less of all when nothing is left. */
const LANE_BYTES = 16 * 2 ** 20;
const EMPTY_BYTES = 2 ** 20;

export class Compaction {
  /** By the lane's number, in bytes. */
  readonly #deleted = new Map<number, number>();

  deleted(entries: readonly Entry[]): void {
    for (const { lane, position, bytes } of entries)
      if (position !== undefined) this.#deleted.set(lane, (this.#deleted.get(lane) ?? 0) + bytes);
  }

  /** What is to be compacted now; it counts as done. */
  due(lanes: Iterable<Lane>): KeyRange[] {
    const ranges: KeyRange[] = [];
    let [spooled, deleted] = [0, 0];
    for (const lane of lanes) {
      const bytes = this.#deleted.get(lane.number) ?? 0;
      spooled += lane.spooled;
      deleted += bytes;
      if (bytes < LANE_BYTES) continue;
      ranges.push(entryRange(lane.number, 0, lane.disk.head));
      this.#deleted.delete(lane.number);
    }
    if (spooled > 0 || deleted < EMPTY_BYTES) return ranges;
    this.#deleted.clear();
    return [ALL_ENTRIES];
  }
}
