/**
 * What each CPU did with packets that arrived, from `<proc>/net/softnet_stat`: hexadecimal columns without names, as many as the kernel's
 * age gives. net/core/net-procfs.c of the kernel is their only description; it adds columns at the end, and moves none.
 */
import * as z from 'zod';
import { type AnyTable, counter, defineSchema, updowncounter } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { cpuNumbers } from '../src/net/cpu-list.ts';
import { netFile } from '../src/net/paths.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Row } from '../src/text.ts';

/** Columns that every kernel since 2.6 writes; later ones came by and by. */
const COLUMNS_MIN = 9;
/** The file has no headings: the places are the kernel's own contract. */
const [PROCESSED, DROPPED, SQUEEZED, COLLISIONS, RPS, FLOW_LIMIT, BACKLOG, CPU] = [0, 1, 2, 8, 9, 10, 11, 12];

const PACKETS = '{packet}';
// No convention has these; the names are the kernel's words.
const softnet = defineSchema({
  type: 'system.network.softnet',
  doc: 'Packets that arrived, by the CPU that took them. A column that the kernel is too old for is absent. Counters have 32 bits.',
  attributes: ['cpu.logical_number'],
  fields: {
    processed: counter(PACKETS, 'Packets taken.'),
    dropped: counter(PACKETS, 'Packets dropped: the queue of the CPU (net.core.netdev_max_backlog) was full.'),
    time_squeezed: counter(
      '{event}',
      'How often packets were left because the time or the budget (net.core.netdev_budget) was used up.',
    ),
    collisions: counter('{collision}', 'How often the lock of a device was held by another CPU; always 0 since Linux 4.8.'),
    received_rps: counter('{event}', 'How often another CPU woke this one to take packets (receive packet steering).'),
    flow_limited: counter(PACKETS, 'Packets dropped because one flow had more than its share of the queue.'),
    backlog: updowncounter(PACKETS, 'Packets in the queue now. Since Linux 5.10.'),
  },
});

export default defineSensor({
  name: 'softnet',
  summary: 'Packets that each CPU took, dropped or left for want of time, from /proc/net/softnet_stat.',
  emits: [softnet],
  options: z.strictObject({}),
  open(host) {
    const path = netFile(host, 'softnet_stat');
    requirePath(host, host.procPath(path), 'what CPUs do with packets');
    return new Softnet(host, host.proc(path));
  },
});

class Softnet implements Sampler {
  readonly #host: Host;
  readonly #file: HotFile;
  /** CPUs that are online, for kernels that do not write their number; read anew when the number of lines changes. */
  #online: readonly string[] = [];

  constructor(host: Host, file: HotFile) {
    this.#host = host;
    this.#file = file;
  }

  sample(): AnyTable[] {
    const text = this.#file.read();
    const rows = [];
    for (const row of text.rows()) {
      if (row.count === 0) continue;
      if (row.count < COLUMNS_MIN) throw row.malformed(`fewer than ${COLUMNS_MIN} columns`);
      rows.push(valuesOf(row));
    }
    if (rows.length !== this.#online.length && rows.some(({ cpu }) => cpu === undefined))
      this.#online = this.#readOnline(rows.length);
    const table = softnet.table();
    rows.forEach(({ cpu, values }, index) => table.add([cpu === undefined ? (this.#online[index] as string) : `${cpu}`], values));
    return table.rows > 0 ? [table] : [];
  }

  close(): void {
    this.#file.close();
  }

  /** A line for each CPU that is online, in their order; the lines' own numbers where sysfs knows other CPUs. */
  #readOnline(lines: number): string[] {
    const online = cpuNumbers(this.#host.read(this.#host.sysPath('devices/system/cpu/online')));
    return online?.length === lines ? online : Array.from({ length: lines }, (_, index) => `${index}`);
  }
}

function valuesOf(row: Row) {
  const at = (column: number): number | undefined => (column < row.count ? row.hex(column) : undefined);
  return {
    cpu: at(CPU),
    values: {
      processed: at(PROCESSED),
      dropped: at(DROPPED),
      time_squeezed: at(SQUEEZED),
      collisions: at(COLLISIONS),
      received_rps: at(RPS),
      flow_limited: at(FLOW_LIMIT),
      backlog: at(BACKLOG),
    },
  };
}
