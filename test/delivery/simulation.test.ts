/** What the simulation stands on: seeds that failed once, a disk that is like the real one, and a judge that sees what is wrong. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../clock.ts';
import { type Arrival, SimulatedBroker } from './simulation/broker.ts';
import { SimulatedDisk } from './simulation/disk.ts';
import { type Accepted, judge } from './simulation/judge.ts';
import { Random } from './simulation/random.ts';
import { SEEDS } from './simulation/seeds.ts';
import { simulate } from './simulation/simulate.ts';
import { failuresOf } from './simulation/suite.ts';
import { storeConformance } from './store-conformance.ts';

storeConformance('the simulated disk', () => {
  const disk = new SimulatedDisk(new FakeClock(), new Random(1));
  return {
    open: async () => ({ store: await disk.open(), remarks: [] }),
    setFull: (full) => {
      disk.full = full;
    },
  };
});

describe('the simulation', () => {
  it('no longer fails where it once did', { timeout: 120_000 }, async () => {
    expect(await failuresOf(SEEDS)).toEqual([]);
  });

  it('does the same again for the same seed', async () => {
    const traces: string[][] = [[], []];
    for (const trace of traces) await simulate(7, (line) => trace.push(line));
    expect(traces[0]).toEqual(traces[1]);
    expect(traces[0]?.length).toBeGreaterThan(60);
  });
});

describe('the judge', () => {
  const arrival = (n: number, at = 0): Arrival => ({
    seq: `run1/0/${n}`,
    id: `e/${n}`,
    backfill: false,
    at,
    lane: 0,
    notice: undefined,
  });
  const told = (first: number, last: number): Arrival => ({
    ...arrival(0),
    seq: undefined,
    notice: [{ run: 'run1', lane: '0', reason: 'queue_full', first, last, events: last - first + 1, window: null }],
  });
  const verdict = (arrived: readonly Arrival[], about: Partial<Accepted> = {}) => {
    const broker = new SimulatedBroker(new FakeClock(), new Random(1));
    broker.arrived.push(...arrived);
    const none = new Set<string>();
    const sets = { unclean: none, untold: new Map<string, number>() };
    return judge(broker, { last: new Map([['run1/0', 3]]), ...sets, pardons: [], backfill: false, damaged: false, ...about });
  };

  it('passes a stream that is whole, and one whose hole is told', () => {
    expect(verdict([arrival(1), arrival(2), arrival(3)])).toEqual({ repeats: 0, explained: 0 });
    expect(verdict([arrival(1), told(2, 2), arrival(3)])).toEqual({ repeats: 0, explained: 1 });
  });

  it.each([
    ['a hole that is not told', [arrival(1), arrival(3)], /run1\/0\/2 of 3 is missing/],
    ['an end that is missing', [arrival(1), arrival(2)], /run1\/0\/3 of 3 is missing/],
    ['a wrong order', [arrival(1), arrival(3), arrival(2)], /2 came after 3/],
    ['a repeat without cause', [arrival(1), arrival(1), arrival(2), arrival(3)], /came twice/],
    ['a notice of what arrived', [told(2, 2), arrival(1), arrival(2), arrival(3)], /arrived, and is told to be lost/],
  ] as const)('sees %s', (_, arrived, message) => {
    expect(() => verdict(arrived)).toThrow(message);
  });

  it('takes no notice of an unclean stop from a run that ended cleanly', () => {
    const open = { ...told(4, 4), notice: told(4, 4).notice?.map((row) => ({ ...row, last: null, events: null })) };
    expect(() => verdict([arrival(1), arrival(2), arrival(3), open])).toThrow(/ended cleanly/);
    expect(verdict([arrival(1), arrival(2), arrival(3), open], { unclean: new Set(['run1']) }).explained).toBe(0);
  });
});
