/** Memory by state, slabs, huge pages, commitment, from `<proc>/meminfo`. proc_meminfo(5), https://docs.kernel.org/filesystems/proc.html#meminfo */
import os from 'node:os';
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type HotFile, requirePath } from '../src/host.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { keyBytes, type Text } from '../src/text.ts';

/** meminfo writes kB and means KiB. */
const KIB = 1024;

const usage = defineSchema({
  type: 'system.memory',
  doc: 'Memory by state. The states add up to the limit.',
  attributes: ['system.memory.state'],
  fields: {
    usage: updowncounter('By', 'used is what is neither free, nor buffers, nor cached; reclaimable slabs count as cached.'),
    utilization: gauge('1', 'Share of the limit.'),
  },
});

const total = defineSchema({
  type: 'system.memory',
  doc: 'Memory that there is.',
  attributes: [],
  fields: { limit: updowncounter('By', 'Memory that the kernel can use.') },
});

// `available`, `shared`, `slab` and `hugepages` are conventions; the others follow them with the names of meminfo.
const linux = defineSchema({
  type: 'system.memory.linux',
  doc: 'What the kernel says of memory beyond its states. Absent is what this kernel does not count.',
  attributes: [],
  fields: {
    available: updowncounter('By', 'Estimate of what programs can still get without swapping.'),
    shared: updowncounter('By', 'Shared memory and tmpfs.'),
    active: updowncounter('By', 'Used lately, and reclaimed last.'),
    inactive: updowncounter('By', 'Not used lately, and reclaimed first.'),
    anonymous: updowncounter('By', 'Pages of programs that no file backs.'),
    mapped: updowncounter('By', 'Files mapped into programs.'),
    unevictable: updowncounter('By', 'Cannot be reclaimed, locked pages among it.'),
    dirty: updowncounter('By', 'Waits to be written to disk.'),
    writeback: updowncounter('By', 'Is being written to disk.'),
    kernel_stack: updowncounter('By', 'Stacks of threads in the kernel.'),
    page_tables: updowncounter('By', 'Page tables of programs.'),
    committed: updowncounter('By', 'Memory promised to programs, used or not.'),
    commit_limit: updowncounter('By', 'The most that may be promised where overcommit is off.'),
    corrupted: updowncounter('By', 'Taken out of use because the hardware reported errors.'),
  },
});

const slab = defineSchema({
  type: 'system.memory.linux.slab',
  doc: "The kernel's own data structures.",
  attributes: ['system.memory.linux.slab.state'],
  fields: { usage: updowncounter('By', 'Slabs that can be reclaimed under pressure, and that cannot.') },
});

const hugeStates = defineSchema({
  type: 'system.memory.linux.hugepages',
  doc: 'Huge pages of the default size by state.',
  attributes: ['system.memory.linux.hugepages.state'],
  fields: {
    usage: updowncounter('{page}', 'Huge pages that are used, and free.'),
    utilization: gauge('1', 'Share of the pool. Absent without one.'),
  },
});

const huge = defineSchema({
  type: 'system.memory.linux.hugepages',
  doc: 'The pool of huge pages of the default size.',
  attributes: [],
  fields: {
    limit: updowncounter('{page}', 'Size of the pool.'),
    page_size: updowncounter('By', 'Size of a page of it.'),
    reserved: updowncounter('{page}', 'Promised and not yet used.'),
    surplus: updowncounter('{page}', 'Above the size that was set.'),
  },
});

/** Keys of meminfo by field. */
const LINUX = {
  available: 'MemAvailable:',
  shared: 'Shmem:',
  active: 'Active:',
  inactive: 'Inactive:',
  anonymous: 'AnonPages:',
  mapped: 'Mapped:',
  unevictable: 'Unevictable:',
  dirty: 'Dirty:',
  writeback: 'Writeback:',
  kernel_stack: 'KernelStack:',
  page_tables: 'PageTables:',
  committed: 'Committed_AS:',
  commit_limit: 'CommitLimit:',
  corrupted: 'HardwareCorrupted:',
} as const;
const LINUX_KEYS = Object.entries(LINUX).map(([field, key]) => [field as keyof typeof LINUX, keyBytes(key)] as const);
const [TOTAL, FREE, BUFFERS, CACHED, RECLAIMABLE, UNRECLAIMABLE] = [
  'MemTotal:',
  'MemFree:',
  'Buffers:',
  'Cached:',
  'SReclaimable:',
  'SUnreclaim:',
].map(keyBytes) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
const [HUGE_TOTAL, HUGE_FREE, HUGE_RESERVED, HUGE_SURPLUS, HUGE_SIZE] = [
  'HugePages_Total:',
  'HugePages_Free:',
  'HugePages_Rsvd:',
  'HugePages_Surp:',
  'Hugepagesize:',
].map(keyBytes) as [Buffer, Buffer, Buffer, Buffer, Buffer];

export default defineSensor({
  name: 'memory',
  summary: 'Memory by state, slabs, huge pages and commitment, from /proc/meminfo.',
  emits: [usage, total, linux, slab, hugeStates, huge],
  options: z.strictObject({}),
  open(host) {
    if (host.platform === 'darwin' && host.live) return { sample: sampleNodeOs };
    if (host.platform !== 'linux') throw new Unavailable(`memory is read from Linux' /proc; this is ${host.platform}`);
    requirePath(host, host.procPath('meminfo'), 'memory');
    return new LinuxMemory(host.proc('meminfo'));
  },
});

class LinuxMemory implements Sampler {
  readonly #meminfo: HotFile;

  constructor(meminfo: HotFile) {
    this.#meminfo = meminfo;
  }

  sample(): AnyTable[] {
    const text = this.#meminfo.read();
    const [unreclaimable, reclaimable] = [bytes(text, UNRECLAIMABLE), bytes(text, RECLAIMABLE)];
    const tables: AnyTable[] = [...states(text, reclaimable ?? 0), linuxTable(text)];
    if (reclaimable !== undefined && unreclaimable !== undefined) {
      tables.push(slab.table().add(['reclaimable'], { usage: reclaimable }).add(['unreclaimable'], { usage: unreclaimable }));
    }
    return [...tables, ...hugeTables(text)];
  }

  close(): void {
    this.#meminfo.close();
  }
}

const bytes = (text: Text, key: Buffer): number | undefined => {
  const kib = text.numberAfter(key);
  return kib === undefined ? undefined : kib * KIB;
};

function states(text: Text, reclaimable: number): AnyTable[] {
  const [limit, free] = [bytes(text, TOTAL), bytes(text, FREE)];
  if (limit === undefined || free === undefined) throw text.first().malformed('no MemTotal or no MemFree');
  const [buffers, cached] = [bytes(text, BUFFERS) ?? 0, (bytes(text, CACHED) ?? 0) + reclaimable];
  const table = usage.table();
  const add = (state: string, value: number): void =>
    void table.add([state], { usage: value, utilization: limit > 0 ? value / limit : undefined });
  add('used', Math.max(0, limit - free - buffers - cached));
  add('free', free);
  add('buffers', buffers);
  add('cached', cached);
  return [table, total.table().add([], { limit })];
}

function linuxTable(text: Text): AnyTable {
  const values = {} as Record<keyof typeof LINUX, number | undefined>;
  for (const [field, key] of LINUX_KEYS) values[field] = bytes(text, key);
  return linux.table().add([], values);
}

/** Two tables, or none where the kernel has no huge pages. These are counts: they carry no unit in meminfo. */
function hugeTables(text: Text): AnyTable[] {
  const [limit, free] = [text.numberAfter(HUGE_TOTAL), text.numberAfter(HUGE_FREE)];
  if (limit === undefined || free === undefined) return [];
  const share = (pages: number): number | undefined => (limit > 0 ? pages / limit : undefined);
  return [
    hugeStates
      .table()
      .add(['used'], { usage: limit - free, utilization: share(limit - free) })
      .add(['free'], { usage: free, utilization: share(free) }),
    huge.table().add([], {
      limit,
      page_size: bytes(text, HUGE_SIZE),
      reserved: text.numberAfter(HUGE_RESERVED),
      surplus: text.numberAfter(HUGE_SURPLUS),
    }),
  ];
}

function sampleNodeOs(): AnyTable[] {
  const [limit, free] = [os.totalmem(), os.freemem()];
  const table = usage
    .table()
    .add(['used'], { usage: limit - free, utilization: (limit - free) / limit })
    .add(['free'], { usage: free, utilization: free / limit });
  return [table, total.table().add([], { limit })];
}
