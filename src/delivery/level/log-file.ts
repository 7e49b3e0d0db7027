/**
 * LevelDB's logs and manifests (doc/log_format.md of LevelDB 1.20): blocks of 32 KiB of records, each with a checksum. LevelDB drops the
 * rest of a block behind a record that it cannot read, and says nothing; here what is intact behind it is found again.
 */
import { checksumOf } from './checksum.ts';

const BLOCK = 32_768;
const HEADER = 7;
const [ZERO, FULL, FIRST, MIDDLE, LAST] = [0, 1, 2, 3, 4];

export interface LogContent {
  /** What was written, a batch or an edit each. */
  readonly records: readonly Buffer[];
  /**
   * whole    every byte is accounted for
   * torn     the end of the file is missing, or zeros: what a killed process or a power cut leaves
   * damaged  something in it was changed
   */
  readonly state: 'whole' | 'torn' | 'damaged';
}

interface Piece {
  readonly type: number;
  readonly data: Buffer;
  readonly end: number;
}

/** The record at an offset, if one is intact there; `end` is where its block ends. */
function pieceAt(bytes: Buffer, at: number, end: number): Piece | undefined {
  if (at + HEADER > end) return undefined;
  const [length, type] = [bytes.readUInt16LE(at + 4), bytes[at + 6] as number];
  const stop = at + HEADER + length;
  if (type < FULL || type > LAST || stop > end) return undefined;
  if (checksumOf(bytes.subarray(at + 6, stop)) !== bytes.readUInt32LE(at)) return undefined;
  return { type, data: bytes.subarray(at + HEADER, stop), end: stop };
}

const onlyZeros = (bytes: Buffer, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (bytes[at] !== ZERO) return false;
  return true;
};

/** Whether the file ends within the record that begins here. */
function isCut(bytes: Buffer, at: number): boolean {
  if (at + HEADER > bytes.length) return true;
  const stop = at + HEADER + bytes.readUInt16LE(at + 4);
  return stop > bytes.length && stop <= at - (at % BLOCK) + BLOCK;
}

/** Puts records together from their pieces; what has lost a piece is left out. */
class Assembler {
  readonly records: Buffer[] = [];
  #pieces: Buffer[] | undefined;
  lossy = false;

  take({ type, data }: Piece): void {
    if ((type === FULL || type === FIRST) !== (this.#pieces === undefined)) this.lossy = true;
    if (type === FULL || type === FIRST) this.#pieces = undefined;
    if (type === FULL) this.records.push(data);
    else if (type === FIRST) this.#pieces = [data];
    else if (this.#pieces) {
      this.#pieces.push(data);
      if (type === LAST) {
        this.records.push(Buffer.concat(this.#pieces));
        this.#pieces = undefined;
      }
    }
  }

  /** A piece is missing here. */
  gap(): void {
    this.#pieces = undefined;
  }

  get unfinished(): boolean {
    return this.#pieces !== undefined;
  }
}

/** Everything in a log that is intact. */
export function readLog(bytes: Buffer): LogContent {
  const found = new Assembler();
  let [torn, damaged] = [false, false];
  for (let start = 0; start < bytes.length && !torn; start += BLOCK) {
    const end = Math.min(start + BLOCK, bytes.length);
    for (let at = start; at < end; ) {
      const piece = pieceAt(bytes, at, end);
      if (piece) {
        found.take(piece);
        at = piece.end;
        continue;
      }
      // A block ends with zeros when no header fits.
      if (end - start === BLOCK && end - at < HEADER && onlyZeros(bytes, at, end)) break;
      torn = onlyZeros(bytes, at, bytes.length);
      if (torn) break;
      found.gap();
      const next = nextPiece(bytes, at + 1, end);
      torn = next === end && isCut(bytes, at);
      damaged ||= !torn;
      at = next;
    }
  }
  damaged ||= found.lossy;
  torn ||= found.unfinished;
  return { records: found.records, state: damaged ? 'damaged' : torn ? 'torn' : 'whole' };
}

/** Where the next record of a block is that is intact, or the end of the block. */
function nextPiece(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && !pieceAt(bytes, at, end)) at++;
  return at;
}

/** A log that holds these records. */
export function writeLog(records: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let used = 0;
  for (const record of records) {
    for (let from = 0, first = true; first || from < record.length; first = false) {
      if (BLOCK - used < HEADER) {
        parts.push(Buffer.alloc(BLOCK - used));
        used = 0;
      }
      const to = Math.min(record.length, from + BLOCK - used - HEADER);
      const last = to === record.length;
      const piece = Buffer.alloc(HEADER + to - from);
      piece.writeUInt16LE(to - from, 4);
      piece[6] = first ? (last ? FULL : FIRST) : last ? LAST : MIDDLE;
      record.copy(piece, HEADER, from, to);
      piece.writeUInt32LE(checksumOf(piece.subarray(6)), 0);
      parts.push(piece);
      used = (used + piece.length) % BLOCK;
      from = to;
    }
  }
  return Buffer.concat(parts);
}
