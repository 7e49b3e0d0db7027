/**
 * `/proc/PID/stat`, one line of numbers about a process: proc_pid_stat(5).
 *
 * The name stands in brackets and may itself hold brackets, blanks, newlines and bytes that are not UTF-8: it lies between the
 * first `(` and the last `)` of the file, of which only the first line counts otherwise. Numbers are doubles: what is above 2^53
 * (limits and addresses, which nobody reads here, and the extremes that broken counters show) loses its last digits.
 */
import { Malformed } from '../errors.ts';
import { digits } from './digits.ts';

/** The kernel's clock ticks in this file, a second: USER_HZ, 100 on every architecture that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Numbers of fields, as the manual page counts them from 1. */
export const STAT = {
  parent: 4,
  flags: 9,
  minorFaults: 10,
  childrenMinorFaults: 11,
  majorFaults: 12,
  childrenMajorFaults: 13,
  user: 14,
  system: 15,
  childrenUser: 16,
  childrenSystem: 17,
  threads: 20,
  start: 22,
  virtual: 23,
  resident: 24,
} as const;

/** The state of one that runs or waits for a CPU. */
export const RUNNING = 'R'.charCodeAt(0);

/** Later fields are addresses and signals, and differ between kernels. */
const LAST_FIELD = STAT.resident;
const STATE_FIELD = 3;
/** In the flags: a thread of the kernel's own. */
const PF_KTHREAD = 0x00200000;

const NEWLINE = 10;
const SPACE = 32;
const OPEN = 40;
const CLOSE = 41;
const MINUS = 45;

/** The line last parsed into it. */
export class Stat {
  /** By the field's number. */
  readonly #fields = new Float64Array(LAST_FIELD + 1);
  /** The letter's ASCII code: R, S, D, I, T, t, Z, X. */
  state = 0;
  #file = '';
  #buffer: Buffer = Buffer.alloc(0);
  #nameStart = 0;
  #nameEnd = 0;

  field(number: (typeof STAT)[keyof typeof STAT]): number {
    return this.#fields[number] as number;
  }

  get kernelThread(): boolean {
    return (this.field(STAT.flags) & PF_KTHREAD) !== 0;
  }

  /** The name as text; bytes that are not UTF-8 become U+FFFD. Valid until the buffer is read into again, as is `isNamed`. */
  name(): string {
    return this.#buffer.toString('utf8', this.#nameStart, this.#nameEnd);
  }

  /** The name's bytes, a copy. */
  nameBytes(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, this.#nameStart, this.#nameEnd);
  }

  /** Whether the name has exactly these bytes. Costs no string. */
  isNamed(bytes: Uint8Array): boolean {
    const length = this.#nameEnd - this.#nameStart;
    if (bytes.length !== length) return false;
    for (let i = 0; i < length; i++) if (this.#buffer[this.#nameStart + i] !== bytes[i]) return false;
    return true;
  }

  /** Parses the first `length` bytes of a buffer. Throws `Malformed`. */
  parse(buffer: Buffer, length: number, file: string): void {
    this.#file = file;
    this.#buffer = buffer;
    this.#nameEnd = nameEnd(buffer, length);
    this.#nameStart = 1;
    while (this.#nameStart <= this.#nameEnd && buffer[this.#nameStart - 1] !== OPEN) this.#nameStart++;
    if (this.#nameEnd < this.#nameStart) throw this.#malformed('no name in brackets', length);
    this.state = parseState(buffer, length, file);
    let at = this.#nameEnd + 3;
    for (let field = STATE_FIELD + 1; field <= LAST_FIELD; field++) at = this.#number(field, at, length);
  }

  /** Parses the number after the blank at `at`; returns where it ends. */
  #number(field: number, at: number, length: number): number {
    const buffer = this.#buffer;
    if (buffer[at] !== SPACE || at >= length) throw this.#malformed(`no field ${field}`, length);
    const from = at + 1;
    let to = from;
    while (to < length && buffer[to] !== SPACE && buffer[to] !== NEWLINE) to++;
    const negative = buffer[from] === MINUS;
    const value = digits(buffer, negative ? from + 1 : from, to);
    if (Number.isNaN(value)) throw this.#malformed(`field ${field} is not a number`, length);
    this.#fields[field] = negative ? -value : value;
    return to;
  }

  #malformed(what: string, length: number): Malformed {
    return malformed(what, this.#buffer, length, this.#file);
  }
}

/** The letter of the state alone, as ASCII code, of the first `length` bytes of a buffer. Throws `Malformed`. */
export function parseState(buffer: Buffer, length: number, file: string): number {
  const at = nameEnd(buffer, length);
  if (at < 0 || at + 2 >= length || buffer[at + 1] !== SPACE)
    throw malformed('no state after a name in brackets', buffer, length, file);
  return buffer[at + 2] as number;
}

/** Where the last closing bracket is, or -1. */
function nameEnd(buffer: Buffer, length: number): number {
  let at = length - 1;
  while (at >= 0 && buffer[at] !== CLOSE) at--;
  return at;
}

const malformed = (what: string, buffer: Buffer, length: number, file: string): Malformed =>
  new Malformed(what, file, 1, buffer.toString('utf8', 0, length));
