/** Bytes as lines, of which none is longer than a limit. A line that is too long is left out and counted, and half a line waits for its rest. */
import { StringDecoder } from 'node:string_decoder';

const NEWLINE = 10;

export class LineSplitter {
  /** Lines that were too long. */
  overlong = 0;
  readonly #max: number;
  readonly #take: (line: string) => void;
  #parts: Buffer[] = [];
  #size = 0;
  #skipping = false;

  /** `max` is in bytes. `take` is given each line without its end. */
  constructor(max: number, take: (line: string) => void) {
    this.#max = max;
    this.#take = take;
  }

  write(bytes: Buffer): void {
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      this.#add(bytes.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    this.#add(bytes.subarray(from));
  }

  /** Forgets a line that has no end; says whether there was one. */
  reset(): boolean {
    const half = this.#size > 0 || this.#skipping;
    this.#parts = [];
    this.#size = 0;
    this.#skipping = false;
    return half;
  }

  #add(part: Buffer): void {
    if (this.#skipping || part.length === 0) return;
    this.#size += part.length;
    if (this.#size <= this.#max) {
      // What comes from a pipe is of the pipe's own buffer, which may be large: only what waits is kept.
      this.#parts.push(Buffer.from(part));
      return;
    }
    this.overlong++;
    this.#parts = [];
    this.#skipping = true;
  }

  #finish(): void {
    const whole = this.#skipping ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    this.#skipping = false;
    if (whole === undefined) return;
    const line = new StringDecoder('utf8').end(whole);
    this.#take(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}

/** A text's lines without their ends; an end of the last line makes no empty one. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
