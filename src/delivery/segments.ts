/** Which places of a lane's disk belong to which run, so that what the disk does not give back can still be told by its numbers. */

/** Stands for a run that the disk no longer names. */
const UNKNOWN_RUN = 'unknown';

export interface Segment {
  /** The first place; the segment ends where the next one begins. */
  readonly from: number;
  readonly run: string;
  /** The first and the last number that was written. */
  readonly first: number;
  readonly last: number;
}

/** With more entries of a run behind all others: from `first` at place `from` to `last`. */
export function extend(segments: readonly Segment[], from: number, run: string, first: number, last = first): readonly Segment[] {
  const before = segments.at(-1);
  if (before?.run !== run) return [...segments, { from, run, first, last }];
  return [...segments.slice(0, -1), { ...before, last }];
}

/** Without those that ended below `head`; the last one is kept, because it says what was written last. */
export const trimmed = (segments: readonly Segment[], head: number): readonly Segment[] =>
  segments.filter((_, i) => i === segments.length - 1 || (segments[i + 1] as Segment).from > head);

/** A part of a span that belongs to one run, and between which numbers its entries were. */
export interface Part {
  readonly from: number;
  readonly to: number;
  readonly run: string;
  readonly first: number;
  readonly last: number;
}

/** A span of places, cut where runs begin. */
export function partsOf(segments: readonly Segment[], from: number, to: number): Part[] {
  const parts: Part[] = [];
  // A disk that lost the lane's record and its entries' heads does not say whose they were.
  if (segments.length === 0 && from < to) return [{ from, to, run: UNKNOWN_RUN, first: 1, last: to - from }];
  for (const [i, segment] of segments.entries()) {
    const [low, high] = [Math.max(from, i === 0 ? 0 : segment.from), Math.min(to, segments[i + 1]?.from ?? to)];
    if (low < high) parts.push({ from: low, to: high, run: segment.run, first: segment.first, last: segment.last });
  }
  return parts;
}
