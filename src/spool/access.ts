/**
 * One sink's spool as the command sees it, whether a running service answers or its folder is read.
 * `from` says which it was, in words.
 */
import type { SpoolSummary } from './contents.ts';
import type { SpoolItem } from './item.ts';

/** Spooled events, or dead letters. */
export type Shelf = 'spooled' | 'dead';

export interface ListQuery {
  readonly shelf: Shelf;
  /** The most that are wanted. */
  readonly limit?: number;
  /** Whether events come with them. */
  readonly events: boolean;
}

export interface SpoolAccess {
  readonly source: 'service' | 'folder';
  readonly from: string;
  summary(): Promise<SpoolSummary>;
  /** Spooled events lane by lane, dead letters by their numbers, oldest first. */
  list(query: ListQuery): AsyncIterable<SpoolItem>;
  /** One event: a spooled one by its sequence, a dead letter by that or by its number. */
  find(which: string): Promise<SpoolItem | undefined>;
  /** Sends dead letters again. Returns how many there were. */
  retry(numbers: readonly number[] | 'all'): Promise<number>;
  /** Forgets dead letters. Returns how many there were. */
  discard(numbers: readonly number[] | 'all'): Promise<number>;
  /** Gives up everything that is spooled. Returns how many there were. */
  discardSpooled(): Promise<number>;
  /** What is wrong with the spool, so far as was seen. */
  damage(): string | undefined;
  close(): Promise<void>;
}

/** A sequence, `run/lane/n`; undefined for what is none. */
export function parseSeq(text: string): { run: string; lane: number; n: number } | undefined {
  const [, run, lane, n] = /^([^/\s]{1,200})\/(\d{1,5})\/(\d{1,15})$/.exec(text) ?? [];
  return run === undefined || Number(lane) > 0xffff ? undefined : { run, lane: Number(lane), n: Number(n) };
}
