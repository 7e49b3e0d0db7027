/** Seeds of the simulation as tests, a hundred each, so that a failure names its seed. */
import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

const EACH = 100;
/**
 * The first seed of the suite. The same ones in each run, so that a change is judged by the change; `TIDEGATE_SEED` plays others, and `run.ts`
 * as many as one likes.
 */
export const FIRST = Number(process.env['TIDEGATE_SEED'] ?? 1);

/** The failures of some seeds, as sentences with the command that plays each again. */
export async function failuresOf(seeds: Iterable<number>): Promise<string[]> {
  const failures: string[] = [];
  for (const seed of seeds) {
    try {
      await simulate(seed);
    } catch (error) {
      failures.push(`${(error as Error).message} (node test/delivery/simulation/run.ts ${seed} 1 --trace)`);
    }
  }
  return failures;
}

/** Declares `count` seeds from `first` on. */
export function declareSeeds(first: number, count: number): void {
  describe('the delivery core, over a simulated disk, clock and broker', () => {
    for (let from = first; from < first + count; from += EACH) {
      it(`loses, repeats and reorders nothing without cause (seeds from ${from} to ${from + EACH - 1})`, {
        timeout: 120_000,
      }, async () => {
        expect(await failuresOf(Array.from({ length: EACH }, (_, i) => from + i))).toEqual([]);
      });
    }
  });
}
