/**
 * Memory by state, slabs, huge pages, commitment, from `<proc>/meminfo`.
 * https://docs.kernel.org/filesystems/proc.html#meminfo
 */
import os from 'node:os';
import * as z from 'zod';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type HotFile, requirePath } from '../src/host.ts';
import { KeyedNumbers } from '../src/keyed.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

/** meminfo writes kB and means KiB. */
const KIB = 1024;

// What is used and cached is as the OpenTelemetry collector and free(1) before procps 4 have it. What they count twice (shared
// memory within cached, slabs as states of their own) stands apart, so that the states add up.
const usage = defineSchema({
  type: 'system.memory',
  doc: 'Memory by state: used, free, buffers, cached. The states add up to the limit.',
  attributes: ['system.memory.state'],
  fields: {
    usage: updowncounter(
      'By',
      'cached is the page cache, shared memory and reclaimable slabs; used is what is in no other state.',
    ),
    utilization: gauge('1', 'Share of the limit.'),
  },
});

const total = defineSchema({
  type: 'system.memory',
  doc: 'Memory that there is.',
  attributes: [],
  fields: { limit: updowncounter('By', 'Memory that the kernel can use: all but what it and the firmware keep from the start.') },
});

/** Fields of `system.memory.linux` and their keys. `available` and `shared` are conventions; the others are words of meminfo. */
const LINUX = {
  available: 'MemAvailable:',
  shared: 'Shmem:',
  active: 'Active:',
  inactive: 'Inactive:',
  unevictable: 'Unevictable:',
  mlocked: 'Mlocked:',
  anonymous: 'AnonPages:',
  anonymous_huge: 'AnonHugePages:',
  mapped: 'Mapped:',
  dirty: 'Dirty:',
  writeback: 'Writeback:',
  kernel_stack: 'KernelStack:',
  page_tables: 'PageTables:',
  percpu: 'Percpu:',
  vmalloc_used: 'VmallocUsed:',
  swap_cached: 'SwapCached:',
  zswap: 'Zswap:',
  zswapped: 'Zswapped:',
  committed: 'Committed_AS:',
  commit_limit: 'CommitLimit:',
  corrupted: 'HardwareCorrupted:',
} as const;
type LinuxField = keyof typeof LINUX;
const LINUX_FIELDS = Object.keys(LINUX) as LinuxField[];

const linux = defineSchema({
  type: 'system.memory.linux',
  doc: 'What Linux says of memory beyond its states. Absent is what this kernel does not count.',
  attributes: [],
  fields: {
    available: updowncounter('By', 'Estimate of what programs can still get without swapping.'),
    shared: updowncounter('By', 'Shared memory and tmpfs; a part of cached.'),
    active: updowncounter('By', 'Used lately; reclaimed last.'),
    inactive: updowncounter('By', 'Not used lately; reclaimed first.'),
    unevictable: updowncounter('By', 'What cannot be reclaimed, locked pages among it.'),
    mlocked: updowncounter('By', 'Locked by programs, with mlock(2).'),
    anonymous: updowncounter('By', 'Memory of programs that no file is behind.'),
    anonymous_huge: updowncounter('By', 'The part of it in transparent huge pages.'),
    mapped: updowncounter('By', 'Files that programs have mapped.'),
    dirty: updowncounter('By', 'What waits to be written to disk.'),
    writeback: updowncounter('By', 'What is being written to disk.'),
    kernel_stack: updowncounter('By', "The kernel's stacks, one a thread."),
    page_tables: updowncounter('By', 'Page tables of programs.'),
    percpu: updowncounter('By', "The kernel's memory that each CPU has of its own."),
    vmalloc_used: updowncounter('By', "The kernel's memory that is not contiguous, modules among it."),
    swap_cached: updowncounter('By', 'What is in swap space and in memory as well.'),
    zswap: updowncounter('By', 'Memory that compressed swap takes.'),
    zswapped: updowncounter('By', 'What is in compressed swap, before compression.'),
    committed: updowncounter('By', 'What programs have been promised, whether they use it or not.'),
    commit_limit: updowncounter(
      'By',
      'The most that may be promised, where overcommitting is forbidden (vm.overcommit_memory=2).',
    ),
    corrupted: updowncounter('By', 'Taken out of use because the hardware reported errors.'),
  } satisfies Record<LinuxField, unknown>,
});

const slab = defineSchema({
  type: 'system.memory.linux.slab',
  doc: "The kernel's own data structures: reclaimable, unreclaimable.",
  attributes: ['system.memory.linux.slab.state'],
  fields: { usage: updowncounter('By', 'reclaimable is a part of cached, unreclaimable of used.') },
});

const hugepageStates = defineSchema({
  type: 'system.memory.linux.hugepages',
  doc: 'Huge pages of the default size by state: used, free.',
  attributes: ['system.memory.linux.hugepages.state'],
  fields: {
    usage: updowncounter('{page}', 'Huge pages in this state. Reserved ones are free until they are used.'),
    utilization: gauge('1', 'Share of the pool. Absent while the pool is empty.'),
  },
});

const hugepages = defineSchema({
  type: 'system.memory.linux.hugepages',
  doc: 'The pool of huge pages of the default size.',
  attributes: [],
  fields: {
    limit: updowncounter('{page}', 'Huge pages that there are.'),
    page_size: updowncounter('By', 'Size of one.'),
    reserved: updowncounter('{page}', 'Promised to programs, and still free.'),
    surplus: updowncounter('{page}', 'More than the number that was set (vm.nr_hugepages).'),
  },
});

const KEYS = {
  ...LINUX,
  limit: 'MemTotal:',
  free: 'MemFree:',
  buffers: 'Buffers:',
  pages: 'Cached:',
  slab_reclaimable: 'SReclaimable:',
  slab_unreclaimable: 'SUnreclaim:',
  huge_limit: 'HugePages_Total:',
  huge_free: 'HugePages_Free:',
  huge_reserved: 'HugePages_Rsvd:',
  huge_surplus: 'HugePages_Surp:',
  huge_size: 'Hugepagesize:',
} as const;
type Meminfo = Readonly<Record<keyof typeof KEYS, number | undefined>>;

export default defineSensor({
  name: 'memory',
  summary: 'Memory by state, slabs, huge pages and commitment, from /proc/meminfo.',
  emits: [usage, total, linux, slab, hugepageStates, hugepages],
  options: z.strictObject({}),
  open(host) {
    if (host.platform === 'darwin' && host.live) return { sample: sampleNodeOs };
    requirePath(host, host.procPath('meminfo'), 'memory');
    return new ProcMeminfo(host.proc('meminfo', 'at once'));
  },
});

class ProcMeminfo implements Sampler {
  readonly #file: HotFile;
  readonly #numbers = new KeyedNumbers(KEYS);

  constructor(file: HotFile) {
    this.#file = file;
  }

  sample(): AnyTable[] {
    const text = this.#file.read();
    const meminfo = this.#numbers.read(text);
    const { limit, free } = meminfo;
    if (limit === undefined || free === undefined) throw text.first().malformed('no MemTotal or no MemFree');
    return [...stateTables(limit, free, meminfo), linuxTable(meminfo), ...slabTables(meminfo), ...hugepageTables(meminfo)];
  }

  close(): void {
    this.#file.close();
  }
}

const bytes = (kib: number | undefined): number | undefined => (kib === undefined ? undefined : kib * KIB);

function stateTables(limit: number, free: number, meminfo: Meminfo): AnyTable[] {
  const buffers = meminfo.buffers ?? 0;
  const cached = (meminfo.pages ?? 0) + (meminfo.slab_reclaimable ?? 0);
  const rest = limit - free - buffers - cached;
  const table = usage.table();
  const add = (state: string, kib: number): void => {
    table.add([state], { usage: kib * KIB, utilization: limit > 0 ? kib / limit : undefined });
  };
  // A container's meminfo may count the cache of the whole machine. Then used is all that is not free, as free(1) has it.
  add('used', rest >= 0 ? rest : limit - free);
  add('free', free);
  add('buffers', buffers);
  add('cached', cached);
  return [table, total.table().add([], { limit: limit * KIB })];
}

function linuxTable(meminfo: Meminfo): AnyTable {
  const values = {} as Record<LinuxField, number | undefined>;
  for (const field of LINUX_FIELDS) values[field] = bytes(meminfo[field]);
  return linux.table().add([], values);
}

function slabTables({ slab_reclaimable: reclaimable, slab_unreclaimable: unreclaimable }: Meminfo): AnyTable[] {
  if (reclaimable === undefined || unreclaimable === undefined) return [];
  return [
    slab
      .table()
      .add(['reclaimable'], { usage: reclaimable * KIB })
      .add(['unreclaimable'], { usage: unreclaimable * KIB }),
  ];
}

/** Pages are numbers, not sizes. No tables where the kernel has no huge pages. */
function hugepageTables(meminfo: Meminfo): AnyTable[] {
  const { huge_limit: limit, huge_free: free } = meminfo;
  if (limit === undefined || free === undefined) return [];
  const states = hugepageStates.table();
  for (const [state, pages] of [['used', limit - free] as const, ['free', free] as const])
    states.add([state], { usage: pages, utilization: limit > 0 ? pages / limit : undefined });
  const pool = hugepages.table().add([], {
    limit,
    page_size: bytes(meminfo.huge_size),
    reserved: meminfo.huge_reserved,
    surplus: meminfo.huge_surplus,
  });
  return [states, pool];
}

/** What `node:os` knows where there is no /proc: what is cached is within used. */
function sampleNodeOs(): AnyTable[] {
  const [limit, free] = [os.totalmem(), os.freemem()];
  const table = usage.table();
  table.add(['used'], { usage: limit - free, utilization: (limit - free) / limit });
  table.add(['free'], { usage: free, utilization: free / limit });
  return [table, total.table().add([], { limit })];
}
