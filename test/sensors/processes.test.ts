import { describe, expect, it } from 'vitest';
import oneByOne from '../../sensors/process.ts';
import processes from '../../sensors/processes.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import { ProcFolder } from '../process/proc-folder.ts';
import {
  expectGolden,
  fixtureHost,
  hostOf,
  open,
  type PlainTable,
  plain,
  rowsOf,
  sample,
  sampleOnce,
  sensorContext,
} from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const states = (tables: readonly PlainTable[]): Record<string, number> =>
  Object.fromEntries(
    rowsOf(tables, 'system.process')
      .filter((row) => row['count'] !== undefined && row['count'] !== 0)
      .map((row) => [row['process.state'] as string, row['count'] as number]),
  );

describe('golden', () => {
  it.each(['states', 'no-limit'])('%s', async (name) => {
    expectGolden(`processes/${name}/expected.json`, await sampleOnce(processes, fixtureHost(`processes/${name}`)));
  });
});

describe('states', () => {
  it.each([512, 1, 0])('follow births and ends, with %i files kept open', async (keep_open) => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 20: { state: 'R' }, 300: { state: 'D' } });
    const sampler = await open(processes, machine.host, { keep_open });
    expect(states(await sample(sampler))).toEqual({ sleeping: 1, running: 1, blocked: 1 });
    machine.show({ 20: { state: 'S' }, 4000: { state: 'Z' } }, [300]);
    expect(states(await sample(sampler))).toEqual({ sleeping: 2, defunct: 1 });
    await sampler.close?.();
  });

  it('are those that the sensor process has read in the same turn, and are read by itself otherwise', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 20: { state: 'R' } });
    const [one, all] = [await open(oneByOne, machine.host, {}), await open(processes, machine.host, { keep_open: 0 })];
    const { signal } = new AbortController();
    const together = async (): Promise<Record<string, number>> => {
      await one.sample(signal, 0);
      return states(await sample(all));
    };
    expect(states(await sample(all))).toEqual({ sleeping: 1, running: 1 });
    machine.show({ 20: { state: 'D' }, 300: { state: 'T' } }, [1]);
    expect(await together()).toEqual({ blocked: 1, stopped: 1 });
    machine.show({ 20: { state: 'S' } });
    expect(states(await sample(all))).toEqual({ sleeping: 1, stopped: 1 });
    // Read at one moment: what changed since is told at the next.
    const first = one.sample(signal, 0);
    machine.show({ 20: { state: 'R' } });
    const told = all.sample(signal, 0);
    await Promise.all([first, told]);
    expect(states((await told).map((table) => plain(table.seal())))).toEqual({ sleeping: 1, stopped: 1 });
    expect(states(await sample(all))).toEqual({ running: 1, stopped: 1 });
    for (const sampler of [one, all]) await sampler.close?.();
  });

  it('of processes beyond the limit are unknown, by number', async () => {
    const machine = new ProcFolder();
    machine.show({ 9: { state: 'R' }, 10: {}, 100: { state: 'D' } });
    expect(states(await sampleOnce(processes, machine.host, { limit: 2 }))).toEqual({ running: 1, sleeping: 1, unknown: 1 });
    expect(states(await sampleOnce(processes, machine.host, { limit: 0 }))).toEqual({ unknown: 3 });
  });

  it('skip a process that goes between the list and the read', async () => {
    const { host } = hostOf({ 'proc/1/stat': '1 (init) S 0\n', 'proc/2/status': 'gone already\n' });
    expect(states(await sampleOnce(processes, host))).toEqual({ sleeping: 1 });
  });

  it.each(['', '7 init S 1 2\n', '7 (init)', '7 (init) ', '7 (init)S 1', '7 )init( S 1'])(
    'are malformed in %j, and said with the file',
    async (content) => {
      const { host } = hostOf({ 'proc/7/stat': content });
      const failed = sampleOnce(processes, host);
      await expect(failed).rejects.toThrow(Malformed);
      await expect(failed).rejects.toThrow('proc/7/stat:1: no state after a name');
    },
  );
});

describe('what the machine lacks', () => {
  it('is absent', async () => {
    const { host } = hostOf({ 'proc/1/stat': '1 (init) S 0\n', 'proc/sys/kernel/pid_max': '4194304\n' });
    expect((await sampleOnce(processes, host)).map(({ type, rows }) => [type, rows.length])).toEqual([['system.process', 7]]);
  });

  it('makes it unavailable when it is /proc', () => {
    const given = processes.options.parse({});
    expect(() => processes.open(new Host({ proc: temporaryFolder(), platform: 'linux' }), given, sensorContext())).toThrow(
      Unavailable,
    );
    expect(() => processes.open(new Host({ platform: 'darwin' }), given, sensorContext())).toThrow('this is darwin');
  });
});

it('tells who records of every file that it reads, once', async () => {
  const read: string[] = [];
  const { host } = hostOf({ 'proc/1/stat': '1 (init) S 0\n', 'proc/uptime': '' }, { onRead: (path) => read.push(path) });
  const sampler = await open(processes, host);
  await sample(sampler);
  await sample(sampler);
  expect(read.filter((path) => path.endsWith('/1/stat'))).toHaveLength(1);
});
