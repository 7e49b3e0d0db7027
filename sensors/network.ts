/** Traffic of each network interface, from `<proc>/net/dev` and `<sys>/class/net`. https://docs.kernel.org/networking/statistics.html */
import os from 'node:os';
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { netFile } from '../src/net/paths.ts';
import { globs } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Row } from '../src/text.ts';

const COLON = 58;
/** Columns of each direction in `/proc/net/dev`. */
const COLUMNS = 8;
/** The kernel gives Mbit/s; here it is bytes a second. */
const MEGABIT_BYTES = 1e6 / 8;
/** Speed and MTU are read anew every so many samples, and when the state changes: they cost a system call each. */
const SELDOM = 10;

const traffic = defineSchema({
  type: 'system.network',
  doc: 'Traffic of each interface by direction.',
  attributes: ['network.interface.name', 'network.io.direction'],
  fields: { io: counter('By', 'Bytes.'), errors: counter('{error}', 'Frames with errors, all kinds.') },
});

// `packet.count` has the interface as system.device in the conventions and `packet.dropped` as network.interface.name; both are
// the same interface, and here both have the latter.
const packets = defineSchema({
  type: 'system.network.packet',
  doc: 'Packets of each interface by direction.',
  attributes: ['network.interface.name', 'network.io.direction'],
  fields: {
    count: counter('{packet}', 'Packets.'),
    dropped: counter('{packet}', 'Packets dropped for want of room, or unwanted.'),
  },
});

const link = defineSchema({
  type: 'system.network.interface',
  doc: 'The link of each interface.',
  attributes: ['network.interface.name'],
  fields: {
    up: gauge('1', '1 when packets can pass, 0 when not. Absent where the driver does not tell.'),
    speed: gauge('By/s', 'Speed of the link in one direction. Absent when it is down or has none.'),
    mtu: gauge('By', 'Longest packet without the header of the link.'),
    multicast: counter('{packet}', 'Multicast packets received.'),
    collisions: counter('{collision}', 'Collisions on a shared medium.'),
  },
});

const options = z.strictObject({
  include: globs().optional().describe('Interfaces to report, as patterns (default all that are not excluded).'),
  exclude: globs().prefault(['veth*', 'ifb*']).describe('Interfaces to leave out, as patterns.'),
});

export default defineSensor({
  name: 'network',
  summary: 'Bytes, packets, errors, speed and state of each network interface, from /proc/net/dev and /sys/class/net.',
  emits: [traffic, packets, link],
  options,
  open(host, { include, exclude }) {
    const wanted = (name: string): boolean => (include?.(name) ?? true) && !exclude(name);
    if (host.platform === 'darwin' && host.live) return { sample: () => sampleNodeOs(wanted) };
    if (host.platform !== 'linux') throw new Unavailable(`network traffic is read from Linux' /proc; this is ${host.platform}`);
    const path = netFile(host, 'dev');
    requirePath(host, host.procPath(path), 'network traffic');
    return new Interfaces(host, host.proc(path), wanted);
  },
});

interface Link {
  readonly up: number | undefined;
  readonly speed: number | undefined;
  readonly mtu: number | undefined;
}

class Interface {
  readonly name: string;
  readonly wanted: boolean;
  readonly #files: { readonly state: HotFile; readonly speed: HotFile; readonly mtu: HotFile };
  #age = 0;
  #link: Link = { up: undefined, speed: undefined, mtu: undefined };

  constructor(host: Host, name: string, wanted: boolean) {
    this.name = name;
    this.wanted = wanted;
    const file = (leaf: string): HotFile => host.sys(`class/net/${name}/${leaf}`);
    this.#files = { state: file('operstate'), speed: file('speed'), mtu: file('mtu') };
  }

  link(): Link {
    const { state, speed, mtu } = this.#files;
    const is = state.maybe()?.trimmed();
    // RFC 2863: loopback and tunnels say unknown and pass packets.
    const up = is === undefined ? undefined : is === 'up' || is === 'unknown' ? 1 : 0;
    if (this.#age++ % SELDOM !== 0 && up === this.#link.up) return this.#link;
    // Reading the speed of an interface that is down is EINVAL, of one that has none -1.
    const megabits = up === 1 ? speed.maybe()?.number() : undefined;
    this.#link = {
      up,
      speed: megabits !== undefined && megabits > 0 ? megabits * MEGABIT_BYTES : undefined,
      mtu: mtu.maybe()?.number(),
    };
    return this.#link;
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close();
  }
}

class Interfaces implements Sampler {
  readonly #host: Host;
  readonly #dev: HotFile;
  readonly #wanted: (name: string) => boolean;
  #interfaces = new Map<string, Interface>();

  constructor(host: Host, dev: HotFile, wanted: (name: string) => boolean) {
    this.#host = host;
    this.#dev = dev;
    this.#wanted = wanted;
  }

  sample(): AnyTable[] {
    const tables = [traffic.table(), packets.table(), link.table()] as const;
    const seen = new Map<string, Interface>();
    for (const row of this.#dev.read().rows()) {
      // Two lines of headings, without a colon.
      const colon = row.lastIndexOf(COLON);
      if (colon < 0) continue;
      const one = this.#interfaceOf(row, colon);
      seen.set(one.name, one);
      if (one.wanted) addRows(tables, one, row);
    }
    for (const [name, one] of this.#interfaces) if (!seen.has(name)) one.close();
    this.#interfaces = seen;
    return [...tables];
  }

  close(): void {
    this.#dev.close();
    for (const one of this.#interfaces.values()) one.close();
  }

  /** The interface of a line, whose counters are from behind the last colon: `eth0:1234` has no blank, and an alias a colon of its own. */
  #interfaceOf(row: Row, colon: number): Interface {
    const name = row.slice(row.start, colon).trim();
    row.skipTo(colon + 1);
    if (row.count < 2 * COLUMNS) throw row.malformed(`fewer than ${2 * COLUMNS} counters`);
    return this.#interfaces.get(name) ?? new Interface(this.#host, name, this.#wanted(name));
  }
}

type Tables = readonly [ReturnType<typeof traffic.table>, ReturnType<typeof packets.table>, ReturnType<typeof link.table>];

/** bytes packets errs drop fifo frame compressed multicast | bytes packets errs drop fifo colls carrier compressed */
function addRows([bytes, counts, links]: Tables, one: Interface, row: Row): void {
  bytes.add([one.name, 'receive'], { io: row.number(0), errors: row.number(2) });
  bytes.add([one.name, 'transmit'], { io: row.number(COLUMNS), errors: row.number(COLUMNS + 2) });
  counts.add([one.name, 'receive'], { count: row.number(1), dropped: row.number(3) });
  counts.add([one.name, 'transmit'], { count: row.number(COLUMNS + 1), dropped: row.number(COLUMNS + 3) });
  links.add([one.name], { ...one.link(), multicast: row.number(7), collisions: row.number(COLUMNS + 5) });
}

/** node:os knows the interfaces that have an address, and no counters. */
function sampleNodeOs(wanted: (name: string) => boolean): AnyTable[] {
  const table = link.table();
  for (const name of Object.keys(os.networkInterfaces())) {
    if (wanted(name)) table.add([name], { up: 1, speed: undefined, mtu: undefined, multicast: undefined, collisions: undefined });
  }
  return [table];
}
