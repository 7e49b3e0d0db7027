/** Reads files of /proc and /sys to their ends. */
import { readSync } from 'node:fs';
import type { Text } from './text.ts';

/** First size of a file's buffer, in bytes: a page of the kernel's. It doubles when a file needs more. */
export const BUFFER_BYTES = 4096;
/** A file longer than this is refused, in bytes. The longest that the kernel makes in practice (`smaps`, `interrupts`) are below. */
const FILE_BYTES_MAX = 64 * 2 ** 20;

/**
 * How the kernel gives a file. `at once`: as much as fits into what is asked for, so that less than that is the end; so it is with
 * regular files, with all of sysfs and with what in /proc is written as a whole (`stat`, `meminfo`, `loadavg`; seq_file's single_open).
 * `in pieces`: it may stop before a line that does not fit into its page (`mountinfo`, `net/dev`), and the end is said with 0 bytes alone.
 */
export type Given = 'at once' | 'in pieces';

/** Reads from the start to the end, which each way of giving says otherwise. */
export function fill(fd: number, text: Text, given: Given): void {
  let length = 0;
  for (;;) {
    const read = readSync(fd, text.buffer, length, text.buffer.length - length, length);
    length += read;
    if (length === text.buffer.length) text.buffer = grown(text.buffer, text.file);
    else if (read === 0 || given === 'at once') break;
  }
  text.length = length;
}

function grown(buffer: Buffer, path: string): Buffer {
  if (buffer.length >= FILE_BYTES_MAX) throw new Error(`${path} is longer than ${FILE_BYTES_MAX} bytes`);
  const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
  buffer.copy(larger);
  return larger;
}
