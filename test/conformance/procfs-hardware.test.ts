/**
 * prometheus/procfs' machine and expectations, through `raid`, `interrupts`, `softnet`, `conntrack`, `power`, `temperature`, `mounts`, and
 * dtrugman/pfs' lines through `modules`.
 *
 * Left: of /proc/mdstat the number of each member (it is its place in the superblock, which no sensor reports) and what the parser there
 * makes up (blocks synced of an array that does not sync); of a battery its serial number, capacity level and design voltage; of power
 * limits those that are off; of `TestFSMountInfo` one line that no kernel writes; the ages and addresses of modules. No expectation is
 * there for thermal zones, cooling devices and RAPL: they are compared with the files. Its fixtures hold no hwmon class, no vmstat, no
 * conntrack statistics: the expected numbers of the latter are written into a file of ours.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import conntrack from '../../sensors/conntrack.ts';
import interrupts from '../../sensors/interrupts.ts';
import modules from '../../sensors/modules.ts';
import mounts from '../../sensors/mounts.ts';
import power from '../../sensors/power.ts';
import raid from '../../sensors/raid.ts';
import softnet from '../../sensors/softnet.ts';
import temperature from '../../sensors/temperature.ts';
import type { Sensor } from '../../src/sensor.ts';
import { conformance, hostAt, hostOf, type PlainRow, type PlainTable, rowsOf, sampleOnce, unpackTtar } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const archive = conformance('procfs/fixtures.ttar.gz');
const answers = conformance('procfs/expected-from-go-tests.json');
const pfs = conformance('procfs/modules/pfs-proc-modules-cases.json');

const expected = <T>(name: string): T =>
  (JSON.parse(readFileSync(answers as string, 'utf8')) as { expectations: { test: string; value: T }[] }).expectations.find(
    (one) => one.test === name,
  )?.value as T;

interface Array_ {
  readonly Devices: readonly { readonly Name: string; readonly Faulty?: boolean; readonly Spare?: boolean }[];
  readonly BlocksSyncedFinishTime: number;
}
/** What the parser there calls an action of the kernel's. */
const ACTIVITIES: Readonly<Record<string, string>> = {
  recovery: 'recovering',
  resync: 'resyncing',
  check: 'checking',
  reshape: 'reshaping',
};

/** An array's rows as one object with the names there. */
function asTheyHaveIt(tables: readonly PlainTable[], name: string): Record<string, unknown> {
  const of = (type: string, key = 'system.device'): PlainRow[] => rowsOf(tables, type).filter((row) => row[key] === name);
  const [whole = {}] = of('system.raid');
  const [sync] = of('system.raid.sync');
  const size = Number(of('hw.logical_disk', 'hw.id')[0]?.['limit']) / 1024;
  const count = (state: string): unknown =>
    of('system.raid.member').find((row) => row['raid.member.state'] === state && 'count' in row)?.['count'];
  // Without redundancy all members are active; an array that is not active has none.
  const active = whole['raid.state'] === 'active' ? count('active') : 0;
  const [wanted, working] = [whole['wanted'] ?? active, whole['working'] ?? active];
  const kib = (value: unknown): number => Number(value ?? 0) / 1024;
  return {
    Type: whole['raid.level'] || 'unknown',
    ActivityState: sync ? ACTIVITIES[sync['raid.sync.action'] as string] : whole['raid.state'],
    DisksActive: working,
    DisksTotal: wanted,
    DisksFailed: count('faulty'),
    DisksDown: Number(wanted) - Number(working),
    DisksSpare: count('spare'),
    BlocksTotal: size,
    BlocksSynced: sync ? kib(sync['done']) : size,
    BlocksToBeSynced: sync?.['total'] === undefined ? size : kib(sync['total']),
    BlocksSyncedPct: Math.floor(Number(sync?.['progress'] ?? 0) * 1000) / 10,
    BlocksSyncedFinishTime: Number(sync?.['time_left'] ?? 0) / 60,
    BlocksSyncedSpeed: kib(sync?.['speed']),
  };
}

describe.skipIf(!archive || !answers)('prometheus/procfs (skipped where its material is not beside the repository)', () => {
  const folder = temporaryFolder();
  const file = (path: string): string => readFileSync(join(folder, 'fixtures', path), 'utf8');
  const sampled = async (sensor: Sensor): Promise<PlainTable[]> => await sampleOnce(sensor, hostAt(join(folder, 'fixtures')));
  beforeAll(() => unpackTtar(archive as string, folder));

  test('TestFS_MDStat: 18 of 18 arrays, 13 of 13 values each, 59 of 59 members', async () => {
    const want = expected<Record<string, Array_>>('TestFS_MDStat');
    const tables = await sampled(raid);
    let members = 0;
    for (const [name, array] of Object.entries(want)) {
      expect(asTheyHaveIt(tables, name), name).toEqual({
        ...Object.fromEntries(Object.entries(array).filter(([key]) => key !== 'Name' && key !== 'Devices')),
        BlocksSyncedFinishTime: expect.closeTo(array.BlocksSyncedFinishTime, 9),
      });
      const all = rowsOf(tables, 'system.raid.member').filter((row) => row['system.device'] === name);
      const states = all.filter((row) => 'info' in row).map((row) => [row['raid.member'], row['raid.member.state']]);
      expect(states, name).toEqual(
        array.Devices.map(({ Name, Faulty, Spare }) => [Name, Faulty ? 'faulty' : Spare ? 'spare' : 'active']),
      );
      members += states.length;
    }
    expect([Object.keys(want).length, rowsOf(tables, 'system.raid').length, members]).toEqual([18, 18, 59]);
  });

  test('TestProcInterrupts: 4 of 4 lines, and the sums of all 47 lines of the file', async () => {
    const want = expected<{ irq: string; want: { Info: string; Devices: string; Values: string[] } }[]>('TestProcInterrupts');
    const text = file('proc/interrupts');
    const rows = rowsOf(await sampleOnce(interrupts, hostOf({ 'proc/interrupts': text }).host), 'system.interrupt');
    for (const { irq, want: line } of want) {
      const row = rows.find((one) => one['interrupt.name'] === irq);
      expect(row?.['interrupt.description'], irq).toBe(line.Info);
      expect(`${row?.['interrupt.line'] as string} ${row?.['interrupt.devices'] as string}`.trim(), irq).toBe(line.Devices);
      expect(row?.['count'], irq).toBe(line.Values.reduce((sum, value) => sum + Number(value), 0));
    }
    const lines = [...text.matchAll(/^ *(\w+):((?: +\d+(?= |$)){1,4})/gm)];
    expect(rows.map((row) => [row['interrupt.name'], row['count']])).toEqual(
      lines.map(([, name, numbers = '']) => [
        name,
        numbers
          .trim()
          .split(/ +/)
          .reduce((sum, value) => sum + Number(value), 0),
      ]),
    );
    expect([want.length, rows.length]).toEqual([4, 47]);
  });

  test('TestNetSoftnet: 5 of 5 lines, 29 values; the one that must fail does', async () => {
    const want = expected<Record<string, number>[]>('TestNetSoftnet');
    const rows = rowsOf(await sampled(softnet), 'system.network.softnet');
    const fields = {
      processed: 'Processed',
      dropped: 'Dropped',
      time_squeezed: 'TimeSqueezed',
      collisions: 'CPUCollision',
      received_rps: 'ReceivedRps',
      flow_limited: 'FlowLimitCount',
      backlog: 'SoftnetBacklogLen',
    };
    let compared = 0;
    want.forEach((line, index) => {
      expect(rows[index]?.['cpu.logical_number']).toBe(`${line['Index']}`);
      for (const [field, name] of Object.entries(fields)) {
        const value = rows[index]?.[field];
        // A column that the line does not have is absent here and 0 there.
        if (value === undefined) expect(line[name] ?? 0, `${index} ${name}`).toBe(0);
        else expect(value, `${index} ${name}`).toBe(line[name]);
        if (value !== undefined) compared++;
      }
    });
    expect([rows.length, compared]).toEqual([5, 29]);
    const broken = hostOf({ 'proc/net/softnet_stat': file('proc/net/softnet_stat.broken') }).host;
    await expect(sampleOnce(softnet, broken)).rejects.toThrow(/fewer than 9 columns/);
  });

  test('TestParseConntrackStat and the old one: 5 of 5 lines as files of ours, 22 sums', async () => {
    const names: Readonly<Record<string, string>> = {
      Entries: 'entries',
      Searched: 'searched',
      Found: 'found',
      New: 'new',
      Invalid: 'invalid',
      Ignore: 'ignore',
      Delete: 'delete',
      DeleteList: 'delete_list',
      Insert: 'insert',
      InsertFailed: 'insert_failed',
      Drop: 'drop',
      EarlyDrop: 'early_drop',
      SearchRestart: 'search_restart',
    };
    let compared = 0;
    for (const key of ['TestParseConntrackStat', 'TestParseOldConntrackStat']) {
      const lines = expected<Record<string, number>[]>(key);
      const keys = Object.keys(lines[0] ?? {});
      const text = [
        keys.map((one) => names[one]),
        ...lines.map((line) => keys.map((one) => (line[one] ?? 0).toString(16).padStart(8, '0'))),
      ];
      const { host } = hostOf({ 'proc/net/stat/nf_conntrack': text.map((words) => `${words.join(' ')}\n`).join('') });
      const [whole, sums] = await sampleOnce(conntrack, host);
      for (const one of keys) {
        const sum = lines.reduce((all, line) => all + (line[one] ?? 0), 0);
        if (one === 'Entries') expect(whole?.rows[0]?.['count']).toBe(lines[0]?.['Entries']);
        else expect(sums?.rows[0]?.[names[one] as string], `${key} ${one}`).toBe(sum);
        compared++;
      }
    }
    expect(compared).toBe(22);
  });

  test('power supplies by uevent: mains, and the battery; RAPL: 3 of 3 zones, the 4 limits that are set', async () => {
    const tables = await sampled(power);
    expect(rowsOf(tables, 'hw.power_supply')).toEqual([{ 'hw.id': 'AC', 'hw.power_supply.type': 'Mains', online: 0 }]);
    expect(rowsOf(tables, 'hw.battery')).toEqual([
      {
        'hw.id': 'BAT0',
        'hw.model': 'LNV-45N1',
        'hw.vendor': 'LGC',
        'hw.battery.chemistry': 'Li-ion',
        charge: 0.85,
        health: 47390000 / 47520000,
        energy: 40.73 * 3600,
        energy_full: 47.39 * 3600,
      },
    ]);
    const values = rowsOf(tables, 'hw');
    expect(values.find((row) => row['hw.type'] === 'battery' && 'power' in row)?.['power']).toBe(5.064);
    expect(values.find((row) => row['hw.id'] === 'BAT0' && 'voltage' in row)?.['voltage']).toBe(11.75);
    expect(values.find((row) => row['hw.id'] === 'BAT0' && row['status'] === 1)?.['hw.state']).toBe('discharging');
    const zones = values.filter((row) => 'energy' in row).map((row) => [row['hw.id'], row['hw.name'], row['energy']]);
    expect(zones).toEqual([
      ['intel-rapl:0', 'package-0', 240422.366267],
      ['intel-rapl:0:0', 'core', 118821.284256],
      ['intel-rapl:a', 'package-10', 240422.366267],
    ]);
    expect(rowsOf(tables, 'hw.power').map((row) => [row['hw.id'], row['hw.limit_type'], row['limit']])).toEqual([
      ['intel-rapl:0', 'long_term', 4090],
      ['intel-rapl:0', 'short_term', 4090],
      ['intel-rapl:a', 'long_term', 4090],
      ['intel-rapl:a', 'short_term', 4090],
    ]);
  });

  test('thermal: 2 of 2 zones, 3 of 3 cooling devices', async () => {
    const tables = await sampled(temperature);
    const zones = rowsOf(tables, 'hw').filter((row) => 'temperature' in row && row['hw.parent'] === 'thermal');
    expect(zones.map((row) => [row['hw.id'], row['hw.name'], row['temperature']])).toEqual([
      ['thermal/thermal_zone0', 'bcm2835_thermal', 49.925],
      ['thermal/thermal_zone1', 'acpitz', -44],
    ]);
    expect(rowsOf(tables, 'hw.cooling').map((row) => [row['hw.name'], row['state'], row['limit']])).toEqual([
      ['Processor', 0, 50],
      ['TFN1', undefined, 50],
      ['intel_powerclamp', undefined, 27],
    ]);
  });

  test('TestFSMountInfo: 7 of 8 mounts', async () => {
    const want =
      expected<{ MajorMinorVer: string; Root: string; MountPoint?: string; FSType: string; Source: string }[]>('TestFSMountInfo');
    const text = file('proc/26231/mountinfo').replace(/^1 1 .*\n/, '');
    const rows = rowsOf(await sampleOnce(mounts, hostOf({ 'proc/1/mountinfo': text }).host), 'system.mount');
    const points = want.slice(1).map((one) => [one.Source, one.MountPoint, one.FSType, one.Root].join(' '));
    const seen = rows.map((row) =>
      [row['system.device'], row['system.filesystem.mountpoint'], row['system.filesystem.type'], row['mount.root']].join(' '),
    );
    expect(new Set(seen)).toEqual(new Set(points));
    expect(rows.reduce((sum, row) => sum + Number(row['info']), 0)).toBe(points.length);
  });
});

describe.skipIf(!pfs)('dtrugman/pfs (skipped where its material is not beside the repository)', () => {
  test('modules: 5 of 5 lines, 7 of 8 values each', async () => {
    interface Case {
      readonly line: string;
      readonly expected: {
        name: string;
        size: number;
        instances: number;
        dependencies: string[];
        state: string;
        out_of_tree: boolean;
        unsigned: boolean;
      };
    }
    const { cases } = JSON.parse(readFileSync(pfs as string, 'utf8')) as { cases: Case[] };
    for (const { line, expected: want } of cases) {
      const tables = await sampleOnce(modules, hostOf({ 'proc/modules': `${line}\n` }).host);
      const [row] = rowsOf(tables, 'system.kernel.module');
      // A number of references that the kernel does not count is absent here and 0 there.
      expect([
        row?.['module.name'],
        row?.['memory'],
        row?.['references'] ?? 0,
        row?.['live'],
        row?.['out_of_tree'],
        row?.['unsigned'],
      ]).toEqual([
        want.name,
        want.size,
        want.instances,
        want.state === 'live' ? 1 : 0,
        Number(want.out_of_tree),
        Number(want.unsigned),
      ]);
      expect(rowsOf(tables, 'system.kernel.module.dependant').map((one) => one['module.dependant'])).toEqual(want.dependencies);
    }
    expect(cases).toHaveLength(5);
  });
});
