/**
 * Files whose reading may wait for somebody else: `cmdline` and `smaps_rollup` take a lock of the process that they are about, and a
 * PID file lies on any filesystem.
 *
 * They are read in the thread pool, one at a time. A read that has not ended by the deadline is left behind, and until it ends no
 * other is begun: so one thread of the pool hangs at most, however many processes are stuck.
 */
import { readFile } from 'node:fs/promises';
import { abortable } from '../abort.ts';
import { errno } from '../errors.ts';
import type { Host } from '../host.ts';
import { Text } from '../text.ts';

/** What all slow reads of one sample may take, in milliseconds. */
const SAMPLE_MS = 1000;

export class SlowFiles {
  readonly #host: Host;
  #hung = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** The deadline of a sample's slow reads. */
  deadline(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(SAMPLE_MS)]);
  }

  /** The file; `none` when it is gone or forbidden, `late` when there was no answer by the deadline, or is none to be had. */
  async read(path: string, deadline: AbortSignal): Promise<Text | 'none' | 'late'> {
    if (this.#hung || deadline.aborted) return 'late';
    this.#host.noteRead(path, 'file');
    this.#hung = true;
    const reading = this.#readWhole(path);
    try {
      return await abortable(reading, deadline);
    } catch (error) {
      if (deadline.aborted) return 'late';
      throw error;
    }
  }

  async #readWhole(path: string): Promise<Text | 'none'> {
    try {
      const bytes = await readFile(path);
      return new Text(path, bytes, bytes.length);
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return 'none';
    } finally {
      this.#hung = false;
    }
  }
}
