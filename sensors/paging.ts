/**
 * Swap space, page faults, swapping and what it takes to reclaim memory, from `<proc>/swaps` and `<proc>/vmstat`.
 * proc_swaps(5), proc_vmstat(5), https://docs.kernel.org/admin-guide/mm/concepts.html#reclaim
 */
import * as z from 'zod';
import { unescapeOctal } from '../src/escape.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { KeyedNumbers } from '../src/keyed.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Text } from '../src/text.ts';

/** `/proc/swaps`, `pgpgin` and `pgpgout` count in KiB. */
const KIB = 1024;
/** Filename, Type, Size, Used, Priority. */
const SWAP_COLUMNS = 5;

const usage = defineSchema({
  type: 'system.paging',
  doc: 'Swap space of each device and file, by state: used, free. A machine without swap has no rows.',
  attributes: ['system.device', 'system.paging.state'],
  fields: {
    usage: updowncounter('By', 'Swap space in this state.'),
    utilization: gauge('1', 'Share of the device or file.'),
  },
});

const faults = defineSchema({
  type: 'system.paging',
  doc: 'Page faults of all programs: major, minor.',
  attributes: ['system.paging.fault.type'],
  fields: { faults: counter('{fault}', 'A major fault had to wait for a disk, a minor one not.') },
});

const operations = defineSchema({
  type: 'system.paging',
  doc: 'Pages that were swapped in and out; major alone, because a minor fault moves no page.',
  attributes: ['system.paging.fault.type', 'system.paging.direction'],
  fields: { operations: counter('{operation}', 'Pages swapped.') },
});

// The collector gives these as minor operations. They are amounts of data, and of any: files, filesystems' own, swap.
const io = defineSchema({
  type: 'system.paging',
  doc: 'Data that went from block devices to memory (in) and back (out).',
  attributes: ['system.paging.direction'],
  fields: { io: counter('By', 'Data read or written, swap included.') },
});

// Beyond the conventions: what tells an operator that memory is short before anything is killed.
const reclaim = defineSchema({
  type: 'system.paging.reclaim',
  doc: 'What the kernel did to free memory. A counter that this kernel does not have is absent.',
  attributes: [],
  fields: {
    scanned_kswapd: counter('{page}', 'Pages that the background reclaim looked at.'),
    scanned_direct: counter('{page}', 'Pages that a task looked at because it could not get memory otherwise.'),
    stolen_kswapd: counter(
      '{page}',
      'Pages that the background reclaim freed. Few of many scanned is memory that is hard to reclaim.',
    ),
    stolen_direct: counter('{page}', 'Pages that tasks freed themselves.'),
    allocation_stalls: counter('{stall}', 'Allocations that had to reclaim memory themselves.'),
    refaults: counter('{page}', 'Pages read again soon after they were reclaimed: thrashing.'),
    oom_kills: counter('{process}', 'Processes killed because memory was out, of the machine or of a control group.'),
  },
});

/** Kernels before 4.8 count reclaim by zone, later ones count stalls by zone. */
const byZone = (key: string): string[] => ['dma', 'dma32', 'normal', 'high', 'movable', 'device'].map((zone) => `${key}_${zone}`);

const KEYS = {
  faults: 'pgfault',
  faults_major: 'pgmajfault',
  swapped_in: 'pswpin',
  swapped_out: 'pswpout',
  paged_in: 'pgpgin',
  paged_out: 'pgpgout',
  scanned_kswapd: 'pgscan_kswapd',
  scanned_direct: 'pgscan_direct',
  stolen_kswapd: 'pgsteal_kswapd',
  stolen_direct: 'pgsteal_direct',
  zones_scanned_kswapd: byZone('pgscan_kswapd'),
  zones_scanned_direct: byZone('pgscan_direct'),
  zones_stolen_kswapd: byZone('pgsteal_kswapd'),
  zones_stolen_direct: byZone('pgsteal_direct'),
  allocation_stalls: ['allocstall', ...byZone('allocstall')],
  refaults: ['workingset_refault', 'workingset_refault_anon', 'workingset_refault_file'],
  oom_kills: 'oom_kill',
} as const;
type Vmstat = Readonly<Record<keyof typeof KEYS, number | undefined>>;

export default defineSensor({
  name: 'paging',
  summary: 'Swap space, page faults, swapping and memory reclaim, from /proc/swaps and /proc/vmstat.',
  emits: [usage, faults, operations, io, reclaim],
  options: z.strictObject({}),
  open(host) {
    if (host.platform !== 'linux' || !host.exists(host.procPath('swaps'))) requirePath(host, host.procPath('vmstat'), 'paging');
    return new ProcPaging(host);
  },
});

class ProcPaging implements Sampler {
  readonly #vmstat: HotFile;
  readonly #swaps: HotFile;
  readonly #numbers = new KeyedNumbers(KEYS);
  #faults = 0;
  #minor = 0;

  constructor(host: Host) {
    this.#vmstat = host.proc('vmstat');
    this.#swaps = host.proc('swaps');
  }

  sample(): AnyTable[] {
    const tables = [swapTable(this.#swaps)];
    const text = this.#vmstat.maybe();
    if (text) tables.push(...this.#vmstatTables(text));
    return tables.filter((table) => table.rows > 0);
  }

  close(): void {
    this.#vmstat.close();
    this.#swaps.close();
  }

  #vmstatTables(text: Text): AnyTable[] {
    if (text.length === 0) throw text.first().malformed('the file is empty');
    const vmstat = this.#numbers.read(text);
    return [this.#faultsTable(vmstat), ...movedTables(vmstat), reclaimTable(vmstat)];
  }

  #faultsTable({ faults: all, faults_major: major }: Vmstat): AnyTable {
    const table = faults.table();
    if (all === undefined || major === undefined) return table;
    // A major fault is counted when it begins and among all faults when it ends: the difference can take a step back.
    this.#minor = all < this.#faults ? all - major : Math.max(this.#minor, all - major);
    this.#faults = all;
    return table.add(['major'], { faults: major }).add(['minor'], { faults: this.#minor });
  }
}

/** Empty where there is no swap, and where the kernel knows none (no such file). */
function swapTable(file: HotFile): AnyTable {
  const table = usage.table();
  for (const row of file.maybe()?.rows() ?? []) {
    // The first line has the names of the columns.
    if (row.line === 1 || row.count === 0) continue;
    if (row.count < SWAP_COLUMNS) throw row.malformed(`fewer than ${SWAP_COLUMNS} columns`);
    const device = unescapeOctal(row.text(0));
    const [size, used] = [row.number(2), row.number(3)];
    const add = (state: string, kib: number): void => {
      table.add([device, state], { usage: kib * KIB, utilization: size > 0 ? kib / size : undefined });
    };
    add('used', used);
    add('free', size - used);
  }
  return table;
}

function movedTables(vmstat: Vmstat): AnyTable[] {
  const [swapped, moved] = [operations.table(), io.table()];
  if (vmstat.swapped_in !== undefined) swapped.add(['major', 'in'], { operations: vmstat.swapped_in });
  if (vmstat.swapped_out !== undefined) swapped.add(['major', 'out'], { operations: vmstat.swapped_out });
  if (vmstat.paged_in !== undefined) moved.add(['in'], { io: vmstat.paged_in * KIB });
  if (vmstat.paged_out !== undefined) moved.add(['out'], { io: vmstat.paged_out * KIB });
  return [swapped, moved];
}

function reclaimTable(vmstat: Vmstat): AnyTable {
  const values = {
    scanned_kswapd: vmstat.scanned_kswapd ?? vmstat.zones_scanned_kswapd,
    scanned_direct: vmstat.scanned_direct ?? vmstat.zones_scanned_direct,
    stolen_kswapd: vmstat.stolen_kswapd ?? vmstat.zones_stolen_kswapd,
    stolen_direct: vmstat.stolen_direct ?? vmstat.zones_stolen_direct,
    allocation_stalls: vmstat.allocation_stalls,
    refaults: vmstat.refaults,
    oom_kills: vmstat.oom_kills,
  };
  const table = reclaim.table();
  return Object.values(values).some((value) => value !== undefined) ? table.add([], values) : table;
}
