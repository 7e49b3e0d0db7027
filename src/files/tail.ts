/**
 * A log that is followed. A position is a file, by its identity and a checksum of its beginning, and how many bytes of it were taken.
 *
 *   grown       what is new is read, up to the last line's end
 *   rotated     another file is at the path: the rest of the old one is read from where it is open, then the new one from its start
 *   truncated   it is shorter than what was read of it, or begins otherwise: read from its start
 *   restarted   the file of the kept position is looked for in its folder, for it may have been rotated meanwhile
 *
 * A position moves over whole lines alone. What was compressed or removed before the rest was read is lost, as is a file of which a log was
 * rotated twice between two samples.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errno } from '../errors.ts';
import { idOf } from './entry.ts';
import type { TailOptions } from './options.ts';

/** How much of a file's beginning tells it from others, in bytes. */
const HEAD_BYTES = 256;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** What is kept of a log from one run to the next. */
export interface Position {
  readonly id: string;
  readonly offset: number;
  /** Checksum of the first bytes, and how many these are. */
  readonly head: string;
  readonly headBytes: number;
}

export interface TailCounts {
  lines: number;
  matched: number;
  overlong: number;
  rotations: number;
  truncations: number;
}

interface Current {
  readonly handle: FileHandle;
  readonly id: string;
  offset: number;
  head: string;
  headBytes: number;
  /** A line that is too long is being passed over. */
  skipping: boolean;
}

export class Tail {
  readonly counts: TailCounts = { lines: 0, matched: 0, overlong: 0, rotations: 0, truncations: 0 };
  readonly #path: string;
  readonly #given: TailOptions;
  #current: Current | undefined;
  #kept: Position | undefined;
  /** Whether a file at the path is read from its start: it came after we did. */
  #fresh = false;
  /** Bytes that wait to be read, at the last look. */
  lag: number | undefined;

  /** `path` is the real one; `kept` is the position of the run before. */
  constructor(path: string, given: TailOptions, kept: Position | undefined) {
    this.#path = path;
    this.#given = given;
    this.#kept = kept;
    this.#fresh = kept !== undefined || given.from === 'start';
  }

  get position(): Position | undefined {
    const current = this.#current;
    return current ? { id: current.id, offset: current.offset, head: current.head, headBytes: current.headBytes } : this.#kept;
  }

  /** Whether there is a file to read. */
  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** The lines since the last look, of at most `max_read` bytes. Throws the system's error when the file cannot be read. */
  async read(): Promise<string[]> {
    const lines: string[] = [];
    let room = this.#given.max_read;
    if (!this.#current) await this.#begin();
    // The old file, then the new one: no more than that at a sample.
    for (let files = 0; files < 2 && this.#current; files++) {
      const current = this.#current;
      room = await this.#readOn(current, lines, room);
      if (room <= 0 || !(await this.#isReplaced(current))) break;
      await current.handle.close();
      this.#current = undefined;
      this.counts.rotations++;
      this.#fresh = true;
      this.#kept = undefined;
      await this.#openAt(this.#path, 0);
    }
    return lines;
  }

  async close(): Promise<void> {
    const position = this.position;
    await this.#current?.handle.close();
    this.#current = undefined;
    this.#kept = position;
  }

  async #begin(): Promise<void> {
    const kept = this.#kept;
    if (kept && (await this.#resume(kept))) return;
    await this.#openAt(this.#path, this.#fresh ? 0 : undefined);
    // One that is not there yet is read from its start when it comes.
    this.#fresh = true;
  }

  /** Goes on in the file of the kept position: at the path, or beside it if it was rotated. */
  async #resume(kept: Position): Promise<boolean> {
    if (await this.#openAt(this.#path, kept.offset, kept)) return true;
    const folder = dirname(this.#path);
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (await this.#openAt(join(folder, name), kept.offset, kept)) return true;
    return false;
  }

  /** Opens a file at an offset, or at its end; where a position is given, only the file of that. */
  async #openAt(path: string, offset: number | undefined, only?: Position): Promise<boolean> {
    let handle: FileHandle;
    try {
      // A pipe would hold up whoever opens it.
      const before = await stat(path, { bigint: true });
      if (!before.isFile() || (only && idOf(before) !== only.id)) return false;
      handle = await open(path, 'r');
    } catch (error) {
      if (only || errno(error) === 'ENOENT') return false;
      throw error;
    }
    const { size: length, ...now } = await handle.stat({ bigint: true });
    const size = Number(length);
    const id = idOf(now);
    if (only && (id !== only.id || size < only.offset || (await headOf(handle, only.headBytes)) !== only.head)) {
      await handle.close();
      return false;
    }
    const at = offset ?? size;
    this.#current = { handle, id, offset: at, head: '', headBytes: 0, skipping: false };
    await this.#mark(this.#current);
    return true;
  }

  async #readOn(current: Current, lines: string[], most: number): Promise<number> {
    const size = Number((await current.handle.stat()).size);
    const changed = size < current.offset || (await headOf(current.handle, current.headBytes)) !== current.head;
    if (changed) {
      this.counts.truncations++;
      current.offset = 0;
      current.skipping = false;
    }
    let room = most;
    let bytes = Math.min(CHUNK_BYTES, this.#given.max_line + 1);
    while (current.offset < size && room > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(Math.max(bytes, CHUNK_BYTES), size - current.offset));
      const { bytesRead } = await current.handle.read(buffer, 0, buffer.length, current.offset);
      if (bytesRead === 0) break;
      const taken = this.#take(current, buffer.subarray(0, bytesRead), lines);
      current.offset += taken;
      room -= taken;
      if (taken > 0) continue;
      // No line ends in it: more of it is needed, unless this is all, or too much.
      if (bytesRead > this.#given.max_line) {
        this.counts.overlong++;
        current.skipping = true;
      } else if (current.offset + bytesRead >= size) break;
      else bytes = bytesRead * 2;
    }
    this.lag = Math.max(0, size - current.offset);
    if (changed || current.headBytes < HEAD_BYTES) await this.#mark(current);
    return room;
  }

  /** Takes whole lines; returns how many bytes these are. Of a line that is passed over, all is taken. */
  #take(current: Current, bytes: Buffer, lines: string[]): number {
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      if (current.skipping) current.skipping = false;
      else if (at - from > this.#given.max_line) this.counts.overlong++;
      else {
        const line = bytes.toString('utf8', from, at);
        lines.push(line.endsWith('\r') ? line.slice(0, -1) : line);
        this.counts.lines++;
      }
      from = at + 1;
    }
    return current.skipping ? bytes.length : from;
  }

  /** Remembers how the file begins, of what was read of it. */
  async #mark(current: Current): Promise<void> {
    current.headBytes = Math.min(HEAD_BYTES, current.offset);
    current.head = await headOf(current.handle, current.headBytes);
  }

  /** Whether another file is at the path. While none is, the old one may still be written to. */
  async #isReplaced(current: Current): Promise<boolean> {
    const found = await stat(this.#path, { bigint: true }).catch(() => undefined);
    return found !== undefined && found.isFile() && idOf(found) !== current.id;
  }
}

async function headOf(handle: FileHandle, bytes: number): Promise<string> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
  return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('base64');
}
