/**
 * The processes of a machine, kept from scan to scan.
 *
 * A scan lists `/proc` and reads `stat` of the processes that are watched, of those that are new, of those that are one scan old (a
 * process is born under the name of its parent, and soon runs another program), and of all others now and then: one in
 * REFRESH_SCANS at each scan. A process that is not watched thus costs next to nothing, and is found out when it changes: the kernel
 * gives a number to another only after it gave all others, so that a number that stays in the list is hardly ever another's.
 */
import { Unavailable } from '../errors.ts';
import type { Host } from '../host.ts';
import { ProcessFiles } from './file.ts';
import { Io } from './io.ts';
import { isGone, pids } from './pids.ts';
import { type Extras, Process, type Rest } from './process.ts';
import { keepsSchedule } from './schedule.ts';
import { Stat } from './stat.ts';
import { type StateOf, shareStates } from './states.ts';
import { Stillness } from './stillness.ts';

/** A process that nobody watches is read once in so many scans. */
const REFRESH_SCANS = 16;
/** To find out whether it is a still moment is worth it where so many processes were asked after at the scan before. */
const ASKED_MIN = 16;

export class ProcessTable {
  /** Those that left since the scan before, as they were last read. */
  readonly gone: Process[] = [];
  /** How many there are that even `stat` may not be read of: `/proc` is mounted with hidepid=1. */
  hidden = 0;
  readonly #host: Host;
  readonly #files: ProcessFiles;
  readonly #stat = new Stat();
  readonly #io = new Io();
  readonly #processes = new Map<string, Process>();
  /** The same, to be walked: a walk of a map makes an object for each entry. */
  #list: readonly Process[] | undefined;
  /** Numbers of the hidden, and the scan that asked last. */
  #refused = new Map<string, number>();
  #scan = 0;
  readonly #stillness: Stillness | undefined;
  #rest: Rest = 'unknown';
  /** How many processes were asked after at this scan. */
  #asked = 0;

  /** `openMax` is how many files may stay open. Throws `Unavailable` where no process is seen. */
  constructor(host: Host, openMax: number) {
    if (host.platform !== 'linux') throw new Unavailable(`processes are read from Linux' /proc; this is ${host.platform}`);
    this.#host = host;
    this.#files = new ProcessFiles(host, openMax);
    this.#stillness = keepsSchedule(host) ? new Stillness(host) : undefined;
    pids(host);
  }

  /** By number, as they were found. */
  get processes(): readonly Process[] {
    return (this.#list ??= [...this.#processes.values()]);
  }

  get size(): number {
    return this.#processes.size;
  }

  get(pid: string): Process | undefined {
    return this.#processes.get(pid);
  }

  /** Brings the table up to date. Throws `Malformed` when the kernel's promise is broken. */
  scan(): void {
    const scan = ++this.#scan;
    this.#rest = this.#restOf(this.gone.length > 0);
    this.gone.length = 0;
    const refused = new Map<string, number>();
    for (const pid of pids(this.#host)) {
      const known = this.#processes.get(pid);
      if (known) {
        known.seen = scan;
        if (!this.#due(known) || this.refresh(known)) continue;
      }
      const asked = this.#refused.get(pid);
      if (asked !== undefined && scan - asked < REFRESH_SCANS) refused.set(pid, asked);
      else if (!this.#add(pid)) refused.set(pid, scan);
    }
    this.#refused = refused;
    this.hidden = refused.size;
    this.processes.forEach((process) => {
      if (process.seen !== scan) this.#remove(process);
    });
    shareStates(this.#host, this.#stateOf);
  }

  /** Reads a process unless it was read in this scan; false when it is gone, and is no more in the table. */
  refresh(process: Process): boolean {
    if (process.read === this.#scan) return true;
    process.read = this.#scan;
    this.#asked++;
    if (process.update(this.#stat, this.#rest)) return true;
    this.#remove(process);
    return false;
  }

  /** Reads what is wanted of a process beside `stat`; false when it is gone. It stays in the table until the next scan. */
  measure(process: Process, extras: Extras): boolean {
    return process.measure(extras, this.#stat, this.#io);
  }

  close(): void {
    for (const process of this.#processes.values()) process.close();
    this.#stillness?.close();
  }

  /** The children of one that left since the scan before have another parent now. */
  #restOf(left: boolean): Rest {
    if (!this.#stillness) return 'unknown';
    const asks = this.#asked >= ASKED_MIN;
    this.#asked = 0;
    return asks && this.#stillness.untouched() && !left ? 'all' : 'io';
  }

  /** Whether a process is read at this scan; marks it when somebody should look again who it is. */
  #due(process: Process): boolean {
    const age = this.#scan - process.born;
    if (age === 1 || (age + process.phase) % REFRESH_SCANS === 0) {
      process.changed = true;
      process.forgive();
      return true;
    }
    return process.watched;
  }

  readonly #stateOf: StateOf = (pid) => {
    const process = this.#processes.get(pid);
    return process?.read === this.#scan ? process.state : undefined;
  };

  #remove(process: Process): void {
    process.close();
    this.#list = undefined;
    this.#processes.delete(process.pid);
    this.gone.push(process);
  }

  /** Takes up a process, unless it is gone already; false when it is hidden. */
  #add(pid: string): boolean {
    const folder = this.#host.procPath(pid);
    const file = this.#files.file(`${folder}/stat`);
    const outcome = file.read(false);
    if (outcome === 'gone') isGone(this.#host, pid);
    if (outcome !== 'ok') return outcome === 'gone';
    this.#stat.parse(this.#files.buffer, this.#files.length, file.path);
    const process = new Process(pid, folder, file, this.#files, this.#stat, this.#scan);
    // One that was born since the last scan used all of it since then.
    if (this.#scan > 1) process.ticks = process.totalTicks;
    this.#processes.set(pid, process);
    this.#list = undefined;
    return true;
  }
}
