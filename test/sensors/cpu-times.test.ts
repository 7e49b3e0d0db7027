/** What the times of a CPU do when the kernel's own go back, and when CPUs come and go. */
import { describe, expect, test } from 'vitest';
import cpu from '../../sensors/cpu.ts';
import { Malformed } from '../../src/errors.ts';
import type { Sampler } from '../../src/sensor.ts';
import { hostOf, open, type PlainRow, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const stat = (...lines: string[]): Record<string, string> => ({ 'proc/stat': `cpu 0 0 0 0\n${lines.join('\n')}\nctxt 1\n` });

/** What each mode of the first CPU was after each of these lines. */
async function timesOf(...samples: string[]): Promise<Record<string, number>[]> {
  const { host, folder } = hostOf(stat(samples[0] as string));
  const sampler = await open(cpu, host);
  const times: Record<string, number>[] = [];
  for (const line of samples) {
    writeFiles(folder, stat(line));
    times.push(modes(rowsOf(await sample(sampler), 'system.cpu')));
  }
  await sampler.close?.();
  return times;
}

const modes = (rows: readonly PlainRow[]): Record<string, number> =>
  Object.fromEntries(rows.filter((row) => 'time' in row).map((row) => [row['cpu.mode'] as string, row['time'] as number]));

describe('a counter never goes back by jitter', () => {
  test.each([
    ['idle by a tick', 'cpu0 10 0 10 1000 50', 'cpu0 11 0 10 999 50', { idle: 10, user: 0.11 }],
    ['any other mode by less than three seconds', 'cpu0 500 0 10 1000 50', 'cpu0 201 0 10 1001 50', { user: 5, idle: 10.01 }],
    [
      'iowait by as long as the CPU slept, which then is idle',
      'cpu0 1 0 1 1000 9000',
      'cpu0 1 0 1 9900 100',
      { iowait: 90, idle: 99 },
    ],
  ])('%s', async (_, before, after, held) => {
    expect((await timesOf(before, after))[1]).toMatchObject(held);
  });

  test('and what was held goes on when the kernel has caught up', async () => {
    const times = await timesOf('cpu0 1 0 1 1000', 'cpu0 1 0 1 990', 'cpu0 1 0 1 1000', 'cpu0 1 0 1 1005');
    expect(times.map(({ idle }) => idle)).toEqual([10, 10, 10, 10.05]);
  });

  test("nor does a guest's time, rounded apart from user, take user back", async () => {
    const times = await timesOf('cpu0 10 3 0 1 0 0 0 0 3 1', 'cpu0 10 3 0 1 0 0 0 0 4 2', 'cpu0 12 4 0 1 0 0 0 0 4 2');
    expect(times.map(({ user, nice }) => [user, nice])).toEqual([
      [0.07, 0.02],
      [0.07, 0.02],
      [0.08, 0.02],
    ]);
  });

  test.each([
    ['idle', 'cpu0 400 0 10 1000 50', 'cpu0 399 0 9 700 49', { user: 3.99, system: 0.09, idle: 7, iowait: 0.49 }],
    ['user', 'cpu0 400 0 10 1000 50', 'cpu0 100 0 9 999 49', { user: 1, system: 0.09, idle: 9.99, iowait: 0.49 }],
  ])('but a CPU whose %s falls by three seconds starts anew in all modes', async (_, before, after, anew) => {
    expect((await timesOf(before, after))[1]).toMatchObject(anew);
  });
});

describe('CPUs come and go', () => {
  const timesNow = async (sampler: Sampler, number: string): Promise<Record<string, number>> =>
    modes(rowsOf(await sample(sampler), 'system.cpu').filter((row) => row['cpu.logical_number'] === number));

  test('one that was away starts anew, however little it fell; the others go on', async () => {
    const { host, folder } = hostOf(stat('cpu0 5 0 0 100', 'cpu1 5 0 0 200'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 5 0 0 99'));
    expect(await timesNow(sampler, '0')).toMatchObject({ idle: 1 });
    writeFiles(folder, stat('cpu0 5 0 0 99', 'cpu1 4 0 0 199'));
    expect(await timesNow(sampler, '1')).toMatchObject({ idle: 1.99, user: 0.04 });
    await sampler.close?.();
  });

  test('one that went away does not leave its times to the one behind it', async () => {
    const { host, folder } = hostOf(stat('cpu0 1 0 0 100', 'cpu1 2 0 0 200', 'cpu2 3 0 0 300'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 1 0 0 100', 'cpu2 3 0 0 299'));
    expect(await timesNow(sampler, '2')).toMatchObject({ idle: 3 });
    expect(await timesNow(sampler, '1')).toEqual({});
    await sampler.close?.();
  });

  test('one that takes the place of another is itself', async () => {
    const { host, folder } = hostOf(stat('cpu0 1 0 0 100', 'cpu1 2 0 0 200'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 1 0 0 100', 'cpu2 2 0 0 150'));
    expect(await timesNow(sampler, '2')).toMatchObject({ idle: 1.5 });
    expect(await timesNow(sampler, '1')).toEqual({});
    await sampler.close?.();
  });
});

describe('a malformed line fails that sample, and only that', () => {
  test.each([
    ['cpu0 1 2 3', /stat:2: fewer than 4 times of a CPU, in "cpu0 1 2 3"/],
    ['cpu0 1 2 3 x', /stat:2: "x" is not a number/],
    ['cpux 1 2 3 4', /stat:2: "cpux" is not a CPU/],
    ['cpu0 1 2 3 4\nintr', /stat:3: no column 2, in "intr"/],
    ['cpu0 1 2 3 4\nsoftirq 0x1 2', /stat:3: "0x1" is not a number/],
    ['cpu0 1 2 3 4\nprocesses -', /stat:3: "-" is not a number/],
  ])('%j', async (line, message) => {
    const failure = await sampleOnce(cpu, hostOf(stat(line)).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });

  test('an empty file', async () => {
    await expect(sampleOnce(cpu, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/stat:.*no line of a CPU/);
  });

  test('and the next one is read', async () => {
    const { host, folder } = hostOf(stat('cpu0 1 0 0 100'));
    const sampler = await open(cpu, host);
    await sample(sampler);
    writeFiles(folder, stat('cpu0 900 0 0 x'));
    await expect(sample(sampler)).rejects.toThrow(Malformed);
    // What the malformed line held is forgotten: else user would have fallen by seconds, and idle start anew.
    writeFiles(folder, stat('cpu0 2 0 0 99'));
    expect(modes(rowsOf(await sample(sampler), 'system.cpu'))).toMatchObject({ user: 0.02, idle: 1 });
    await sampler.close?.();
  });
});
