/** What tests of `tidegate verify` share. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { tidegate } from '../cli/process-support.ts';

export const unique = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;
export const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

export interface Judged {
  readonly verdict: string;
  readonly sentences: string[];
  readonly remarks: string[];
  readonly events: number;
  readonly repeats: number;
  readonly totals: { arrived: number; lost: number; unexplained: number; disorder: number };
  readonly foreign: { count: number };
  readonly streams: { run: string; lane: number; holes: { first: number; last: number }[] }[];
}

/** The command's judgement as a program reads it. */
export async function verifyJson(args: readonly string[]): Promise<Judged & { code: number | null }> {
  const { code, out, err } = await tidegate(['verify', '--format', 'json', ...args]);
  expect(err).toBe('');
  return { code, ...(JSON.parse(out) as Judged) };
}
