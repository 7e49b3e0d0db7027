/**
 * When tables of the spool are merged, and of which keys: behind what is deleted, and behind what is written.
 *
 * LevelDB keeps a table until it is compacted, and what was read of it counts as memory of the process, because it is mapped. So a drain is
 * followed closely: up to what was deleted last of a lane, in small steps. What is still to be drained is left as it is.
 *
 * While a lane is written to and drained at once, each table of level 0 has deletions from its head and entries from its end, and so overlaps
 * all of level 1, which LevelDB lets grow to 10 MB: all of that would be read, and in memory, at every merge. So what was written is moved on
 * below level 1 in the same steps. The range begins with an entry that was moved before: LevelDB goes as deep as it finds one of the range.
 */
import type { Entry } from './entry.ts';
import { ALL_ENTRIES, entryRange } from './keys.ts';
import type { Lane } from './lane.ts';
import type { KeyRange } from './store.ts';

/**
 * What was deleted or written of a lane since it was last compacted there, in bytes, that is worth another; and what was deleted of all lanes
 * when nothing is left.
 */
const LANE_BYTES = 8 * 2 ** 20;
const EMPTY_BYTES = 2 ** 20;
/** How long nothing has been left by then, in milliseconds: where each event goes over the disk, it is empty many times a second. */
const EMPTY_MS = 500;

interface Deleted {
  bytes: number;
  /** The place behind the last of it. */
  to: number;
}

/** Up to where a lane's entries were moved below level 1. */
interface Moved {
  /** The sum of the sizes of all that had been spooled. */
  readonly sum: number;
  /** The place behind the last of it. */
  readonly to: number;
}

export class Compaction {
  /** By the lane's number, since it was compacted. */
  readonly #deleted = new Map<number, Deleted>();
  readonly #moved = new Map<number, Moved>();
  /** Since everything was compacted, in bytes. */
  #bytes = 0;
  /** Since when nothing is left, on the monotonic clock. */
  #emptySince: number | undefined;

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

  /** When all of it is to be compacted, on the monotonic clock, if nothing comes in between. */
  get allDueAt(): number | undefined {
    return this.#emptySince === undefined || this.#bytes < EMPTY_BYTES ? undefined : this.#emptySince + EMPTY_MS;
  }

  /** What is to be compacted now, on the monotonic clock; it counts as done. */
  due(lanes: readonly Lane[], now: number): KeyRange[] {
    if (lanes.some(({ spooled }) => spooled > 0)) this.#emptySince = undefined;
    else this.#emptySince ??= now;
    if (now >= (this.allDueAt ?? Number.POSITIVE_INFINITY)) {
      this.#deleted.clear();
      for (const lane of lanes) this.#moved.set(lane.number, endOf(lane));
      this.#bytes = 0;
      return [ALL_ENTRIES];
    }
    return [...lanes.flatMap((lane) => this.#written(lane)), ...this.#drained()];
  }

  #drained(): KeyRange[] {
    const large = [...this.#deleted].filter(([, { bytes }]) => bytes >= LANE_BYTES);
    for (const [lane] of large) this.#deleted.delete(lane);
    return large.map(([lane, { to }]) => entryRange(lane, 0, to));
  }

  #written(lane: Lane): KeyRange[] {
    const end = endOf(lane);
    const moved = this.#moved.get(lane.number);
    if (moved === undefined) this.#moved.set(lane.number, end);
    if (moved === undefined || end.sum - moved.sum < LANE_BYTES) return [];
    this.#moved.set(lane.number, end);
    return [entryRange(lane.number, Math.max(0, moved.to - 1), end.to)];
  }
}

const endOf = ({ disk }: Lane): Moved => ({ sum: disk.sum, to: disk.durable });
