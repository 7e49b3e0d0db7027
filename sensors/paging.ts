/** Swap space, page faults, paging and what reclaim does, from `<proc>/swaps` and `<proc>/vmstat`. https://docs.kernel.org/admin-guide/mm/index.html */
import * as z from 'zod';
import { unescapeOctal } from '../src/escape.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type Host, requirePath } from '../src/host.ts';
import { defineSensor } from '../src/sensor.ts';
import { keyBytes, type Text } from '../src/text.ts';

/** `/proc/swaps` and the `pgpg*` lines of vmstat count in KiB. */
const KIB = 1024;
/** Filename, Type, Size, Used, Priority. */
const SWAP_COLUMNS = 5;

const usage = defineSchema({
  type: 'system.paging',
  doc: 'Swap space of each device or file.',
  attributes: ['system.device', 'system.paging.state'],
  fields: {
    usage: updowncounter('By', 'Swap space used and free.'),
    utilization: gauge('1', 'Share of the device that is used, and that is free.'),
  },
});

const faults = defineSchema({
  type: 'system.paging',
  doc: 'Page faults of all processes.',
  attributes: ['system.paging.fault.type'],
  fields: { faults: counter('{fault}', 'Page faults: major ones had to read from a disk, minor ones not.') },
});

const operations = defineSchema({
  type: 'system.paging',
  doc: 'Pages moved between memory and swap space.',
  attributes: ['system.paging.fault.type', 'system.paging.direction'],
  fields: { operations: counter('{operation}', 'Pages swapped in and out.') },
});

// Beyond the conventions: what tells an operator that memory is short before anything is killed.
const io = defineSchema({
  type: 'system.paging',
  doc: 'Bytes moved between the page cache and block devices, file data included.',
  attributes: ['system.paging.direction'],
  fields: { io: counter('By', 'Bytes paged in and out.') },
});

const reclaim = defineSchema({
  type: 'system.paging.reclaim',
  doc: 'What the kernel did to free memory. A counter that this kernel does not have is absent.',
  attributes: [],
  fields: {
    scanned_kswapd: counter('{page}', 'Pages that the background reclaim looked at.'),
    scanned_direct: counter('{page}', 'Pages that a task looked at because it could not get memory otherwise.'),
    stolen_kswapd: counter('{page}', 'Pages that the background reclaim freed.'),
    stolen_direct: counter('{page}', 'Pages that tasks freed themselves.'),
    refaults: counter('{page}', 'Pages read again soon after they were reclaimed: thrashing.'),
    oom_kills: counter('{process}', 'Processes killed because memory was out.'),
  },
});

/** Keys of vmstat that make one number, added up: they were split by kind and by zone over the kernels' versions. */
const FAULTS = { all: ['pgfault '], major: ['pgmajfault '] };
const SWAPPED = { in: ['pswpin '], out: ['pswpout '] };
const PAGED = { in: ['pgpgin '], out: ['pgpgout '] };
const RECLAIM = {
  scanned_kswapd: ['pgscan_kswapd '],
  scanned_direct: ['pgscan_direct '],
  stolen_kswapd: ['pgsteal_kswapd '],
  stolen_direct: ['pgsteal_direct '],
  refaults: ['workingset_refault_anon ', 'workingset_refault_file ', 'workingset_refault '],
  oom_kills: ['oom_kill '],
};

/** Compiles keys, and returns what reads their sums out of a text: undefined where it has none of them. */
function sums<K extends string>(keys: Readonly<Record<K, readonly string[]>>): (text: Text) => Record<K, number | undefined> {
  const compiled = Object.entries<readonly string[]>(keys).map(([name, all]) => [name as K, all.map(keyBytes)] as const);
  return (text) => {
    const result = {} as Record<K, number | undefined>;
    for (const [name, all] of compiled) {
      let sum: number | undefined;
      for (const key of all) {
        const value = text.numberAfter(key);
        if (value !== undefined) sum = (sum ?? 0) + value;
      }
      result[name] = sum;
    }
    return result;
  };
}

const [faultsOf, swappedOf, pagedOf, reclaimOf] = [sums(FAULTS), sums(SWAPPED), sums(PAGED), sums(RECLAIM)];

export default defineSensor({
  name: 'paging',
  summary: 'Swap space, page faults, paging and memory reclaim, from /proc/swaps and /proc/vmstat.',
  emits: [usage, faults, operations, io, reclaim],
  options: z.strictObject({}),
  open(host) {
    requirePath(host, host.procPath('vmstat'), 'paging');
    const [vmstat, swaps] = [host.proc('vmstat'), host.proc('swaps')];
    return {
      sample() {
        return [...swapTables(swaps), ...vmstatTables(vmstat.read())];
      },
      close() {
        vmstat.close();
        swaps.close();
      },
    };
  },
});

/** A machine without swap has no rows, and no table. */
function swapTables(swaps: ReturnType<Host['proc']>): AnyTable[] {
  const table = usage.table();
  for (const row of swaps.maybe()?.rows() ?? []) {
    // The first line has the names of the columns.
    if (row.line === 1 || row.count === 0) continue;
    if (row.count < SWAP_COLUMNS) throw row.malformed(`fewer than ${SWAP_COLUMNS} columns`);
    const device = unescapeOctal(row.text(0));
    const [size, used] = [row.number(2) * KIB, row.number(3) * KIB];
    table.add([device, 'used'], { usage: used, utilization: size > 0 ? used / size : undefined });
    table.add([device, 'free'], { usage: size - used, utilization: size > 0 ? (size - used) / size : undefined });
  }
  return table.rows > 0 ? [table] : [];
}

function vmstatTables(text: Text): AnyTable[] {
  const { all, major } = faultsOf(text);
  const [swapped, paged] = [swappedOf(text), pagedOf(text)];
  const bytes = (kib: number | undefined): number | undefined => (kib === undefined ? undefined : kib * KIB);
  return [
    faults
      .table()
      .add(['major'], { faults: major })
      .add(['minor'], { faults: all === undefined || major === undefined ? undefined : all - major }),
    operations.table().add(['major', 'in'], { operations: swapped.in }).add(['major', 'out'], { operations: swapped.out }),
    io
      .table()
      .add(['in'], { io: bytes(paged.in) })
      .add(['out'], { io: bytes(paged.out) }),
    reclaim.table().add([], reclaimOf(text)),
  ];
}
