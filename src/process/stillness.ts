/**
 * Moments at which a process that has not run is as it was when it was read, so that its `stat` need not be read again.
 *
 * Its state is that of one asleep until it is woken, and one that was woken and waits for a CPU counts as running: where `/proc/stat` says that
 * one thread runs or waits, which is the one that reads it, no other does. Its memory is taken from it while it sleeps when the kernel
 * looks for pages to reclaim, which `/proc/vmstat` counts: proc_stat(5), proc_vmstat(5). What else may befall it (another process renames it,
 * shares its memory or cuts off a file that it has mapped; the kernel makes huge pages of its memory) is seen when everything is read, at every
 * sixteenth sample.
 */
import type { Host, HotFile } from '../host.ts';
import { keyBytes } from '../text.ts';

const RUNNING = keyBytes('procs_running ');
const SCANNED = [keyBytes('pgscan_anon '), keyBytes('pgscan_file ')] as const;

export class Stillness {
  readonly #stat: HotFile;
  readonly #vmstat: HotFile;
  #scanned = Number.NaN;

  constructor(host: Host) {
    this.#stat = host.proc('stat', 'at once');
    // Opened now: a file that stays open from some later moment on looks like a leak.
    this.#stat.maybe();
    this.#vmstat = host.proc('vmstat');
  }

  /** Whether nothing but the thread that asks runs or waits for a CPU. */
  alone(): boolean {
    return this.#stat.maybe()?.numberAfter(RUNNING) === 1;
  }

  /** Whether that is so and no memory was taken from anyone since the last time that it was. */
  untouched(): boolean {
    if (!this.alone()) return false;
    const text = this.#vmstat.maybe();
    const [anonymous, mapped] = SCANNED.map((key) => text?.numberAfter(key) ?? Number.NaN);
    const before = this.#scanned;
    this.#scanned = (anonymous as number) + (mapped as number);
    return this.#scanned === before;
  }

  close(): void {
    this.#stat.close();
    this.#vmstat.close();
  }
}
