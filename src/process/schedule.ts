/**
 * Whether a process has run since it was last looked at, from `/proc/PID/schedstat`: the time that its main thread ran, the time that it
 * waited for a CPU, and how often it was given one. https://docs.kernel.org/scheduler/sched-stats.html
 *
 * What a process reads, writes, opens and closes it does while it runs. So of one that has a single thread and has not run since, `io` and
 * `fd` say what they said, and this costs less than half of reading them. Nothing is read on its behalf: threads of io_uring count as
 * threads of the process, children that end are added when it waits for them, and what is sent to it is there when it takes it. Of a
 * process that shares its table of files with another (CLONE_FILES without CLONE_THREAD) the number may be old, until the next time
 * that everything is read. What of `stat` may change while it does not run is in `stillness.ts`.
 */
import type { Host } from '../host.ts';
import type { ProcessFile, ProcessFiles } from './file.ts';

/** Three numbers of up to 20 digits. */
const BYTES_MAX = 64;
/** A kernel that does not count writes noughts. */
const COUNTED = /^[1-9]\d* \d+ [1-9]\d*\n$/;

/** Whether the kernel keeps these numbers here. */
export function keepsSchedule(host: Host): boolean {
  if (!host.live || host.watched) return false;
  return COUNTED.test(host.reader().maybe(host.procPath('self/schedstat'))?.toString() ?? '');
}

export class Schedule {
  readonly #file: ProcessFile;
  readonly #files: ProcessFiles;
  /** As it was read last, and its length; 0 is unknown. */
  readonly #seen = Buffer.alloc(BYTES_MAX);
  #length = 0;
  #readable = true;

  constructor(folder: string, files: ProcessFiles) {
    this.#file = files.file(`${folder}/schedstat`);
    this.#files = files;
  }

  /**
   * Whether it has not run since this was asked last. To be asked before everything else is read of it, so that what it does meanwhile is
   * seen at the next call; and not of one that was on a CPU then, whose numbers are brought up to date now and then.
   */
  rested(): boolean {
    // An open that fails costs more than this file saves.
    this.#readable &&= this.#file.read(true) === 'ok';
    if (!this.#readable) return false;
    const { buffer, length } = this.#files;
    if (length === this.#length && this.#isSame(buffer)) return true;
    this.#length = length > BYTES_MAX ? 0 : buffer.copy(this.#seen, 0, 0, length);
    return false;
  }

  /** The next call answers no. */
  forget(): void {
    this.#length = 0;
  }

  close(): void {
    this.#file.close();
  }

  #isSame(buffer: Buffer): boolean {
    // Written out: what a call for it costs is more.
    for (let i = 0; i < this.#length; i++) if (buffer[i] !== this.#seen[i]) return false;
    return true;
  }
}
