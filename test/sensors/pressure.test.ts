import { describe, expect, test } from 'vitest';
import pressure from '../../sensors/pressure.ts';
import { fixtureHost, hostOf, rowsOf, sampleOnce } from '../support.ts';

describe('pressure', () => {
  test('cpu may have only some, irq only full and no newline at its end', async () => {
    const rows = rowsOf(await sampleOnce(pressure, fixtureHost('pressure/traps')), 'system.pressure');
    expect(rows).toEqual([
      { 'pressure.resource': 'cpu', 'pressure.scope': 'some', avg10: 0.001, avg60: 0.02, avg300: 1, time: 14.036781 },
      { 'pressure.resource': 'io', 'pressure.scope': 'some', avg10: 0.001, avg60: 0.02, avg300: 0.0385, time: 0.000015 },
      {
        'pressure.resource': 'io',
        'pressure.scope': 'full',
        avg10: 0.002,
        avg60: 0.03,
        avg300: 0.0495,
        time: 18446744073.709551,
      },
      { 'pressure.resource': 'irq', 'pressure.scope': 'full', avg10: 0, avg60: 0, avg300: 0, time: 0.008494 },
    ]);
  });

  test('a kernel without it says how to switch it on', async () => {
    await expect(sampleOnce(pressure, hostOf({ 'proc/loadavg': '' }).host)).rejects.toThrow(/start the kernel with psi=1/);
  });

  test('a malformed line fails the sample', async () => {
    const { host } = hostOf({ 'proc/loadavg': '', 'proc/pressure/cpu': 'some avg10=lots avg60=0 avg300=0 total=1\n' });
    await expect(sampleOnce(pressure, host)).rejects.toThrow(/pressure\/cpu:1: "lots" is not a number/);
  });
});
