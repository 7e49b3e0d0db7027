import { describe, expect, test } from 'vitest';
import pressure from '../../sensors/pressure.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

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

  test('so does one that has the files and will not let them be read', async () => {
    // A folder cannot be read either, as a file of a kernel with psi=0 cannot (EOPNOTSUPP).
    const { host } = hostOf({ 'proc/pressure/cpu/x': '', 'proc/pressure/io/x': '' });
    const failure = await open(pressure, host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(/start the kernel with psi=1/);
  });

  test('one file that cannot be read does not hide the others', async () => {
    const line = 'some avg10=0.29 avg60=0.57 avg300=1.13 total=1000000\n';
    const { host, folder } = hostOf({ 'proc/pressure/cpu': line, 'proc/pressure/io/x': '' });
    const sampler = await open(pressure, host);
    const row = { 'pressure.resource': 'cpu', 'pressure.scope': 'some', avg10: 0.0029, avg60: 0.0057, avg300: 0.0113, time: 1 };
    expect(rowsOf(await sample(sampler), 'system.pressure')).toEqual([row]);
    writeFiles(folder, { 'proc/pressure/cpu': line.replace('1000000', '1500000') });
    expect(rowsOf(await sample(sampler), 'system.pressure')).toEqual([{ ...row, time: 1.5 }]);
    await sampler.close?.();
  });

  test.each([
    ['most avg10=0.00 avg60=0.00 avg300=0.00 total=0', /cpu:1: neither some nor full/],
    ['some avg10=0.00 avg60=0.00 avg300=0.00', /cpu:1: no column 5/],
    ['some avg10=0.00 avg60=0.00 avg300=0.00 total=', /cpu:1: "" is not a number/],
  ])('%s fails the sample', async (line, message) => {
    const failure = await sampleOnce(pressure, hostOf({ 'proc/pressure/cpu': `${line}\n` }).host).catch((e: unknown) => e);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });
});
