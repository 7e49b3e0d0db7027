/**
 * Control groups: what a container, a service or a pod uses of the machine, and what it may use.
 * From the cgroup filesystems, version 2 and 1: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/
 */
import * as z from 'zod';
import { Forest } from '../src/cgroup/forest.ts';
import type { Cpu, DeviceIo, Group, Limits, Memory, MemoryEvents, Pids } from '../src/cgroup/group.ts';
import { findHierarchies, ownCgroup, ownPaths } from '../src/cgroup/mounts.ts';
import { pathPattern, wrongPattern } from '../src/cgroup/tree.ts';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { duration } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

const groups = defineSchema({
  type: 'cgroup',
  doc: 'How many cgroups are sampled.',
  attributes: [],
  fields: {
    count: updowncounter('{cgroup}', 'Cgroups that are sampled: our own and those that `paths` names.'),
    omitted: updowncounter(
      '{cgroup}',
      'Cgroups that `paths` names and that are not sampled, because they are more than `limit`.',
    ),
  },
});

const cpu = defineSchema({
  type: 'cgroup.cpu',
  doc: 'CPU time of a cgroup and all below it.',
  attributes: ['cgroup.path', 'cpu.mode'],
  fields: { time: counter('s', 'CPU time, in steps of 10 ms with cgroup version 1.') },
});

const quota = defineSchema({
  type: 'cgroup.cpu',
  doc: 'How much CPU time a cgroup may have, and how often that was not enough.',
  attributes: ['cgroup.path'],
  fields: {
    limit: updowncounter(
      '{cpu}',
      "CPUs that it may use: its quota divided by its period. Absent without a quota; a parent's is not counted.",
    ),
    periods: counter('{period}', 'Periods in which it had something to run.'),
    throttled_periods: counter('{period}', 'Periods in which it used up its quota and was stopped.'),
    throttled_time: counter('s', 'Time for which it was stopped, summed over CPUs.'),
  },
});

const memory = defineSchema({
  type: 'cgroup.memory',
  doc: 'Memory of a cgroup and all below it.',
  attributes: ['cgroup.path'],
  fields: {
    usage: updowncounter('By', 'Memory in use, page cache included.'),
    limit: updowncounter(
      'By',
      "The most that it may use before the kernel kills. Absent without a limit; a parent's is not counted.",
    ),
    high: updowncounter(
      'By',
      'Usage from which the kernel slows it down and reclaims. Version 2 only; absent when there is none.',
    ),
    peak: gauge('By', 'The highest usage since the cgroup was made, or since the record was reset.'),
    working_set: updowncounter('By', 'Usage without the page cache that was not used of late: what is hard to reclaim.'),
    anon: updowncounter('By', 'Memory that no file is behind.'),
    file: updowncounter('By', 'Page cache, shared memory and tmpfs included.'),
    kernel: updowncounter('By', "The kernel's own memory on its behalf."),
    slab: updowncounter('By', "The kernel's data structures, part of `kernel`. Version 2 only."),
    sock: updowncounter('By', 'Network buffers; of TCP alone with version 1.'),
    swap_usage: updowncounter('By', 'Swap in use.'),
    swap_limit: updowncounter(
      'By',
      'The most swap that it may use. Absent without a limit. Version 1 limits memory and swap together: their limit less that of memory.',
    ),
  },
});

const events = defineSchema({
  type: 'cgroup.memory.events',
  doc: 'What a cgroup met when memory ran short.',
  attributes: ['cgroup.path'],
  fields: {
    low: counter('{event}', 'Memory was reclaimed from it although it was within its protection. Version 2 only.'),
    high: counter('{event}', 'It was slowed down, being above `high`. Version 2 only.'),
    max: counter('{event}', 'It was about to exceed its limit. With version 1, of the cgroup alone, without those below it.'),
    oom: counter('{event}', 'An allocation was about to fail, and the kernel looked for something to kill. Version 2 only.'),
    oom_kill: counter('{process}', 'Processes of it that the kernel killed for want of memory.'),
  },
});

const disk = defineSchema({
  type: 'cgroup.disk',
  doc: 'What a cgroup and all below it read from and wrote to block devices.',
  attributes: ['cgroup.path', 'system.device', 'disk.io.direction'],
  fields: {
    io: counter('By', 'Bytes read or written.'),
    operations: counter('{operation}', 'Requests made.'),
  },
});

const pids = defineSchema({
  type: 'cgroup.pids',
  doc: 'Processes and threads of a cgroup and all below it.',
  attributes: ['cgroup.path'],
  fields: {
    current: updowncounter('{task}', 'Processes and threads.'),
    limit: updowncounter('{task}', 'The most that it may have. Absent without a limit.'),
    limit_events: counter('{event}', 'How often a fork failed because of the limit.'),
  },
});

const pressure = defineSchema({
  type: 'cgroup.pressure',
  doc: 'How much of the time tasks of a cgroup waited for a resource (PSI). Version 2 only.',
  attributes: ['cgroup.path', 'pressure.resource', 'pressure.scope'],
  fields: {
    avg10: gauge('1', 'Share of the last 10 s in which some, or all, of its tasks waited.'),
    avg60: gauge('1', 'The same for the last 60 s.'),
    avg300: gauge('1', 'The same for the last 300 s.'),
    time: counter('s', 'Time for which some, or all, of its tasks waited.'),
  },
});

const RESOURCES = ['cpu', 'memory', 'io'] as const;
const MICROSECONDS = 1e6;

const options = z.strictObject({
  paths: z
    .array(
      z.string().superRefine((pattern, context) => {
        const wrong = wrongPattern(pattern);
        if (wrong)
          context.addIssue({
            code: 'custom',
            message: `${JSON.stringify(pattern)} ${wrong}; write it as system.slice/*.service`,
          });
      }),
    )
    .default([])
    .describe(
      'Cgroups to sample beside our own, as patterns over their paths: `*`, `?` and `{a,b}` within a name, `**` for any number of names.',
    )
    .meta({ examples: [['system.slice/*.service', 'kubepods.slice/**']] }),
  limit: z.int().min(1).max(10_000).default(500).describe('The most cgroups to sample; those beyond it, by name, are counted.'),
  rescan: duration({ min: 1000 })
    .prefault('10s')
    .describe('How often to look for cgroups that came or went, and for changed limits.'),
});

export default defineSensor({
  name: 'cgroup',
  summary: 'CPU, memory, disk I/O, tasks and pressure of our own control group and of named ones, from the cgroup filesystems.',
  emits: [groups, cpu, quota, memory, events, disk, pids, pressure],
  options,
  open(host, { paths, limit, rescan }) {
    if (host.platform !== 'linux') throw new Unavailable(`control groups are a part of Linux; this is ${host.platform}`);
    const hierarchies = findHierarchies(host);
    if (hierarchies.length === 0)
      throw new Unavailable('no control group can be seen from here, because /proc/self/mountinfo lists no cgroup filesystem');
    const memberships = ownPaths(host);
    if (paths.length === 0 && !hierarchies.some((hierarchy) => ownCgroup(host, hierarchy, memberships)))
      throw new Unavailable(
        'our own control group cannot be seen from here, because no mount shows it, and `paths` names no other',
      );
    return new CgroupSampler(new Forest(host, hierarchies, { patterns: paths.map(pathPattern), limit, rescan }));
  },
});

const newTables = () => ({
  groups: groups.table(),
  cpu: cpu.table(),
  quota: quota.table(),
  memory: memory.table(),
  events: events.table(),
  disk: disk.table(),
  pids: pids.table(),
  pressure: pressure.table(),
});
type Tables = ReturnType<typeof newTables>;

class CgroupSampler implements Sampler {
  readonly #forest: Forest;

  constructor(forest: Forest) {
    this.#forest = forest;
  }

  sample(): AnyTable[] {
    const tables = newTables();
    for (const { from, parts, members } of this.#forest.trees()) {
      for (const { group, limits } of members) {
        if (parts.has('cpu')) addCpu(tables, group.path, from.cpu(group), limits);
        if (parts.has('memory')) addMemory(tables, group.path, from.memory(group), from.events(group), limits);
        if (parts.has('disk')) this.#addDisk(tables, group.path, from.devices(group));
        if (parts.has('pids')) addPids(tables, group.path, from.pids(group), limits);
        if (parts.has('pressure')) for (const resource of RESOURCES) addPressure(tables, group, resource);
      }
    }
    tables.groups.add([], { count: this.#forest.count, omitted: this.#forest.omitted });
    return Object.values(tables).filter((table) => table.rows > 0);
  }

  close(): void {
    this.#forest.close();
  }

  #addDisk({ disk }: Tables, path: string, devices: ReadonlyMap<string, DeviceIo>): void {
    for (const [number, { read, reads, write, writes }] of devices) {
      const device = this.#forest.blocks.name(number);
      if (present(read, reads)) disk.add([path, device, 'read'], { io: read, operations: reads });
      if (present(write, writes)) disk.add([path, device, 'write'], { io: write, operations: writes });
    }
  }
}

/** Whether there is anything to say: a cgroup may be gone, or lack the controller. */
const present = (...numbers: readonly (number | undefined)[]): boolean => numbers.some((number) => number !== undefined);

function addCpu({ cpu, quota }: Tables, path: string, { user, system, ...throttling }: Cpu, limits: Limits): void {
  if (user !== undefined) cpu.add([path, 'user'], { time: user });
  if (system !== undefined) cpu.add([path, 'system'], { time: system });
  if (present(throttling.periods, limits.cpu)) quota.add([path], { limit: limits.cpu, ...throttling });
}

function addMemory({ memory, events }: Tables, path: string, used: Memory, met: MemoryEvents, limits: Limits): void {
  // Limits alone are those of a cgroup that was removed since they were read.
  if (present(used.usage, used.anon, used.swap_usage))
    memory.add([path], { ...used, limit: limits.memory, high: limits.high, swap_limit: limits.swap });
  if (present(met.max, met.oom_kill)) events.add([path], { ...met });
}

function addPids({ pids }: Tables, path: string, { current, limit_events }: Pids, limits: Limits): void {
  if (present(current, limit_events)) pids.add([path], { current, limit: limits.pids, limit_events });
}

/** The kernel writes percent with two decimals. */
const share = (percent: number): number => Math.round(percent * 100) / 1e4;

/** `some avg10=0.00 avg60=0.00 avg300=0.04 total=8556270`, shares in percent and the total in microseconds. */
function addPressure({ pressure }: Tables, group: Group, resource: (typeof RESOURCES)[number]): void {
  for (const row of group.text(`${resource}.pressure`)?.rows() ?? []) {
    if (row.count === 0) continue;
    pressure.add([group.path, resource, row.text(0)], {
      avg10: share(row.numberFrom(1, 'avg10='.length)),
      avg60: share(row.numberFrom(2, 'avg60='.length)),
      avg300: share(row.numberFrom(3, 'avg300='.length)),
      time: row.numberFrom(4, 'total='.length) / MICROSECONDS,
    });
  }
}
