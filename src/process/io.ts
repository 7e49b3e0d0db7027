/**
 * `/proc/PID/io`, what a process read and wrote: proc_pid_io(5). A key and a number a line. The kernel adds up what the threads did, and
 * what the children did that were waited for.
 */
import { Malformed } from '../errors.ts';
import { digits } from './digits.ts';

const KEYS = ['syscr: ', 'syscw: ', 'read_bytes: ', 'write_bytes: '] as const;
const NEWLINE = 10;

export class Io {
  /** Calls of read(2) and the like. */
  reads = 0;
  writes = 0;
  /** Bytes that disks were asked for. */
  readBytes = 0;
  /** Bytes that were made dirty in the page cache; of them, some may have been truncated before they were written. */
  writtenBytes = 0;

  /** Parses the first `length` bytes of a buffer. Throws `Malformed`. */
  parse(buffer: Buffer, length: number, file: string): void {
    this.reads = this.writes = this.readBytes = this.writtenBytes = Number.NaN;
    for (let start = 0; start < length; ) {
      let end = start;
      while (end < length && buffer[end] !== NEWLINE) end++;
      if (startsWith(buffer, start, KEYS[0])) this.reads = digits(buffer, start + KEYS[0].length, end);
      else if (startsWith(buffer, start, KEYS[1])) this.writes = digits(buffer, start + KEYS[1].length, end);
      else if (startsWith(buffer, start, KEYS[2])) this.readBytes = digits(buffer, start + KEYS[2].length, end);
      else if (startsWith(buffer, start, KEYS[3])) this.writtenBytes = digits(buffer, start + KEYS[3].length, end);
      start = end + 1;
    }
    if (!Number.isNaN(this.reads + this.writes + this.readBytes + this.writtenBytes)) return;
    const excerpt = buffer.toString('utf8', 0, length);
    throw new Malformed(`no number behind ${KEYS.map((key) => key.trim()).join(' or ')}`, file, 1, excerpt);
  }
}

/** The buffer is long enough, or what is behind its end is undefined and equals nothing. */
function startsWith(buffer: Buffer, at: number, key: string): boolean {
  for (let i = 0; i < key.length; i++) if (buffer[at + i] !== key.charCodeAt(i)) return false;
  return true;
}
