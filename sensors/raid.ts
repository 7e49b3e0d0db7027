/** Arrays of Linux' software RAID, from `<proc>/mdstat`: md(4). */
import * as z from 'zod';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type HotFile, requirePath } from '../src/host.ts';
import { type ArrayState, parseMdstat } from '../src/raid/mdstat.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

const status = defineSchema({
  type: 'hw',
  doc: 'Whether each array is ok, degraded (a member is missing) or failed (it is not active): the state that it is in is 1, the others 0.',
  attributes: ['hw.id', 'hw.type', 'hw.state'],
  fields: { status: updowncounter('1', '1 for the state that it is in.') },
});

const size = defineSchema({
  type: 'hw.logical_disk',
  doc: 'Size of each array.',
  attributes: ['hw.id', 'hw.logical_disk.raid_level'],
  fields: { limit: updowncounter('By', 'What it can hold.') },
});

// What follows has no convention.
const arrays = defineSchema({
  type: 'system.raid',
  doc: 'Each array. Its state is active, inactive or broken; its access read-write, read-only, or auto-read-only until it is first written.',
  attributes: ['system.device', 'raid.level', 'raid.state', 'raid.access'],
  fields: {
    wanted: updowncounter(
      '{disk}',
      'Members that it should have. Absent where the level has no redundancy, and while it is inactive.',
    ),
    working: updowncounter('{disk}', 'Members of these that work.'),
  },
});

const members = defineSchema({
  type: 'system.raid.member',
  doc: 'Each member of each array: active, faulty, spare or journal.',
  attributes: ['system.device', 'raid.member', 'raid.member.state'],
  fields: { info: gauge('1', 'Always 1.') },
});

const counts = defineSchema({
  type: 'system.raid.member',
  doc: 'Members of each array by state: active, faulty, spare, journal.',
  attributes: ['system.device', 'raid.member.state'],
  fields: { count: updowncounter('{disk}', 'Members in this state.') },
});

const sync = defineSchema({
  type: 'system.raid.sync',
  doc: 'What an array does beside its work: recovery, resync, reshape, check, repair; running, delayed, pending or remote. None when it does nothing.',
  attributes: ['system.device', 'raid.sync.action', 'raid.sync.state'],
  fields: {
    progress: gauge('1', 'Share that is done. Absent while it waits.'),
    done: gauge('By', 'How much is done, of one member.'),
    total: gauge('By', 'How much there is to do.'),
    speed: gauge('By/s', 'How fast it goes.'),
    time_left: gauge('s', 'How long it will take, as the kernel reckons.'),
  },
});

export default defineSensor({
  name: 'raid',
  summary: 'State, members and recovery of each array of software RAID, from /proc/mdstat.',
  emits: [status, size, arrays, members, counts, sync],
  options: z.strictObject({}),
  open(host) {
    requirePath(host, host.procPath('mdstat'), 'software RAID (the module md_mod)');
    return new Raid(host.proc('mdstat'));
  },
});

const STATES = ['ok', 'degraded', 'failed'] as const;
const MEMBER_STATES = ['active', 'faulty', 'spare', 'journal'] as const;

/** What a member's letters say: `(W)`, write mostly, and `(R)`, a replacement, are states of a member that works. */
function memberState(flags: string): (typeof MEMBER_STATES)[number] {
  if (flags.includes('F')) return 'faulty';
  if (flags.includes('S')) return 'spare';
  return flags.includes('J') ? 'journal' : 'active';
}

function stateOf({ state, wanted, working }: ArrayState): (typeof STATES)[number] {
  if (state !== 'active') return 'failed';
  return wanted !== undefined && working !== undefined && working < wanted ? 'degraded' : 'ok';
}

class Raid implements Sampler {
  readonly #file: HotFile;

  constructor(file: HotFile) {
    this.#file = file;
  }

  sample(): AnyTable[] {
    const tables = {
      status: status.table(),
      size: size.table(),
      arrays: arrays.table(),
      members: members.table(),
      counts: counts.table(),
      sync: sync.table(),
    };
    for (const array of parseMdstat(this.#file.read())) {
      const { name, level = '', access, wanted, working } = array;
      const is = stateOf(array);
      for (const state of STATES) tables.status.add([name, 'logical_disk', state], { status: state === is ? 1 : 0 });
      if (array.size !== undefined) tables.size.add([name, level], { limit: array.size });
      tables.arrays.add([name, level, array.state, access], { wanted, working });
      const states = array.members.map(({ flags }) => memberState(flags));
      array.members.forEach((member, index) => tables.members.add([name, member.name, states[index] as string], { info: 1 }));
      for (const state of MEMBER_STATES)
        tables.counts.add([name, state], { count: states.filter((one) => one === state).length });
      if (!array.sync) continue;
      const { action, state, progress, done, total, speed, left } = array.sync;
      tables.sync.add([name, action, state], { progress, done, total, speed, time_left: left });
    }
    return Object.values(tables).filter(({ rows }) => rows > 0);
  }

  close(): void {
    this.#file.close();
  }
}
