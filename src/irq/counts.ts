/**
 * Counts by CPU out of `/proc/interrupts` and `/proc/softirqs`: proc_interrupts(5).
 *
 *              CPU0       CPU1
 *     4:          0       1443   IO-APIC   4-edge      ttyS0
 *   LOC:      10196       7429   Local timer interrupts
 *   ERR:          0
 *
 * The first line names the CPUs that are online. A line has a number for each, or one alone that belongs to no CPU. There may be no
 * blank behind the colon (`IPI0:2768808080`), and lines may be empty. What is written behind the numbers stays the same while the
 * kernel keeps the line, so it becomes text once, and is recognised by its bytes afterwards. The numbers are read byte by byte: a
 * machine with 64 CPUs writes some 140 KB.
 */
import type { Text } from '../text.ts';
import { Row } from '../text.ts';

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
/** Four blanks: most of the file is blanks, and they are skipped four at once. */
const BLANKS = 0x20_20_20_20;

/** One line: who it is, and its counts. */
export interface Line {
  /** `4`, `LOC`. */
  readonly name: string;
  /** What is behind the numbers, with blanks as the kernel wrote them. */
  readonly rest: string;
  readonly counts: Float64Array;
  /** How many counts this read gave: one for each CPU, or 1. */
  given: number;
}

interface Known extends Line {
  readonly nameBytes: Buffer;
  readonly restBytes: Buffer;
}

export class Counts {
  /** The CPUs by their numbers, in the order of the columns: `0`, `2`. */
  cpus: readonly string[] = [];
  #head: Buffer = Buffer.alloc(0);
  /** By number of the line; a kernel writes the same lines in the same order. */
  #known: Known[] = [];
  readonly #lines: Line[] = [];

  /** The lines of this text, in an array that the next read overwrites. A line that is the same line is the same object. Throws `Malformed`. */
  read(text: Text): readonly Line[] {
    this.#lines.length = 0;
    const row = new Row(text);
    if (!row.next()) throw text.first().malformed('the file is empty');
    this.#readHead(text, row);
    const { buffer, byteOffset, byteLength } = text.buffer;
    const view = new DataView(buffer, byteOffset, byteLength);
    for (let number = 0; toNextLine(text, row); ) {
      if (isBlank(text, row)) continue;
      this.#lines.push(this.#readLine(text, view, row, number++));
    }
    return this.#lines;
  }

  #readHead(text: Text, row: Row): void {
    if (text.buffer.compare(this.#head, 0, this.#head.length, row.start, row.end) === 0) return;
    const cpus: string[] = [];
    for (let word = 0; word < row.count; word++) {
      if (!row.text(word).startsWith('CPU')) throw row.malformed('a heading that is no CPU');
      cpus.push(row.text(word).slice('CPU'.length));
    }
    if (cpus.length === 0) throw row.malformed('no CPU in the first line');
    this.cpus = cpus;
    this.#head = Buffer.from(text.buffer.subarray(row.start, row.end));
    this.#known = [];
  }

  #readLine(text: Text, view: DataView, row: Row, number: number): Line {
    const { buffer } = text;
    const { end } = row;
    let from = row.start;
    while (from < end && buffer[from] === SPACE) from++;
    let colon = from;
    while (colon < end && buffer[colon] !== COLON) colon++;
    if (colon >= end) throw row.malformed('no colon');
    const known = this.#known[number];
    const isKnown = known !== undefined && isSame(buffer, from, colon, known.nameBytes);
    const counts = isKnown ? known.counts : new Float64Array(this.cpus.length);
    const rest = readNumbers(view, colon + 1, end, counts);
    if (given !== 1 && given !== counts.length) throw row.malformed(`${given} numbers for ${counts.length} CPUs`);
    if (isKnown && isSame(buffer, rest, end, known.restBytes)) {
      known.given = given;
      return known;
    }
    const line: Known = {
      name: buffer.toString('utf8', from, colon),
      rest: buffer.toString('utf8', rest, end).trim(),
      counts,
      given,
      nameBytes: Buffer.from(buffer.subarray(from, colon)),
      restBytes: Buffer.from(buffer.subarray(rest, end)),
    };
    this.#known[number] = line;
    return line;
  }
}

/** Whether the bytes from `from` to `to` are these. They are few, and a call of `compare` costs more. */
function isSame(buffer: Buffer, from: number, to: number, bytes: Buffer): boolean {
  if (to - from !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (buffer[from + i] !== bytes[i]) return false;
  return true;
}

/** As `row.next()`, for lines so long that looking for their ends is a part of the cost. Finds no words. */
function toNextLine({ buffer, length }: Text, row: Row): boolean {
  row.start = row.end + 1;
  if (row.start >= length) return false;
  const end = buffer.indexOf(NEWLINE, row.start);
  row.end = end < 0 || end > length ? length : end;
  return true;
}

/** How many numbers `readNumbers` found last: a second result without an object a line. */
let given = 0;

/** Reads at most as many numbers as `counts` has room for; returns where what is behind them starts. */
function readNumbers(view: DataView, from: number, end: number, counts: Float64Array): number {
  const most = counts.length;
  let at = from;
  given = 0;
  while (given < most) {
    let start = at;
    while (start + 4 <= end && view.getUint32(start) === BLANKS) start += 4;
    while (start < end && isSpace(view.getUint8(start))) start++;
    let value = 0;
    let digit = start;
    for (; digit < end; digit++) {
      const byte = view.getUint8(digit);
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
    }
    // A word that only begins with digits belongs to the description.
    if (digit === start || (digit < end && !isSpace(view.getUint8(digit)))) break;
    counts[given++] = value;
    at = digit;
  }
  return at;
}

const isSpace = (byte: number | undefined): boolean => byte === SPACE || byte === TAB;

function isBlank({ buffer }: Text, { start, end }: Row): boolean {
  for (let at = start; at < end; at++) if (!isSpace(buffer[at])) return false;
  return true;
}

/** What the kernel says of an interrupt line behind its numbers. */
export interface Description {
  /** The chip (`IO-APIC`), or what an interrupt without a number is (`Local timer interrupts`). */
  readonly what: string;
  /** Number at the chip and how it is triggered: `2-edge`, `29 Level`; empty where the kernel does not say. */
  readonly line: string;
  /** Devices that share it: `ehci_hcd:usb1, mmc0`. */
  readonly devices: string;
}

/** Chip, number at the chip, trigger (`-edge` or ` Level`), devices. The chip may be several words, with one blank between them. */
const NUMBERED = /^(\S+(?: \S+)*?)\s+(\d+)(-\S+|\s+(?:Level|Edge)(?=\s|$))?(?:\s+(.*))?$/;

export function describeLine({ name, rest }: Line): Description {
  if (!/^\d+$/.test(name)) return { what: rest, line: '', devices: '' };
  const [, chip, number, trigger = '', devices = ''] = NUMBERED.exec(rest) ?? [];
  if (chip !== undefined) return { what: chip, line: `${number}${trigger.replace(/^\s+/, ' ')}`, devices };
  // An interrupt controller without numbers of its own: `XT-PIC  timer`.
  const [, first = '', others = ''] = /^(\S*)\s*(.*)$/.exec(rest) ?? [];
  return { what: first, line: '', devices: others };
}
