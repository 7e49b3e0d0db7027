/**
 * Connections that the kernel's firewall follows, from `<proc>/sys/net/netfilter` and `<proc>/net/stat/nf_conntrack`.
 * https://docs.kernel.org/networking/nf_conntrack-sysctl.html
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import type { Host, HotFile } from '../src/host.ts';
import { netFile } from '../src/net/paths.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Row, Text } from '../src/text.ts';

// No convention has these.
const table = defineSchema({
  type: 'system.network.conntrack',
  doc: 'The table of connections that the firewall follows. When it is full, packets of new connections are dropped.',
  attributes: [],
  fields: {
    count: updowncounter('{connection}', 'Connections in the table.'),
    limit: updowncounter('{connection}', 'The most that there may be (nf_conntrack_max).'),
    utilization: gauge('1', 'Share of the limit.'),
    expected: updowncounter('{connection}', 'The most connections that may be expected of others, as FTP has them.'),
  },
});

const PACKETS = '{packet}';
const ENTRIES = '{connection}';
const COUNTERS = {
  searched: counter('{lookup}', 'Entries that were looked at. Old kernels only.'),
  found: counter(PACKETS, 'Packets whose connection was found.'),
  new: counter(ENTRIES, 'Connections that were not known. Old kernels only.'),
  invalid: counter(PACKETS, 'Packets that cannot be followed.'),
  ignore: counter(PACKETS, 'Packets that need not be followed.'),
  insert: counter(ENTRIES, 'Connections put into the table.'),
  insert_failed: counter(ENTRIES, 'Connections that were there already: two packets of one came at once.'),
  drop: counter(PACKETS, 'Packets dropped: the table is full, or memory is short.'),
  early_drop: counter(ENTRIES, 'Connections thrown out to make room for others.'),
  icmp_error: counter(PACKETS, 'Packets with an error in an ICMP message.'),
  delete: counter(ENTRIES, 'Connections taken out. Old kernels only.'),
  delete_list: counter(ENTRIES, 'Connections put on the list of the dying. Old kernels only.'),
  expect_new: counter(ENTRIES, 'Connections that were expected.'),
  expect_create: counter(ENTRIES, 'Expectations made.'),
  expect_delete: counter(ENTRIES, 'Expectations taken away.'),
  search_restart: counter('{lookup}', 'Lookups begun anew because the table was resized.'),
  clash_resolved: counter(ENTRIES, 'Of `insert_failed`, those that were sorted out. Since Linux 5.9.'),
  chain_too_long: counter(PACKETS, 'Packets dropped: too many connections with one hash. Since Linux 5.15.'),
};
/** What the kernel writes above a column, where it is not the field's name. */
const HEADINGS: Readonly<Record<string, keyof typeof COUNTERS>> = { clashres: 'clash_resolved', chainlength: 'chain_too_long' };

const counters = defineSchema({
  type: 'system.network.conntrack',
  doc: 'What happened in the table, of all CPUs together. A counter that this kernel does not have is absent.',
  attributes: [],
  fields: COUNTERS,
});

export default defineSensor({
  name: 'conntrack',
  summary: 'Connections that the firewall follows: how many, of how many, and what was dropped, from /proc.',
  emits: [table, counters],
  options: z.strictObject({}),
  open(host) {
    if (host.platform !== 'linux') throw new Unavailable(`connection tracking is Linux' netfilter; this is ${host.platform}`);
    const file = host.procPath('sys/net/netfilter/nf_conntrack_count');
    if (!host.exists(file) && !host.exists(host.procPath(netFile(host, 'stat/nf_conntrack'))))
      throw new Unavailable(
        `${file} is not there, because no firewall follows connections here: the module nf_conntrack is not loaded`,
      );
    return new Conntrack(host);
  },
});

type Sums = Record<keyof typeof COUNTERS, number | undefined>;
const NO_SUMS = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, undefined])) as Sums;

class Conntrack implements Sampler {
  readonly #count: HotFile;
  readonly #limit: HotFile;
  readonly #expected: HotFile;
  readonly #stat: HotFile;
  /** The line of headings, and what each column is of. They are the same at every sample. */
  #head: Buffer | undefined;
  #columns: readonly (keyof Sums | 'entries' | undefined)[] = [];

  constructor(host: Host) {
    const sysctl = (name: string): HotFile => host.proc(`sys/net/netfilter/nf_conntrack_${name}`, 'at once');
    [this.#count, this.#limit, this.#expected] = [sysctl('count'), sysctl('max'), sysctl('expect_max')];
    this.#stat = host.proc(netFile(host, 'stat/nf_conntrack'));
  }

  sample(): AnyTable[] {
    const stat = this.#stat.maybe();
    const { entries, sums } = stat && stat.length > 0 ? this.#sumsOf(stat) : { entries: undefined, sums: undefined };
    const count = this.#count.maybe()?.number() ?? entries;
    const limit = this.#limit.maybe()?.number();
    const utilization = count !== undefined && limit !== undefined && limit > 0 ? count / limit : undefined;
    const tables: AnyTable[] = [];
    if (count !== undefined)
      tables.push(table.table().add([], { count, limit, utilization, expected: this.#expected.maybe()?.number() }));
    if (sums) tables.push(counters.table().add([], sums));
    return tables;
  }

  close(): void {
    for (const file of [this.#count, this.#limit, this.#expected, this.#stat]) file.close();
  }

  /** A line of headings, then a line for each CPU; `entries` is the whole table's on each of them. */
  #sumsOf(text: Text): { entries: number | undefined; sums: Sums } {
    const rows = text.rows();
    this.#readHead(text, rows.next().value as Row);
    const columns = this.#columns;
    const sums = { ...NO_SUMS };
    let entries: number | undefined;
    for (const row of rows) {
      if (row.count === 0) continue;
      if (row.count !== columns.length) throw row.malformed(`${row.count} numbers for ${columns.length} names`);
      columns.forEach((field, column) => {
        if (field === 'entries') entries = row.hex(column);
        else if (field !== undefined) sums[field] = (sums[field] ?? 0) + row.hex(column);
      });
    }
    return { entries, sums };
  }

  #readHead(text: Text, head: Row): void {
    const known = this.#head;
    if (known && text.buffer.compare(known, 0, known.length, head.start, head.end) === 0) return;
    const names = Array.from({ length: head.count }, (_, column) => head.text(column));
    if (!names.includes('entries')) throw head.malformed('no heading "entries"');
    this.#columns = names.map((name) => {
      const field = HEADINGS[name] ?? name;
      return field === 'entries' || isCounter(field) ? field : undefined;
    });
    this.#head = Buffer.from(text.buffer.subarray(head.start, head.end));
  }
}

const isCounter = (name: string): name is keyof typeof COUNTERS => Object.hasOwn(COUNTERS, name);
