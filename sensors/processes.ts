/**
 * How many processes and open files the machine has, and how many it may have.
 * From `/proc/PID/stat`, `/proc/stat`, `/proc/sys`: proc_pid_stat(5), proc_stat(5), proc_sys_kernel(5), proc_sys_fs(5).
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, updowncounter } from '../src/event.ts';
import type { Host, HotFile } from '../src/host.ts';
import { type ProcessFile, ProcessFiles } from '../src/process/file.ts';
import { isGone, pids } from '../src/process/pids.ts';
import { keepsSchedule, Schedule } from '../src/process/schedule.ts';
import { parseState } from '../src/process/stat.ts';
import { type StateOf, sharedStates } from '../src/process/states.ts';
import { Stillness } from '../src/process/stillness.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { keyBytes } from '../src/text.ts';

const states = defineSchema({
  type: 'system.process',
  doc: 'Processes by what they are doing. `blocked` (uninterruptible, usually for a disk) and `idle` (threads of the kernel that wait for work) are sleeping, and told apart; `unknown` are those whose state was not read.',
  attributes: ['process.state'],
  fields: { count: updowncounter('{process}', 'Processes in this state, threads of the kernel included.') },
});

const totals = defineSchema({
  type: 'system.process',
  doc: 'Processes of the machine.',
  attributes: [],
  fields: {
    created: counter('{process}', 'Processes and threads that were started since boot.'),
    limit: updowncounter(
      '{thread}',
      'The most processes and threads there may be: the smaller of kernel.pid_max and kernel.threads-max.',
    ),
  },
});

const threads = defineSchema({
  type: 'system.thread',
  doc: 'Threads of the machine; their number is told by the sensor load.',
  attributes: [],
  fields: { limit: updowncounter('{thread}', 'The most threads there may be: kernel.threads-max.') },
});

const handles = defineSchema({
  type: 'system.file_handle',
  doc: 'File handles: what open(2), socket(2) and the like made, however many descriptors name it.',
  attributes: [],
  fields: {
    count: updowncounter('{file_handle}', 'Handles in use.'),
    limit: updowncounter('{file_handle}', 'fs.file-max. Absent when there is no limit.'),
  },
});

const STATES = ['running', 'sleeping', 'blocked', 'idle', 'stopped', 'defunct', 'unknown'] as const;
const RUNNING = 0;
const UNKNOWN = STATES.length - 1;
/** By the ASCII code of the letter, the place in STATES. Kernels before 3.13 wrote K (wakekill), W (waking or paging), P (parked). */
const STATE_OF_LETTER = new Uint8Array(128).fill(UNKNOWN);
for (const [letters, state] of [
  ['RW', 0],
  ['SKP', 1],
  ['D', 2],
  ['I', 3],
  ['Tt', 4],
  ['ZXx', 5],
] as const) {
  for (const letter of letters) STATE_OF_LETTER[letter.charCodeAt(0)] = state;
}

const CREATED = keyBytes('processes ');
/** A limit of so many is none: the largest number of the kernel's. */
const NO_LIMIT = 2 ** 63;

export default defineSensor({
  name: 'processes',
  summary: 'Processes by state, file handles, and how many of each there may be, from /proc.',
  emits: [states, totals, threads, handles],
  options: z.strictObject({
    limit: z
      .int()
      .min(0)
      .default(10_000)
      .describe('The most processes whose state is read; those beyond it, by number, are counted as unknown.'),
    keep_open: z
      .int()
      .min(0)
      .default(1024)
      .describe('The most files kept open from sample to sample, two a process; a process beyond it takes twice the time.'),
  }),
  open(host, { limit, keep_open }) {
    if (host.platform !== 'linux') throw new Unavailable(`processes are counted in Linux' /proc; this is ${host.platform}`);
    pids(host);
    return new ProcessesSampler(host, limit, keep_open);
  },
});

interface Known {
  readonly file: ProcessFile;
  /** Tells whether it has run; undefined where that is not kept, or not asked. */
  readonly schedule: Schedule | undefined;
  /** As it was read last, as its place in STATES. */
  state: number;
  /** The last sample that needed it. */
  sample: number;
}

class ProcessesSampler implements Sampler {
  readonly #host: Host;
  readonly #limit: number;
  readonly #keepOpen: number;
  readonly #shared: ProcessFiles;
  readonly #stillness: Stillness | undefined;
  /** Nobody else runs or waits for a CPU: who has not run since its state was read is in it still. */
  #alone = false;
  readonly #files = new Map<string, Known>();
  #sample = 0;
  /** How many of the files this sample needs. */
  #used = 0;
  readonly #stat: HotFile;
  readonly #pidMax: HotFile;
  readonly #threadsMax: HotFile;
  readonly #fileNr: HotFile;

  constructor(host: Host, limit: number, keepOpen: number) {
    this.#host = host;
    this.#limit = limit;
    this.#keepOpen = keepOpen;
    this.#shared = new ProcessFiles(host, keepOpen);
    this.#stillness = keepsSchedule(host) ? new Stillness(host) : undefined;
    this.#stat = host.proc('stat', 'at once');
    this.#pidMax = host.proc('sys/kernel/pid_max', 'at once');
    this.#threadsMax = host.proc('sys/kernel/threads-max', 'at once');
    this.#fileNr = host.proc('sys/fs/file-nr', 'at once');
  }

  sample(): AnyTable[] {
    const threadsMax = this.#threadsMax.maybe()?.number();
    const pidMax = this.#pidMax.maybe()?.number();
    const limit = pidMax === undefined || threadsMax === undefined ? undefined : Math.min(pidMax, threadsMax);
    const tables: AnyTable[] = [this.#countStates()];
    const created = this.#stat.maybe()?.numberAfter(CREATED);
    if (created !== undefined || limit !== undefined) tables.push(totals.table().add([], { created, limit }));
    if (threadsMax !== undefined) tables.push(threads.table().add([], { limit: threadsMax }));
    const [row] = this.#fileNr.maybe()?.rows() ?? [];
    if (row) {
      const most = row.number(2);
      // The second column was the free ones among the allocated; it is 0 since Linux 2.6.
      tables.push(handles.table().add([], { count: row.number(0) - row.number(1), limit: most < NO_LIMIT ? most : undefined }));
    }
    return tables;
  }

  close(): void {
    for (const known of this.#files.values()) closeFiles(known);
    this.#stillness?.close();
    for (const file of [this.#stat, this.#pidMax, this.#threadsMax, this.#fileNr]) file.close();
  }

  #countStates(): AnyTable {
    this.#sample++;
    this.#used = 0;
    this.#alone = this.#stillness?.alone() ?? false;
    const counts = Array.from(STATES, () => 0);
    const shared = sharedStates(this.#host);
    let asked = 0;
    pids(this.#host).forEach((pid) => {
      const state = asked < this.#limit ? this.#stateOf(pid, shared) : UNKNOWN;
      if (state === undefined) return;
      asked++;
      counts[state] = (counts[state] as number) + 1;
    });
    if (this.#files.size > this.#used) this.#closeUnused();
    const table = states.table();
    STATES.forEach((state, i) => table.add([state], { count: counts[i] }));
    return table;
  }

  /** Files of those that are gone, or beyond the limit by now. */
  #closeUnused(): void {
    for (const [pid, known] of this.#files) {
      if (known.sample === this.#sample) continue;
      closeFiles(known);
      this.#files.delete(pid);
    }
  }

  /** As `#readState`; what the sensor `process` has just read is not read again. */
  #stateOf(pid: string, shared: StateOf | undefined): number | undefined {
    const letter = shared?.(pid);
    const known = this.#files.get(pid);
    if (letter === undefined) return this.#readState(pid, known);
    // It may not be read there at the next sample.
    if (known) this.#use(known);
    return STATE_OF_LETTER[letter] ?? UNKNOWN;
  }

  /** The state of a process, as its place in STATES; undefined when there is no such process any more. */
  #readState(pid: string, known: Known | undefined): number | undefined {
    if (known && this.#alone && known.state !== RUNNING && known.schedule?.rested()) return this.#use(known).state;
    let one = known ?? this.#open(pid);
    let outcome = one.file.read(true);
    if (outcome === 'gone' && known) {
      // Its number is in the list all the same: another process has it by now.
      closeFiles(known);
      one = this.#open(pid);
      outcome = one.file.read(true);
    }
    if (outcome === 'gone') isGone(this.#host, pid);
    if (outcome === 'gone') return undefined;
    if (one !== known) this.#files.set(pid, one);
    const { buffer, length } = this.#shared;
    one.state = outcome === 'denied' ? UNKNOWN : (STATE_OF_LETTER[parseState(buffer, length, one.file.path)] ?? UNKNOWN);
    return this.#use(one).state;
  }

  #open(pid: string): Known {
    const folder = this.#host.procPath(pid);
    // One that could not stay open would cost more than it saves.
    const asks = this.#stillness !== undefined && 2 * this.#files.size < this.#keepOpen;
    const schedule = asks ? new Schedule(folder, this.#shared) : undefined;
    return { file: this.#shared.file(`${folder}/stat`), schedule, state: UNKNOWN, sample: 0 };
  }

  #use(known: Known): Known {
    known.sample = this.#sample;
    this.#used++;
    return known;
  }
}

function closeFiles({ file, schedule }: Known): void {
  file.close();
  schedule?.close();
}
