import { describe, expect, test } from 'vitest';
import load from '../../sensors/load.ts';
import { Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, sampleOnce } from '../support.ts';

describe('load', () => {
  test('reads a line without a newline at its end', async () => {
    expect(await sampleOnce(load, fixtureHost('load/traps'))).toEqual([
      { type: 'system.cpu.load_average', rows: [{ '1m': 0.02, '5m': 0.04, '15m': 0.05 }] },
      { type: 'system.thread', rows: [{ runnable: 1, count: 497 }] },
    ]);
  });

  test.each([
    ['0.1 0.2 0.3 1-497 7', /RUNNABLE\/ALL/],
    ['0.1 x 0.3 1/2 7', /"x" is not a number/],
    ['', /no column 1/],
  ])('%j fails the sample', async (line, message) => {
    await expect(sampleOnce(load, hostOf({ 'proc/loadavg': line }).host)).rejects.toThrow(message);
  });

  test('a machine without loadavg is unavailable', async () => {
    await expect(open(load, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(Unavailable);
  });
});
