/** What one process, or several together, use at a moment. */
import type { Process } from './process.ts';

const LETTERS = { R: 'running', D: 'blocked', T: 'stopped', t: 'stopped', Z: 'defunct', X: 'defunct', x: 'defunct' } as const;
const STATE_OF_LETTER = new Map(Object.entries(LETTERS).map(([letter, state]) => [letter.charCodeAt(0), state]));

/** Sums over the processes that were added; undefined is what could be read of none of them. */
export class Usage {
  /** In pages. */
  resident = 0;
  /** In bytes, as `swap` and `pss` are. */
  virtual = 0;
  swap: number | undefined;
  pss: number | undefined;
  threads = 0;
  openFiles: number | undefined;
  /** When the oldest started, in ticks after boot. */
  start: number | undefined;
  running = 0;
  blocked = 0;
  stopped = 0;
  defunct = 0;

  clear(): this {
    this.resident = this.virtual = this.threads = 0;
    this.running = this.blocked = this.stopped = this.defunct = 0;
    this.swap = this.pss = this.openFiles = this.start = undefined;
    return this;
  }

  add(process: Process): this {
    this.resident += process.resident;
    this.virtual += process.virtual;
    this.threads += process.threads;
    this.swap = plus(this.swap, process.swap);
    this.pss = plus(this.pss, process.pss);
    this.openFiles = plus(this.openFiles, process.openFiles);
    if (this.start === undefined || process.start < this.start) this.start = process.start;
    const state = STATE_OF_LETTER.get(process.state);
    if (state) this[state]++;
    return this;
  }
}

const plus = (sum: number | undefined, value: number): number | undefined => (Number.isNaN(value) ? sum : (sum ?? 0) + value);
