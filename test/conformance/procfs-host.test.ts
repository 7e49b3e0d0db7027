/** prometheus/procfs' machine, through `cpu`, `memory`, `load`, `paging`, `pressure`, `disk` and `network`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import cpu from '../../sensors/cpu.ts';
import disk from '../../sensors/disk.ts';
import load from '../../sensors/load.ts';
import memory from '../../sensors/memory.ts';
import network from '../../sensors/network.ts';
import paging from '../../sensors/paging.ts';
import pressure from '../../sensors/pressure.ts';
import { Malformed } from '../../src/errors.ts';
import type { Host } from '../../src/host.ts';
import { conformance, hostAt, hostOf, rowsOf, sampleOnce, unpackTtar } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const archive = conformance('procfs/fixtures.ttar.gz');
const answers = conformance('procfs/expected-from-go-tests.json');

/** One block of expected values, read out of the Go tests. */
interface Expectation {
  readonly test: string;
  readonly value: unknown;
}

describe.skipIf(!archive || !answers)('prometheus/procfs (skipped where its material is not beside the repository)', () => {
  const folder = temporaryFolder();
  let host: Host;
  let compared = 0;
  const same = (is: unknown, should: unknown, what: string): void => {
    expect(is, what).toEqual(should);
    compared++;
  };
  const lines = (file: string): string[][] =>
    readFileSync(join(folder, 'fixtures/proc', file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/[\s:]+/));
  const expected = (name: string): unknown =>
    (JSON.parse(readFileSync(answers as string, 'utf8')) as { expectations: Expectation[] }).expectations.find(
      (one) => one.test === name,
    )?.value;

  beforeAll(() => {
    unpackTtar(archive as string, folder);
    host = hostAt(join(folder, 'fixtures'));
  });
  afterAll(() => {
    const left =
      'left: vmstat is not among the files; of meminfo the 14 keys that memory does not report; of stat the lists of single interrupts';
    console.info(`procfs: ${compared} values of 11 files compared; ${left}`);
  });

  test('stat: every mode of 8 CPUs, against the columns of the file', async () => {
    const tables = await sampleOnce(cpu, host);
    const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'softirq', 'steal', 'guest', 'guest_nice'];
    for (const [name = '', ...ticks] of lines('stat').filter(([name]) => /^cpu\d/.test(name ?? ''))) {
      for (const [m, mode] of modes.entries()) {
        const row = rowsOf(tables, 'system.cpu').find(
          (one) => `cpu${String(one['cpu.logical_number'])}` === name && one['cpu.mode'] === mode,
        );
        same(row?.['time'], Number(ticks[m]) / 100, `${name} ${mode}`);
      }
    }
    const number = (key: string): number => Number(lines('stat').find(([name]) => name === key)?.[1]);
    const [kernel] = rowsOf(tables, 'system.kernel');
    same(
      kernel,
      { context_switches: number('ctxt'), interrupts: number('intr'), softirqs: number('softirq'), forks: number('processes') },
      'kernel',
    );
    expect(compared).toBe(81);
  });

  test('cpuinfo and cpufreq: 4 cores of 8 CPUs, and the one frequency that there is', async () => {
    const tables = await sampleOnce(cpu, host);
    const pairs = new Set<string>();
    for (const block of readFileSync(join(folder, 'fixtures/proc/cpuinfo'), 'utf8').split('\n\n')) {
      const ids = [...block.matchAll(/^(?:physical|core) id\s*: (\d+)$/gm)].map(([, id]) => id);
      if (ids.length === 2) pairs.add(ids.join());
    }
    same(rowsOf(tables, 'system.cpu.physical'), [{ count: pairs.size }], 'cores');
    same(pairs.size, 4, 'pairs');
    same(rowsOf(tables, 'system.cpu.logical'), [{ count: 8 }], 'CPUs');
    const khz = Number(readFileSync(join(folder, 'fixtures/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq'), 'utf8'));
    same(
      rowsOf(tables, 'system.cpu').filter((row) => 'frequency' in row),
      [{ 'cpu.logical_number': '0', frequency: khz * 1000 }],
      'frequency',
    );
  });

  test('meminfo: against the values of TestMeminfo', async () => {
    const want = expected('TestMeminfo') as Record<string, number>;
    const tables = await sampleOnce(memory, host);
    const kib = (key: string): number => Number(want[key]) * 1024;
    const usage = Object.fromEntries(
      rowsOf(tables, 'system.memory')
        .filter((row) => 'usage' in row)
        .map((row) => [row['system.memory.state'], row['usage']]),
    );
    const cached = kib('Cached') + kib('SReclaimable');
    same(
      usage,
      { free: kib('MemFree'), buffers: kib('Buffers'), cached, used: kib('MemTotal') - kib('MemFree') - kib('Buffers') - cached },
      'states',
    );
    const fields = {
      shared: 'Shmem',
      active: 'Active',
      inactive: 'Inactive',
      anonymous: 'AnonPages',
      mapped: 'Mapped',
      unevictable: 'Unevictable',
      dirty: 'Dirty',
      writeback: 'Writeback',
      kernel_stack: 'KernelStack',
      page_tables: 'PageTables',
      committed: 'CommittedAS',
      commit_limit: 'CommitLimit',
      corrupted: 'HardwareCorrupted',
      anonymous_huge: 'AnonHugePages',
      mlocked: 'Mlocked',
      percpu: 'Percpu',
      swap_cached: 'SwapCached',
      vmalloc_used: 'VmallocUsed',
      zswap: 'Zswap',
      zswapped: 'Zswapped',
    };
    const [linux] = rowsOf(tables, 'system.memory.linux');
    for (const [field, key] of Object.entries(fields)) same(linux?.[field], kib(key), key);
    same(
      rowsOf(tables, 'system.memory.linux.slab').map((row) => row['usage']),
      [kib('SReclaimable'), kib('SUnreclaim')],
      'slab',
    );
    const huge = rowsOf(tables, 'system.memory.linux.hugepages').at(-1);
    same(
      huge,
      {
        limit: want['HugePagesTotal'],
        page_size: kib('Hugepagesize'),
        reserved: want['HugePagesRsvd'],
        surplus: want['HugePagesSurp'],
      },
      'huge pages',
    );
  });

  test('loadavg: the verdicts and values of Test_parseLoad', async () => {
    for (const one of expected('Test_parseLoad') as { s?: string; ok: boolean; loadavg?: Record<string, number> }[]) {
      const sampled = sampleOnce(load, hostOf({ 'proc/loadavg': one.s ?? '' }).host);
      if (one.ok) {
        const { Load1, Load5, Load15 } = one.loadavg ?? {};
        same(rowsOf(await sampled, 'system.cpu.load_average'), [{ '1m': Load1, '5m': Load5, '15m': Load15 }], 'load');
      } else {
        await expect(sampled).rejects.toThrow(Malformed);
        compared++;
      }
    }
  });

  test('swaps: the cases of TestParseSwapString', async () => {
    for (const [line, want, wrong] of (expected('TestParseSwapString') as unknown[]).map(asCase)) {
      const files = { 'proc/vmstat': 'pgfault 1\n', 'proc/swaps': `Filename Type Size Used Priority\n${line}\n` };
      const sampled = sampleOnce(paging, hostOf(files).host);
      if (wrong) {
        await expect(sampled, line).rejects.toThrow(Malformed);
        compared++;
        continue;
      }
      const rows = rowsOf(await sampled, 'system.paging').filter((row) => 'usage' in row);
      same(
        rows.map((row) => row['usage']),
        [want.Used * 1024, (want.Size - want.Used) * 1024],
        line,
      );
      same(rows[0]?.['system.device'], want.Filename, 'name');
    }
  });

  test('pressure, diskstats and net/dev: every column, against the files', async () => {
    const stall = rowsOf(await sampleOnce(pressure, host), 'system.pressure');
    for (const row of stall) {
      const raw = readFileSync(join(folder, 'fixtures/proc/pressure', String(row['pressure.resource'])), 'utf8')
        .split('\n')
        .find((line) => line.startsWith(String(row['pressure.scope'])));
      const [avg10, avg60, avg300, total] = [...(raw ?? '').matchAll(/=([\d.]+)/g)].map(([, number]) => Number(number));
      for (const [field, percent] of [
        ['avg10', avg10],
        ['avg60', avg60],
        ['avg300', avg300],
      ] as const) {
        expect(row[field]).toBeCloseTo(Number(percent) / 100, 9);
        compared++;
      }
      same(row['time'], Number(total) / 1e6, 'total');
    }
    expect(stall.length).toBeGreaterThanOrEqual(5);
    const disks = rowsOf(await sampleOnce(disk, host, { exclude: [], partitions: true }), 'system.disk');
    for (const [, , name, ...columns] of lines('diskstats')) {
      const read = disks.find((row) => row['system.device'] === name && row['disk.io.direction'] === 'read');
      const n = columns.map(Number);
      same(
        [read?.['operations'], read?.['merged'], read?.['io'], read?.['operation_time']],
        [n[0], n[1], (n[2] ?? 0) * 512, (n[3] ?? 0) / 1000],
        `${name} read`,
      );
      const write = disks.find((row) => row['system.device'] === name && row['disk.io.direction'] === 'write');
      same(
        [write?.['operations'], write?.['merged'], write?.['io'], write?.['operation_time']],
        [n[4], n[5], (n[6] ?? 0) * 512, (n[7] ?? 0) / 1000],
        `${name} write`,
      );
      const whole = disks.find((row) => row['system.device'] === name && 'io_time' in row);
      same(
        [whole?.['pending_operations'], whole?.['io_time'], whole?.['weighted_io_time']],
        [n[8], (n[9] ?? 0) / 1000, (n[10] ?? 0) / 1000],
        `${name} whole`,
      );
    }
    const traffic = await sampleOnce(network, host, { exclude: [] });
    for (const [name, ...columns] of lines('net/dev').slice(2)) {
      const n = columns.map(Number);
      const rows = ['system.network', 'system.network.packet']
        .flatMap((type) => rowsOf(traffic, type))
        .filter((row) => row['network.interface.name'] === name);
      same(
        rows.map((row) => Object.values(row).slice(2)),
        [
          [n[0], n[2]],
          [n[8], n[10]],
          [n[1], n[3]],
          [n[9], n[11]],
        ],
        `${name}`,
      );
    }
  });
});

/** A row of the Go table: the line, what it holds, and whether it is an error. */
function asCase(row: unknown): [string, { Filename: string; Size: number; Used: number }, boolean] {
  const { s, swap, invalid } = row as { s: string; swap?: { Filename: string; Size: number; Used: number }; invalid?: boolean };
  return [s, swap ?? { Filename: '', Size: 0, Used: 0 }, invalid === true || swap === undefined];
}
