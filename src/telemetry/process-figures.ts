/**
 * What the process costs and how its event loop fares: the one that watches it, for the page and for metrics alike.
 *
 *   idle ──read──▶ watching ──stop──▶ idle
 *
 * Watching the loop wakes the process, which at ten times a second costs as much as some sensors: so often only while somebody asks, and
 * twice a second for whoever keeps the past. All who ask see the same window of WINDOW_MS or more, because asking more often must not make a
 * shorter one.
 */
import { readdirSync, statSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** From one look at the loop to the next, in milliseconds: of a shorter delay not all is seen. */
const CLOSELY_MS = 100;
const LOOSELY_MS = 500;
/** How long somebody who asked is thought to ask again, in milliseconds. */
const ASKED_MS = 60_000;
const WINDOW_MS = 10_000;
const NS = 1e-9;

/** Times in seconds, sizes in bytes. */
export interface ProcessReading {
  readonly uptime: number;
  readonly cpu: { readonly user: number; readonly system: number };
  readonly memory: number;
  readonly heap: number;
  readonly descriptors: number | undefined;
  /** Over the last window that is complete. */
  readonly loop: LoopReading | undefined;
}

export interface LoopReading {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** From 0 to 1. */
  readonly utilization: number;
}

export class ProcessFigures {
  #delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #resolution = LOOSELY_MS;
  #askedAt = Number.NEGATIVE_INFINITY;
  #began = 0;
  #utilization = performance.eventLoopUtilization();
  #loop: LoopReading | undefined;

  /** `asked`: somebody wants to know, and it is not only noted. */
  read(asked = true): ProcessReading {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      uptime: process.uptime(),
      cpu: { user: user / 1e6, system: system / 1e6 },
      memory: rss,
      heap: heapUsed,
      descriptors: countDescriptors(),
      loop: this.#readLoop(asked),
    };
  }

  /** The process is watched no more, until somebody asks again. */
  stop(): void {
    this.#delays?.disable();
    this.#delays = undefined;
    this.#loop = undefined;
  }

  #readLoop(asked: boolean): LoopReading | undefined {
    const now = performance.now();
    if (asked) this.#askedAt = now;
    const resolution = now - this.#askedAt < ASKED_MS ? CLOSELY_MS : LOOSELY_MS;
    if (!this.#delays || resolution !== this.#resolution) {
      this.#delays?.disable();
      this.#resolution = resolution;
      this.#delays = monitorEventLoopDelay({ resolution });
      this.#delays.enable();
      this.#turn(now);
    } else if (now - this.#began >= WINDOW_MS) {
      const { utilization } = performance.eventLoopUtilization(this.#utilization);
      const delays = this.#delays;
      const late = (ns: number): number => Math.max(0, ns * NS - resolution / 1000);
      // The histogram has the time from one look to the next, in nanoseconds: what is more than the time between looks is delay.
      this.#loop = {
        p50: late(delays.percentile(50)),
        p99: late(delays.percentile(99)),
        max: late(delays.max),
        utilization,
      };
      delays.reset();
      this.#turn(now);
    }
    return this.#loop;
  }

  #turn(now: number): void {
    this.#began = now;
    this.#utilization = performance.eventLoopUtilization();
  }
}

/** Undefined where there is no `/proc`. Since Linux 6.2 the folder's size is their number, and before it is 0. */
function countDescriptors(): number | undefined {
  const folder = '/proc/self/fd';
  try {
    // Listing the folder opens it.
    return statSync(folder).size || readdirSync(folder).length - 1;
  } catch {
    return undefined;
  }
}
