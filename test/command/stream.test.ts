/** Commands that run all the time, with real processes: what is told, and what becomes of one that ends, hangs or never ends a line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type PlainRow, type PlainTable, rowsOf } from '../support.ts';
import { command, folder, gone, PATIENCE, pidIn, runOf } from './setup.ts';

describe('a stream', () => {
  const until = (sampled: () => Promise<PlainTable[]>, check: (tables: PlainTable[]) => void): Promise<void> =>
    vi.waitFor(async () => check(await sampled()), PATIENCE);

  test('gives the last record of each key since the sample before, once', async () => {
    const where = folder();
    const { sampled } = await command({
      shell: true,
      command: `printf 'gpu,used\\n0,1\\n1,2\\n0,3\\n'; echo x > ${where}/said; sleep 1000`,
      mode: 'stream',
      format: 'csv',
      key: ['gpu'],
      tables: { 'gpu.memory': { attributes: { gpu: '/gpu' }, fields: { used: '/used' } } },
    });
    const seen: PlainRow[] = [];
    let records = 0;
    await until(sampled, (tables) => {
      for (const row of rowsOf(tables, 'gpu.memory')) seen.push(row);
      records = runOf(tables)['records'] as number;
      expect(records).toBe(3);
    });
    expect(new Map(seen.map((row) => [row['gpu'], row['used']]))).toEqual(
      new Map([
        ['0', 3],
        ['1', 2],
      ]),
    );
    const after = await sampled();
    expect(rowsOf(after, 'gpu.memory')).toEqual([]);
    expect(runOf(after)).toMatchObject({ up: 1, running: 1, size: 0 });
  });

  test('of objects over many lines, of an array that never ends, gives the last of each key', async () => {
    const { sampled } = await command({
      shell: true,
      command: `printf '[\\n{\\n "gpu": 0,\\n "busy": {"v": 1}\\n},\\n{\\n "gpu": 1, "busy": {"v": 2}},\\n{"gpu": 0,\\n "busy": {"v": 3}'; sleep 0.2; printf '}\\n'; sleep 1000`,
      mode: 'stream',
      format: 'json_objects',
      key: ['gpu'],
      tables: { gpu: { attributes: { gpu: '/gpu' }, fields: { busy: '/busy/v' } } },
    });
    const seen = new Map<unknown, unknown>();
    await until(sampled, (tables) => {
      for (const row of rowsOf(tables, 'gpu')) seen.set(row['gpu'], row['busy']);
      expect(runOf(tables)['records']).toBe(3);
    });
    expect(seen).toEqual(
      new Map([
        ['0', 3],
        ['1', 2],
      ]),
    );
  });

  test('that exits at once is begun anew with growing delays, and half a line of it is left out', async () => {
    const where = folder();
    const { sampled, said } = await command({
      shell: true,
      command: `date +%s%N >> ${where}/begun; printf 'whole\\nhal'`,
      mode: 'stream',
      records: 'all',
      restart: { initial: '20ms', max: '1h' },
    });
    await until(sampled, (tables) => expect(runOf(tables)['runs']).toBeGreaterThanOrEqual(4));
    const begun = readFileSync(`${where}/begun`, 'utf8')
      .trim()
      .split('\n')
      .map((ns) => Number(BigInt(ns) / 1_000_000n));
    // A delay is at least what it is said to be; how much longer it takes is the machine's affair.
    for (let i = 1; i < 4; i++)
      expect((begun[i] as number) - (begun[i - 1] as number)).toBeGreaterThanOrEqual(20 * 2 ** (i - 1) - 2);
    const last = await sampled();
    const { runs: ended, discarded, failures } = runOf(last);
    expect([discarded, failures]).toEqual([ended, ended]);
    expect(said.length).toBeLessThanOrEqual(2 * (ended as number));
  });

  test('that says nothing is ended and begun anew', async () => {
    const where = folder();
    const { sampled } = await command({
      shell: true,
      command: `echo x >> ${where}/begun; echo hello; exec sleep 1000`,
      mode: 'stream',
      silence: '200ms',
      grace: '100ms',
      restart: { initial: '10ms', max: '10ms' },
    });
    await until(sampled, (tables) => expect(runOf(tables)['timeouts']).toBeGreaterThanOrEqual(2));
    await vi.waitFor(() => expect(readFileSync(`${where}/begun`, 'utf8').split('\n').length).toBeGreaterThan(2), PATIENCE);
  });

  test('without line ends costs no memory: a line beyond the limit is counted', async () => {
    const { sampled } = await command({
      shell: true,
      command: `head -c 20000000 /dev/zero; echo; echo '{"a":5}'; sleep 1000`,
      mode: 'stream',
      max_output: '64KiB',
      format: 'json',
      tables: { app: { fields: { a: '/a' } } },
    });
    const seen: PlainRow[] = [];
    await until(sampled, (tables) => {
      seen.push(...rowsOf(tables, 'app'));
      expect(runOf(tables)).toMatchObject({ discarded: 1, records: 1 });
    });
    expect(seen).toEqual([{ a: 5 }]);
  });

  test('is ended with its children when the sensor closes', async () => {
    const file = join(folder(), 'pid');
    const { sampler } = await command({
      shell: true,
      command: `(trap '' TERM; sh -c 'echo $PPID' > ${file}; while :; do sleep 1; done) & wait`,
      mode: 'stream',
      grace: '100ms',
    });
    const pid = await pidIn(file);
    await sampler.close?.();
    await gone(pid);
  });
});
