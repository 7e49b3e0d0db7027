/**
 * Random lives of processes against a model that knows all: what a group shows never falls, and is what its members used.
 *
 * The model is a kernel: it moves the counters of a child to the parent that waits for it, as wait4(2) does. In a *calm* machine
 * every process is waited for, and only by the leader or a child of the leader; then the group must show exactly what was used. In a
 * *wild* one processes are orphaned, reaped by nobody, and nested deeply; then what is shown lies between what was read of the
 * members and what they used. A *torn* one is calm, but each scan sees some processes as they were a moment before; then the group
 * may run ahead for a while, and must be right again once its leader has used enough.
 */
import { describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import type { Sampler } from '../../src/sensor.ts';
import { open, sample } from '../support.ts';
import { by, ProcFolder, type Shown } from './proc-folder.ts';

const LEADER = 2;
const INIT = 1;
const SAMPLES = 60;
const ACTIONS_MAX = 8;

interface Life {
  readonly pid: number;
  readonly start: number;
  readonly depth: number;
  parent: number;
  user: number;
  minor: number;
  read: number;
  childrenUser: number;
  childrenMinor: number;
  zombie: boolean;
  /** It ignores SIGCHLD: its children are reaped by nobody. */
  readonly careless: boolean;
}

type Kind = 'calm' | 'wild' | 'torn';

/** Numbers below 2^32 from a seed: mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

class Machine {
  readonly lives = new Map<number, Life>();
  /** What the leader and all that descend from it used. */
  used = { user: 0, minor: 0, read: 0 };
  readonly #random: (below: number) => number;
  readonly #kind: Kind;
  readonly #orphans = new Set<number>();
  #tick = 100;
  #next = 10;

  constructor(random: (below: number) => number, kind: Kind) {
    this.#random = random;
    this.#kind = kind;
    for (const pid of [INIT, LEADER]) this.#bear(pid, 0, pid - 2);
    this.life(LEADER).parent = INIT;
  }

  life(pid: number): Life {
    return this.lives.get(pid) as Life;
  }

  act(): void {
    const members = [...this.lives.values()].filter((life) => life.pid !== INIT);
    const one = members[this.#random(members.length)] as Life;
    switch (this.#random(5)) {
      case 0:
      case 1:
        return this.#spawn(one);
      case 2:
        if (one.pid !== LEADER) this.#end(one);
        return;
      case 3:
        this.#reapSome();
        return;
      default:
        if (!one.zombie) this.use(one, this.#random(40));
    }
  }

  use(life: Life, user: number): void {
    const [minor, read] = [user * 3 + 1, user * 512];
    life.user += user;
    life.minor += minor;
    life.read += read;
    if (life.pid === INIT) return;
    this.used = { user: this.used.user + user, minor: this.used.minor + minor, read: this.used.read + read };
  }

  #spawn(parent: Life): void {
    const deepest = this.#kind === 'wild' ? 6 : 2;
    if (parent.zombie || parent.depth >= deepest || this.lives.size > 30) return;
    // Numbers are used again soon, so that a new process gets that of one that was there at the last sample. Not so those of
    // orphans and theirs, which may be no members: who is none is not read at every scan, and not seen to be another.
    const taken = this.lives.has(this.#next) || this.#orphans.has(this.#next);
    const pid = taken ? 200 + this.#tick : this.#next;
    this.#next = 10 + ((this.#next - 9) % 25);
    if (this.#orphans.has(parent.pid)) this.#orphans.add(pid);
    const child = this.#bear(pid, parent.pid, parent.depth + 1);
    this.use(child, this.#random(10));
  }

  #bear(pid: number, parent: number, depth: number): Life {
    const careless = this.#kind === 'wild' && this.#random(6) === 0;
    const counters = { user: 0, minor: 0, read: 0, childrenUser: 0, childrenMinor: 0 };
    const life: Life = { pid, start: this.#tick++, depth, parent, ...counters, zombie: false, careless };
    this.lives.set(pid, life);
    return life;
  }

  /** In a calm machine who has children does not end, and the parent of who ends is there to wait. */
  #end(life: Life): void {
    const children = [...this.lives.values()].filter(({ parent }) => parent === life.pid);
    if (life.zombie || (this.#kind !== 'wild' && children.length > 0)) return;
    life.zombie = true;
    for (const child of children) {
      child.parent = INIT;
      this.#orphans.add(child.pid);
      if (child.zombie) this.#reap(child);
    }
    const parent = this.life(life.parent);
    if (parent.careless) this.lives.delete(life.pid);
    else if (life.parent === INIT || this.#random(3) > 0) this.#reap(life);
  }

  #reapSome(): void {
    const zombies = [...this.lives.values()].filter(({ zombie }) => zombie);
    for (const zombie of zombies) if (this.#random(2) === 0) this.#reap(zombie);
  }

  /** The parent waits for the child. */
  #reap(child: Life): void {
    const parent = this.life(child.parent);
    parent.childrenUser += child.user + child.childrenUser;
    parent.childrenMinor += child.minor + child.childrenMinor;
    parent.read += child.read;
    this.lives.delete(child.pid);
  }
}

const shownAs = (life: Life): Shown => ({
  name: life.pid === LEADER ? 'leader' : 'other',
  state: life.zombie ? 'Z' : 'S',
  parent: life.parent,
  start: life.start,
  user: life.user,
  minor: life.minor,
  childrenUser: life.childrenUser,
  childrenMinor: life.childrenMinor,
  io: { read: life.read },
});

const nameOf = (life: Life | undefined): string => `${life?.pid} ${life?.start}`;

/** The folder that the sensor reads, and what it showed last of each member: the leader, and who was seen as a member's child. */
class Scan {
  readonly machine = new ProcFolder();
  readonly read = new Map<string, Life>();
  #shown = new Set<number>();

  show(lives: readonly Life[]): void {
    const gone = [...this.#shown].filter((pid) => !lives.some((life) => life.pid === pid));
    this.machine.show(Object.fromEntries(lives.map((life) => [life.pid, shownAs(life)])), gone);
    this.#shown = new Set(lives.map(({ pid }) => pid));
    const isMember = (life: Life | undefined): boolean => life?.pid === LEADER || this.read.has(nameOf(life));
    const parentOf = ({ parent }: Life): Life | undefined => lives.find(({ pid }) => pid === parent);
    // Ascending depth: who is born later is deeper.
    for (const life of lives.toSorted((a, b) => a.depth - b.depth)) {
      if (isMember(life) || isMember(parentOf(life))) this.read.set(nameOf(life), { ...life });
    }
  }

  total(of: 'user' | 'minor'): number {
    return [...this.read.values()].reduce((sum, life) => sum + life[of], 0);
  }
}

async function shown(sampler: Sampler): Promise<{ user: number; minor: number; read: number }> {
  const tables = await sample(sampler);
  const value = (type: string, cell: string, attribute: string, field: string): number =>
    by(tables, type, 'process.group.name', attribute)[`g ${cell}`]?.[field] as number;
  return {
    user: Math.round(value('process.cpu', 'user', 'cpu.mode', 'time') * 100),
    minor: value('process.paging', 'minor', 'system.paging.fault.type', 'faults'),
    read: value('process.disk', 'read', 'disk.io.direction', 'io'),
  };
}

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const seeds = Array.from({ length: Number(process.env['SEEDS'] ?? 4) }, (_, i) => (SEED + i) >>> 0);

describe.each(['calm', 'wild', 'torn'] as const)('a group on a %s machine', (kind) => {
  it.each(seeds)('never falls, and is what its members used (SEED=%i)', async (seed) => {
    const random = randomFrom(seed);
    const machine = new Machine(random, kind);
    const scan = new Scan();
    scan.show([...machine.lives.values()]);
    const sampler = await open(sensor, scan.machine.host, { groups: { g: { names: 'leader' } }, children: true, keep_open: 0 });
    let before = await shown(sampler);
    for (let i = 0; i < SAMPLES; i++) {
      const early = new Map([...machine.lives].map(([pid, life]) => [pid, { ...life }]));
      for (let actions = random(ACTIONS_MAX); actions >= 0; actions--) machine.act();
      // Who ended during a torn scan may be seen as it was, and who lives on may be seen too early.
      const lives = [...machine.lives.values()].map((life) => (torn() && early.get(life.pid)) || life);
      const lately = [...early.values()].filter(({ pid }) => !machine.lives.has(pid) && torn());
      scan.show([...lives, ...lately]);
      const now = await shown(sampler);
      for (const of of ['user', 'minor', 'read'] as const)
        expect(now[of], `${of} at sample ${i}`).toBeGreaterThanOrEqual(before[of]);
      if (kind === 'calm') expect(now, `at sample ${i}`).toEqual(machine.used);
      if (kind === 'wild') {
        for (const of of ['user', 'minor'] as const)
          expect(now[of], `${of} at sample ${i}`).toBeGreaterThanOrEqual(scan.total(of));
        for (const of of ['user', 'minor', 'read'] as const)
          expect(now[of], `${of} at sample ${i}`).toBeLessThanOrEqual(machine.used[of]);
      }
      before = now;
    }
    machine.use(machine.life(LEADER), 100_000);
    for (let i = 0; i < 2; i++) {
      scan.show([...machine.lives.values()]);
      before = await shown(sampler);
    }
    if (kind !== 'wild') expect(before, 'at the end').toEqual(machine.used);
    await sampler.close?.();

    function torn(): boolean {
      return kind === 'torn' && random(4) === 0;
    }
  });
});
