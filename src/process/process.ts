/**
 * One process: what was last read of it.
 *
 * A process is a number and a start time, because numbers are used again. What may not be read of it, or was not asked for, is NaN.
 */
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { errno } from '../errors.ts';
import type { Host } from '../host.ts';
import { keyBytes, Text } from '../text.ts';
import { outcome, type ProcessFile, type ProcessFiles } from './file.ts';
import type { Io } from './io.ts';
import { RowCells } from './row-cells.ts';
import { Schedule } from './schedule.ts';
import { RUNNING, STAT, type Stat } from './stat.ts';

/** Places of a process' counters in its arrays. CPU times are in ticks. */
export const COUNTER = {
  user: 0,
  system: 1,
  minorFaults: 2,
  majorFaults: 3,
  readBytes: 4,
  writtenBytes: 5,
  reads: 6,
  writes: 7,
  voluntary: 8,
  involuntary: 9,
} as const;
export const COUNTERS = 10;

/** What is read beside `stat`. */
export interface Extras {
  /** `io`: bytes and operations. */
  readonly io: boolean;
  /** How open files are counted: not at all, by the size of their folder (Linux 6.2 and later), or by its names. */
  readonly openFiles: 'none' | 'size' | 'names';
  /** `status`: context switches, swap. */
  readonly status: boolean;
}

/**
 * Of what has not run since it was read: everything is read again all the same, or `io` and `fd` are left as they are (`schedule.ts`), or
 * `stat` too (`stillness.ts`).
 */
export type Rest = 'unknown' | 'io' | 'all';

/**
 * What Node 24 and later call their main thread, and so their process unless it sets a title. The name of the executable is said in
 * their stead.
 */
const MEANINGLESS_NAMES = new Set(['MainThread', 'node-MainThread']);
const KIB = 1024;
const SWAP = keyBytes('VmSwap:');
const VOLUNTARY = keyBytes('voluntary_ctxt_switches:');
const INVOLUNTARY = keyBytes('nonvoluntary_ctxt_switches:');

export class Process {
  readonly pid: string;
  /** When it started, in ticks after boot. */
  readonly start: number;
  /** Number of the scan that saw it first. */
  readonly born: number;
  /** Number of the scan that saw it last. */
  seen: number;
  /** Number of the scan that read it last. */
  read: number;
  /** A number of its own, so that not all are looked at again in one scan. */
  readonly phase: number;
  /** Who it is may have changed: it is young, it runs another program, or it was long ago that somebody looked. */
  changed = true;

  /** A thread of the kernel's own. */
  kernel = false;
  /** Number of the process that it is a child of. */
  parent = '0';
  /** The command's name, at most 15 bytes. See `MEANINGLESS_NAMES`. */
  name = '';
  /** ASCII code of the state's letter. */
  state = 0;
  threads = 0;
  /** In bytes. */
  virtual = 0;
  /** In pages. */
  resident = 0;
  openFiles = Number.NaN;
  /** In bytes, as `pss` is, which is another's to read. */
  swap = Number.NaN;
  pss = Number.NaN;
  readonly counters = new Float64Array(COUNTERS).fill(Number.NaN);
  /** The first four counters of the children that it waited for, and of those that they waited for. */
  readonly waited = new Float64Array(4);
  /** CPU ticks between the last two reads. */
  ticks = 0;

  readonly folder: string;
  readonly #files: ProcessFiles;
  readonly #stat: ProcessFile;
  #io: ProcessFile | undefined;
  #status: ProcessFile | undefined;
  #descriptors: ProcessFile | undefined;
  #schedule: Schedule | undefined;
  #cells: RowCells | undefined;
  #parentNumber = 0;
  #nameBytes: Uint8Array = new Uint8Array(0);
  /** What could not be read of it. */
  readonly #lacking = new Set<'io' | 'fd' | 'status'>();
  #watched = false;
  /** It may have run since `io` and `fd` were read. */
  #stale = true;

  /** `parsed` is its first `stat`. */
  constructor(pid: string, folder: string, stat: ProcessFile, files: ProcessFiles, parsed: Stat, born: number) {
    this.pid = pid;
    this.folder = folder;
    this.#files = files;
    this.#stat = stat;
    this.start = parsed.field(STAT.start);
    this.born = born;
    this.seen = born;
    this.read = born;
    this.phase = Number(pid);
    this.#take(parsed);
  }

  /** Whether it is read at every scan. */
  get watched(): boolean {
    return this.#watched;
  }

  watch(on: boolean): void {
    if (this.#watched && !on) this.close();
    this.#watched = on;
  }

  /** Brings it up to date; false when the process is gone, or the number is another's by now. */
  update(parsed: Stat, rest: Rest): boolean {
    const rested = rest !== 'unknown' && this.#rested();
    this.#stale ||= !rested;
    if (!rested || rest !== 'all') return this.#readStat(parsed);
    this.ticks = 0;
    return true;
  }

  #readStat(parsed: Stat): boolean {
    if (this.#stat.read(this.#watched) !== 'ok') return false;
    parsed.parse(this.#files.buffer, this.#files.length, this.#stat.path);
    if (parsed.field(STAT.start) !== this.start) return false;
    const before = this.totalTicks;
    this.#take(parsed);
    this.ticks = this.totalTicks - before;
    return true;
  }

  /** Reads what is wanted beside `stat`, parsing with what is given; false when the process is gone. */
  measure(extras: Extras, stat: Stat, io: Io): boolean {
    const lacking = this.#lacking.size;
    if (this.#stale) {
      this.#stale = false;
      if (extras.io && !this.#lacking.has('io')) this.#readIo(io);
      if (extras.openFiles !== 'none' && !this.#lacking.has('fd')) this.#countOpenFiles(extras.openFiles);
    }
    if (extras.status && !this.#lacking.has('status')) this.#readStatus();
    // What is not there may be the file, which some kernels and recordings lack, or the process.
    return this.#lacking.size === lacking || this.#readStat(stat);
  }

  /** What could not be read is tried again at the next `measure`: a process may change its user. */
  forgive(): void {
    this.#lacking.clear();
    this.#stale = true;
    this.#schedule?.forget();
  }

  close(): void {
    this.#stat.close();
    this.#io?.close();
    this.#status?.close();
    this.#descriptors?.close();
    this.#schedule?.close();
  }

  /** Of its rows. */
  get cells(): RowCells {
    return (this.#cells ??= new RowCells([this.pid, this.name]));
  }

  /** CPU ticks since its birth. */
  get totalTicks(): number {
    return (this.counters[COUNTER.user] as number) + (this.counters[COUNTER.system] as number);
  }

  /** Whether it has not run since the scan before. One that uses CPU time need not be asked, and of several threads one alone is asked. */
  #rested(): boolean {
    if (this.#watched && this.threads === 1 && this.state !== RUNNING && this.ticks === 0)
      return (this.#schedule ??= new Schedule(this.folder, this.#files)).rested();
    this.#schedule?.forget();
    return false;
  }

  #take(stat: Stat): void {
    const { counters, waited } = this;
    counters[COUNTER.user] = stat.field(STAT.user);
    counters[COUNTER.system] = stat.field(STAT.system);
    counters[COUNTER.minorFaults] = stat.field(STAT.minorFaults);
    counters[COUNTER.majorFaults] = stat.field(STAT.majorFaults);
    waited[COUNTER.user] = stat.field(STAT.childrenUser);
    waited[COUNTER.system] = stat.field(STAT.childrenSystem);
    waited[COUNTER.minorFaults] = stat.field(STAT.childrenMinorFaults);
    waited[COUNTER.majorFaults] = stat.field(STAT.childrenMajorFaults);
    this.state = stat.state;
    this.threads = stat.field(STAT.threads);
    this.virtual = stat.field(STAT.virtual);
    this.resident = stat.field(STAT.resident);
    this.kernel = stat.kernelThread;
    if (stat.field(STAT.parent) !== this.#parentNumber) {
      this.#parentNumber = stat.field(STAT.parent);
      this.parent = String(this.#parentNumber);
    }
    if (stat.isNamed(this.#nameBytes)) return;
    this.#nameBytes = stat.nameBytes();
    const name = stat.name();
    this.name = MEANINGLESS_NAMES.has(name) ? (this.#executable() ?? name) : name;
    this.#cells = undefined;
    this.changed = true;
  }

  /** The name of the file that it runs; undefined where it may not be read. */
  #executable(): string | undefined {
    const link = `${this.folder}/exe`;
    this.#files.noteRead(link, 'link');
    try {
      return basename(readlinkSync(link)).replace(/ \(deleted\)$/, '');
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return undefined;
    }
  }

  /** proc_pid_io(5). The file may be read by its owner and by who may trace it. */
  #readIo(parsed: Io): void {
    const file = (this.#io ??= this.#files.file(`${this.folder}/io`));
    const { counters } = this;
    if (file.read(this.#watched) !== 'ok') {
      this.#lacking.add('io');
      counters.fill(Number.NaN, COUNTER.readBytes, COUNTER.writes + 1);
      return;
    }
    parsed.parse(this.#files.buffer, this.#files.length, file.path);
    counters[COUNTER.reads] = parsed.reads;
    counters[COUNTER.writes] = parsed.writes;
    counters[COUNTER.readBytes] = parsed.readBytes;
    counters[COUNTER.writtenBytes] = parsed.writtenBytes;
  }

  /** proc_pid_fd(5). */
  #countOpenFiles(by: 'size' | 'names'): void {
    const folder = (this.#descriptors ??= this.#files.file(`${this.folder}/fd`, 'folder'));
    try {
      this.openFiles = by === 'size' ? folder.size(this.#watched) : folder.names();
    } catch (error) {
      outcome(error);
      this.#lacking.add('fd');
      this.openFiles = Number.NaN;
    }
  }

  /** proc_pid_status(5). A kernel thread has no `VmSwap`; the file of another user may be read. */
  #readStatus(): void {
    const file = (this.#status ??= this.#files.file(`${this.folder}/status`));
    if (file.read(this.#watched) !== 'ok') {
      this.#lacking.add('status');
      this.swap = this.counters[COUNTER.voluntary] = this.counters[COUNTER.involuntary] = Number.NaN;
      return;
    }
    const text = new Text(file.path, this.#files.buffer, this.#files.length);
    this.swap = (text.numberAfter(SWAP) ?? Number.NaN) * KIB;
    this.counters[COUNTER.voluntary] = text.numberAfter(VOLUNTARY) ?? Number.NaN;
    this.counters[COUNTER.involuntary] = text.numberAfter(INVOLUNTARY) ?? Number.NaN;
  }
}

/** How open files are counted here: since Linux 6.2 the folder's size is their number. */
export function openFilesBy(host: Host): 'size' | 'names' {
  if (!host.live) return 'names';
  try {
    const folder = host.procPath('self/fd');
    // Listing the folder opens it.
    return statSync(folder).size === readdirSync(folder).length - 1 ? 'size' : 'names';
  } catch {
    return 'names';
  }
}
