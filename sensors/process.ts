/**
 * What processes use, each by itself or in groups. From `/proc/PID/stat`, `io`, `fd`, and where asked for `status` and
 * `smaps_rollup`: proc_pid_stat(5), proc_pid_io(5), proc_pid_fd(5), proc_pid_status(5), proc_pid_smaps(5).
 *
 * A row is a process, by its number and its command's name, or a group. Several selectors add up: a process is selected by any of
 * them. In a group no counter falls when a member ends: see `src/process/ledger.ts`.
 */
import { type AnyTable, counter, defineSchema, type Field, gauge, type TypedSchema, updowncounter } from '../src/event.ts';
import type { Host, HotFile } from '../src/host.ts';
import { pageBytes } from '../src/page-size.ts';
import { Ledger } from '../src/process/ledger.ts';
import { options, type ProcessOptions, rulesOf } from '../src/process/options.ts';
import { type Extras, openFilesBy, type Process } from '../src/process/process.ts';
import { Rows } from '../src/process/rows.ts';
import { Selection } from '../src/process/select.ts';
import { SlowFiles } from '../src/process/slow-files.ts';
import { TICKS_PER_SECOND } from '../src/process/stat.ts';
import { ProcessTable } from '../src/process/table.ts';
import { Usage } from '../src/process/usage.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { keyBytes } from '../src/text.ts';

const selection = defineSchema({
  type: 'process.selection',
  doc: 'How many processes the other tables of this sample are about.',
  attributes: [],
  fields: {
    count: updowncounter('{process}', 'Processes that are selected.'),
    omitted: updowncounter(
      '{process}',
      'Those of them that have no row, nor a part in one, because there are more than `limit`.',
    ),
    hidden: updowncounter('{process}', 'Processes of which nothing may be read, because /proc is mounted with hidepid.'),
  },
});

const usage = {
  'memory.usage': updowncounter('By', 'Memory in RAM (resident set). Pages that processes share count for each of them.'),
  'memory.virtual': updowncounter('By', 'Address space.'),
  'thread.count': updowncounter('{thread}', 'Threads.'),
  'unix.file_descriptor.count': updowncounter('{file_descriptor}', 'Open file descriptors. Absent where it may not be read.'),
  running: updowncounter(
    '{process}',
    'Processes that run or wait for a CPU: 0 or 1, or how many of the group. None of these four is asleep.',
  ),
  blocked: updowncounter('{process}', 'Processes that wait without being interruptible, usually for a disk.'),
  stopped: updowncounter('{process}', 'Processes that a signal or a debugger stopped.'),
  defunct: updowncounter('{process}', 'Processes that ended, and that their parent did not wait for.'),
};

/** The tables of processes and those of groups differ in what a row is called by. */
function tablesBy<const I extends readonly string[], const F extends Record<string, Field>>(identity: I, own: F, whose: string) {
  const define = <A extends readonly string[], G extends Record<string, Field>>(
    type: string,
    attributes: A,
    doc: string,
    fields: G,
  ): TypedSchema<readonly string[], G> =>
    defineSchema<readonly string[], G>({ type, doc: `${doc} of ${whose}.`, attributes: [...identity, ...attributes], fields });
  return {
    usage: define('process', [], 'Memory, threads, files and state', { ...own, ...usage }),
    memory: define('process.memory', [], 'More of the memory', {
      swap: updowncounter('By', 'Memory in swap, shared memory not included. Absent without the option `status`.'),
      pss: updowncounter('By', 'Memory in RAM, each shared page divided by how many share it. Absent without the option `pss`.'),
    }),
    cpu: define('process.cpu', ['cpu.mode'], 'CPU time', { time: counter('s', 'CPU time, in steps of 10 ms.') }),
    faults: define('process.paging', ['system.paging.fault.type'], 'Page faults', {
      faults: counter('{fault}', 'Page faults. A major one had to read from a disk.'),
    }),
    disk: define('process.disk', ['disk.io.direction'], 'Disk I/O', {
      io: counter(
        'By',
        'Bytes that disks were asked for, or that were made dirty in the page cache. With those of children that were waited for.',
      ),
      operations: counter(
        '{operation}',
        'Calls of read(2), write(2) and the like, whatever they read or wrote. With those of children that were waited for.',
      ),
    }),
    switches: define('process', ['process.context_switch.type'], 'Context switches', {
      context_switches: counter('{context_switch}', 'Context switches of the main thread.'),
    }),
  };
}

const single = tablesBy(
  ['process.pid', 'process.executable.name'],
  {
    uptime: gauge('s', 'Time since it started.'),
    start_time: gauge('s', 'When it started, in Unix time.'),
  },
  'a process',
);
const grouped = tablesBy(
  ['process.group.name'],
  {
    count: updowncounter('{process}', 'Members.'),
    uptime: gauge('s', 'Time since the oldest member started. Absent while there is none.'),
  },
  'a group of processes, those of members that ended included',
);

type Numbers<K extends string> = Record<K, number | undefined>;
type UsageNumbers = Numbers<keyof typeof usage>;
const noUsage = Object.fromEntries(Object.keys(usage).map((name) => [name, 0])) as UsageNumbers;

const PSS = keyBytes('Pss:');
const BOOT_TIME = keyBytes('btime ');
const KIB = 1024;

export default defineSensor({
  name: 'process',
  summary: 'CPU time, memory, I/O, threads, files and faults of processes or of groups of them, from /proc/PID.',
  emits: [selection, ...Object.values(single), ...Object.values(grouped)],
  options,
  open: (host, given) => new ProcessSampler(host, given),
});

class ProcessSampler implements Sampler {
  readonly #options: ProcessOptions;
  readonly #table: ProcessTable;
  readonly #slowFiles: SlowFiles;
  readonly #selection: Selection;
  readonly #ledger: Ledger | undefined;
  readonly #extras: Extras;
  readonly #uptime: HotFile;
  readonly #pageBytes: number;
  /** Unix time in seconds. */
  readonly #bootTime: number | undefined;
  /** What passes the numbers of a row to its table, which takes them over at once. */
  readonly #used = new Usage();
  readonly #singleRow = { ...noUsage, uptime: undefined, start_time: undefined } as Numbers<'uptime' | 'start_time'> &
    UsageNumbers;
  readonly #groupRow = { ...noUsage, count: 0, uptime: undefined } as Numbers<'count' | 'uptime'> & UsageNumbers;
  #omitted = 0;
  #closed = false;

  constructor(host: Host, given: ProcessOptions) {
    this.#options = given;
    this.#table = new ProcessTable(host, given.keep_open);
    this.#slowFiles = new SlowFiles(host);
    this.#selection = new Selection(host, this.#table, this.#slowFiles, {
      rules: rulesOf(given),
      children: given.children,
      kernelThreads: given.kernel_threads,
      watchAll: given.top !== undefined,
    });
    const groups = Object.keys(given.groups ?? {});
    if (given.groups || given.group_by !== 'none')
      this.#ledger = new Ledger(groups, Math.max(given.limit, groups.length), given.children);
    this.#extras = {
      io: given.io,
      openFiles: given.file_descriptors ? openFilesBy(host) : 'none',
      status: given.status,
    };
    this.#uptime = host.proc('uptime', 'at once');
    this.#pageBytes = pageBytes(host);
    this.#bootTime = host.reader().maybe(host.procPath('stat'))?.numberAfter(BOOT_TIME);
  }

  sample(signal: AbortSignal): AnyTable[] | Promise<AnyTable[]> {
    this.#table.scan();
    if (this.#selection.slow || this.#options.pss) return this.#sampleSlowly(this.#slowFiles.deadline(signal));
    return this.#report(this.#choose());
  }

  close(): void {
    this.#closed = true;
    this.#table.close();
    this.#uptime.close();
  }

  async #sampleSlowly(deadline: AbortSignal): Promise<AnyTable[]> {
    await this.#selection.prepare(deadline);
    if (this.#closed) return [];
    const chosen = this.#choose();
    if (this.#options.pss) for (const process of chosen) await this.#readPss(process, deadline);
    return this.#closed ? [] : this.#report(chosen);
  }

  async #readPss(process: Process, deadline: AbortSignal): Promise<void> {
    const rollup = await this.#slowFiles.read(`${process.folder}/smaps_rollup`, deadline);
    const pss = typeof rollup === 'string' ? undefined : rollup.numberAfter(PSS);
    process.pss = pss === undefined ? Number.NaN : pss * KIB;
  }

  /** The processes of this sample, with all that is read of them. */
  #choose(): Process[] {
    const { top, limit } = this.#options;
    const endless = this.#ledger !== undefined || top !== undefined;
    let chosen = this.#selection.choose(endless ? Number.POSITIVE_INFINITY : limit);
    this.#omitted = this.#selection.omitted;
    if (top !== undefined) {
      chosen = withTop(chosen, this.#table, top);
      this.#omitted = chosen.splice(limit).length;
    }
    const here = chosen.filter((process) => this.#table.measure(process, this.#extras));
    // What was read of a member that is gone by now is in the group's counters all the same.
    return this.#ledger ? chosen : here;
  }

  #report(chosen: readonly Process[]): AnyTable[] {
    const [row] = this.#uptime.maybe()?.rows() ?? [];
    const now = row && Math.round(row.number(0) * TICKS_PER_SECOND);
    const ledger = this.#ledger;
    ledger?.enter(chosen, (process) => this.#selection.keyOf(process), this.#table);
    const rows = ledger ? this.#groupRows(ledger, now) : this.#processRows(chosen, now);
    const { hidden } = this.#table;
    const omitted = ledger?.omitted ?? this.#omitted;
    const count = ledger ? chosen.length : chosen.length + omitted;
    return [selection.table().add([], { count, omitted, hidden }), ...rows];
  }

  #processRows(processes: readonly Process[], now: number | undefined): AnyTable[] {
    const [first, rows] = [single.usage.table(), new Rows(single)];
    const [used, row] = [this.#used, this.#singleRow];
    processes.forEach((process) => {
      const { cells } = process;
      used.clear().add(process);
      row.uptime = since(process.start, now);
      row.start_time = this.#bootTime === undefined ? undefined : this.#bootTime + process.start / TICKS_PER_SECOND;
      this.#fill(row, used);
      first.add(cells.identity, row);
      rows.add(cells, used, process.counters);
    });
    return rows.behind(first);
  }

  #groupRows({ groups }: Ledger, now: number | undefined): AnyTable[] {
    const [first, rows] = [grouped.usage.table(), new Rows(grouped)];
    const [used, row] = [this.#used, this.#groupRow];
    for (const { cells, members, counters } of groups.values()) {
      used.clear();
      for (const process of members) used.add(process);
      row.count = members.length;
      row.uptime = since(used.start, now);
      this.#fill(row, used);
      first.add(cells.identity, row);
      rows.add(cells, used, counters);
    }
    return rows.behind(first);
  }

  #fill(row: UsageNumbers, used: Usage): void {
    row['memory.usage'] = used.resident * this.#pageBytes;
    row['memory.virtual'] = used.virtual;
    row['thread.count'] = used.threads;
    row['unix.file_descriptor.count'] = used.openFiles;
    row.running = used.running;
    row.blocked = used.blocked;
    row.stopped = used.stopped;
    row.defunct = used.defunct;
  }
}

/** Seconds between two moments in ticks. A process that was born after `now` was read is new. */
const since = (start: number | undefined, now: number | undefined): number | undefined =>
  start === undefined || now === undefined ? undefined : Math.max(0, now - start) / TICKS_PER_SECOND;

/** Those that were chosen, and so many that used the most CPU time since the last sample, and the most memory. */
function withTop(chosen: readonly Process[], table: ProcessTable, top: number): Process[] {
  const all = [...table.processes].filter((process) => process.watched);
  const busy = all.filter((process) => process.ticks > 0).sort((a, b) => b.ticks - a.ticks);
  const large = all.toSorted((a, b) => b.resident - a.resident);
  const wanted = new Set([...chosen, ...busy.slice(0, top), ...large.slice(0, top)]);
  return all.filter((process) => wanted.has(process));
}
