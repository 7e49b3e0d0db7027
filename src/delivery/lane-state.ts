/** What is known of a lane when its disk is read. */
import type { Span } from './positions.ts';

export interface LaneState {
  readonly head: number;
  readonly end: number;
  readonly holes: readonly Span[];
  /** The size of what is there, in bytes. */
  readonly bytes: number;
  /** The size of everything that was ever spooled in it, in bytes. */
  readonly sum: number;
  /** Places below it may be missing, because the disk was found damaged; 0 when none is. */
  readonly suspect: number;
  /** When the first entry was sampled, as Unix time in milliseconds, where it is there and whole. */
  readonly oldest?: number | undefined;
}

export const EMPTY_LANE: LaneState = { head: 0, end: 0, holes: [], bytes: 0, sum: 0, suspect: 0 };
