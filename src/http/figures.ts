/** The process itself: its share of a core, memory, how late the event loop is, open files. Sampled at each turn of the monitor. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { countDescriptors } from '../telemetry/process-figures.ts';
import type { StatusView } from './view.ts';

/** How often the event loop's delay is looked at, in milliseconds: each look is a wake-up. */
const RESOLUTION_MS = 250;
/** Turns over which the delay is measured. */
const TURNS = 12;
const NS_PER_MS = 1e6;

export class ProcessFigures {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  /** Of the turns before. */
  #delayBefore = 0;
  #turns = 0;
  #last = { at: performance.now(), cpu: process.cpuUsage() };
  #before = this.#last;

  constructor() {
    this.#delay.enable();
  }

  turn(): void {
    this.#before = this.#last;
    this.#last = { at: performance.now(), cpu: process.cpuUsage() };
    if (++this.#turns < TURNS) return;
    this.#turns = 0;
    this.#delayBefore = this.#p99();
    this.#delay.reset();
  }

  view(): StatusView['process'] {
    const { user, system } = process.cpuUsage(this.#before.cpu);
    const elapsed = Math.max(1, performance.now() - this.#before.at);
    const descriptors = countDescriptors();
    return {
      cpu: (user + system) / 1000 / elapsed,
      rss: process.memoryUsage.rss(),
      loopDelay: Math.max(this.#delayBefore, this.#p99()),
      ...(descriptors !== undefined && { descriptors }),
    };
  }

  close(): void {
    this.#delay.disable();
  }

  /** What is measured is from one look to the next. */
  #p99(): number {
    return this.#delay.count === 0 ? 0 : Math.max(0, this.#delay.percentile(99) / NS_PER_MS - RESOLUTION_MS);
  }
}
