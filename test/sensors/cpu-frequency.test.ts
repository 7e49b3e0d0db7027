/** Where the frequency of a CPU and the number of cores come from. */
import { describe, expect, test } from 'vitest';
import cpu from '../../sensors/cpu.ts';
import { Malformed } from '../../src/errors.ts';
import { hostOf, open, type PlainRow, type PlainTable, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const stat = (cpus: number): Record<string, string> => ({
  'proc/stat': Array.from({ length: cpus }, (_, n) => `cpu${n} 1 0 0 1\n`).join(''),
});
const cpuinfo = (...mhz: string[]): Record<string, string> => ({
  'proc/cpuinfo': mhz
    .map((value, n) => `processor\t: ${n}\ncpuid level\t: 16\ncpu MHz\t\t: ${value}\nflags\t\t: fpu\n\n`)
    .join(''),
});
const cpufreq = (n: number, value: string): Record<string, string> => ({
  [`sys/devices/system/cpu/cpu${n}/cpufreq/scaling_cur_freq`]: value,
});
const release = (version: string): Record<string, string> => ({ 'proc/sys/kernel/osrelease': `${version}\n` });

const frequencies = (tables: readonly PlainTable[]): PlainRow[] =>
  rowsOf(tables, 'system.cpu').filter((row) => 'frequency' in row);
const read = async (files: Record<string, string>, options: unknown = {}): Promise<PlainRow[]> =>
  frequencies(await sampleOnce(cpu, hostOf(files).host, options));
const at = (n: number, frequency: number): PlainRow => ({ 'cpu.logical_number': `${n}`, frequency });

describe('frequency', () => {
  test('is what cpufreq says, and absent where it does not know', async () => {
    const files = { ...stat(4), ...cpufreq(0, '1219917\n'), ...cpufreq(1, '0\n'), ...cpufreq(2, '<unknown>\n') };
    expect(await read(files)).toEqual([at(0, 1_219_917_000)]);
  });

  test('is what cpuinfo says now, where there is no cpufreq and it is asked for', async () => {
    const { host, folder } = hostOf({ ...stat(3), ...cpuinfo('2596.120', 'Unknown', '800.001') });
    const sampler = await open(cpu, host, { frequency: 'always' });
    expect(frequencies(await sample(sampler))).toEqual([at(0, 2_596_120_000), at(2, 800_001_000)]);
    writeFiles(folder, cpuinfo('1000.000', '1000.007', '800.001'));
    expect(frequencies(await sample(sampler))).toEqual([at(0, 1e9), at(1, 1_000_007_000), at(2, 800_001_000)]);
    await sampler.close?.();
  });

  test('is not looked up in cpuinfo unasked, nor beside cpufreq', async () => {
    const always = { frequency: 'always' };
    expect(await read({ ...stat(2), ...cpuinfo('1.000', '2.000') })).toEqual([]);
    expect(await read({ ...stat(2), ...cpuinfo('1.000', '2.000') }, { frequency: 'never' })).toEqual([]);
    expect(await read({ ...stat(2), ...cpuinfo('1.000', '2.000'), ...cpufreq(1, '5\n') }, always)).toEqual([at(1, 5000)]);
  });

  test.each([
    ['4.12.14-122-default', true],
    ['4.13.0', false],
    ['4.18.0-553.el8.x86_64', false],
    ['5.14.0-427.el9.x86_64', false],
    ['5.18.19', false],
    ['5.19.0-50-generic', true],
    ['6.1.0-30-amd64', true],
  ])('is left out where a read sleeps: x86 with Linux %s', async (version, there) => {
    const files = { ...stat(1), ...cpuinfo('1.000'), ...cpufreq(0, '800000\n'), ...release(version) };
    expect(await read(files)).toHaveLength(there ? 1 : 0);
    expect(await read(files, { frequency: 'always' })).toHaveLength(1);
    expect(await read(files, { frequency: 'never' })).toHaveLength(0);
  });

  test('is read with any Linux on another architecture', async () => {
    expect(await read({ ...stat(1), ...cpufreq(0, '600000\n'), ...release('5.10.92-v8+') })).toHaveLength(1);
  });

  test('that is none fails the sample', async () => {
    await expect(read({ ...stat(1), ...cpufreq(0, 'fast\n') })).rejects.toThrow(Malformed);
    await expect(read({ ...stat(1), ...cpuinfo('fast') }, { frequency: 'always' })).rejects.toThrow(
      /cpuinfo:3: "fast" is not a number/,
    );
  });
});

describe('cores', () => {
  const info = (...cores: string[]): Record<string, string> => ({
    'proc/cpuinfo': cores
      .map((core, n) => `processor\t: ${n}\nphysical id\t: ${core.split('/')[0]}\ncore id\t\t: ${core.split('/')[1]}\n`)
      .join('\n'),
  });
  const siblings = (n: number, list: string): Record<string, string> => ({
    [`sys/devices/system/cpu/cpu${n}/topology/thread_siblings_list`]: list,
  });
  const cores = (tables: readonly PlainTable[]): unknown => rowsOf(tables, 'system.cpu.physical')[0]?.['count'];
  const count = async (files: Record<string, string>): Promise<unknown> => cores(await sampleOnce(cpu, hostOf(files).host));

  test('are pairs of package and core in cpuinfo where sysfs is not to be seen', async () => {
    expect(await count({ ...stat(6), ...info('0/0', '0/1', '1/0', '1/1', '0/0', '0/1') })).toBe(4);
  });

  test('are not counted by a sysfs that does not know all of the CPUs', async () => {
    expect(await count({ ...stat(4), ...info('0/0', '0/1', '0/0', '0/1'), ...siblings(0, '0,2\n') })).toBe(2);
  });

  test('are what sysfs says where both tell, which knows every architecture', async () => {
    expect(await count({ ...stat(2), ...info('0/0', '0/1'), ...siblings(0, '0-1\n'), ...siblings(1, '0-1\n') })).toBe(1);
  });

  test('are absent where nothing tells', async () => {
    expect(await count({ ...stat(2), ...cpuinfo('1.000', '1.000') })).toBeUndefined();
  });

  test('are counted again when the CPUs change, and not before', async () => {
    const { host, folder } = hostOf({ ...stat(2), ...info('0/0', '0/0') });
    const sampler = await open(cpu, host);
    expect(cores(await sample(sampler))).toBe(1);
    writeFiles(folder, info('0/0', '0/1', '0/2'));
    expect(cores(await sample(sampler))).toBe(1);
    writeFiles(folder, stat(3));
    expect(cores(await sample(sampler))).toBe(3);
    await sampler.close?.();
  });
});
