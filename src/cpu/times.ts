/**
 * The times of one CPU out of a line of `/proc/stat`, in seconds, so that no counter goes backwards. proc_stat(5)
 *
 * Three things make a time fall. The kernel works out idle and iowait of a CPU that sleeps, and takes some back: iowait that no
 * task waits for any more becomes idle, so that it falls by as much as the CPU has slept. And a guest's time, which is taken out of
 * user here, is rounded apart from it. What falls is held at the value before until the kernel has caught up. But when the
 * kernel's own number of any mode but iowait falls by seconds, the CPU was taken out and put back: all its counters start anew.
 */
import type { Row } from '../text.ts';

/** Ticks a second in which the kernel counts to programs, whatever its own are (USER_HZ). */
const USER_HZ = 100;
/** A fall of as much is a restart, in ticks; node_exporter's threshold. */
const RESTART_TICKS = 3 * USER_HZ;
/** Columns of the oldest kernels: user, nice, system, idle. Others came by and by. */
const COLUMNS_MIN = 4;

/** Columns of a line of `/proc/stat`, by OpenTelemetry's names where it has one; the rest are the kernel's words. */
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'softirq', 'steal', 'guest', 'guest_nice'] as const;
const [USER, NICE, IOWAIT, GUEST, GUEST_NICE] = [0, 1, 4, 8, 9];

type Cells = readonly [cpu: string, mode: string];

export class CpuTimes {
  /** Its number, as the kernel writes it. */
  readonly name: string;
  /** The first word of its line. */
  readonly key: string;
  readonly #cells: readonly Cells[];
  /** Ticks as the kernel wrote them at the last sample, and at the one before. */
  #now = new Float64Array(MODES.length);
  #before = new Float64Array(MODES.length);
  /** Ticks as they were shown. */
  readonly #shown = new Float64Array(MODES.length);
  #columns = 0;

  constructor(name: string) {
    this.name = name;
    this.key = `cpu${name}`;
    this.#cells = MODES.map((mode) => [name, mode]);
  }

  /** Takes over a line of this CPU. Throws `Malformed`, and has then taken nothing. */
  take(row: Row): void {
    const columns = Math.min(row.count - 1, MODES.length);
    if (columns < COLUMNS_MIN) throw row.malformed(`fewer than ${COLUMNS_MIN} times of a CPU`);
    const [now, before] = [this.#before, this.#now];
    let restarted = false;
    for (let m = 0; m < columns; m++) {
      const ticks = row.number(m + 1);
      if (m !== IOWAIT && (before[m] as number) - ticks >= RESTART_TICKS) restarted = true;
      now[m] = ticks;
    }
    for (let m = 0; m < columns; m++) {
      const ticks = disjoint(now, m);
      this.#shown[m] = restarted ? ticks : Math.max(ticks, this.#shown[m] as number);
    }
    [this.#now, this.#before, this.#columns] = [now, before, columns];
  }

  /** Gives the time in each mode that this kernel counts. */
  each(add: (cells: Cells, seconds: number) => void): void {
    for (let m = 0; m < this.#columns; m++) add(this.#cells[m] as Cells, (this.#shown[m] as number) / USER_HZ);
  }
}

/** The kernel counts a guest's time in user (or nice) as well; here each mode stands for itself, so that their sum is time. */
function disjoint(ticks: Float64Array, mode: number): number {
  const own = ticks[mode] as number;
  if (mode === USER) return Math.max(0, own - (ticks[GUEST] as number));
  if (mode === NICE) return Math.max(0, own - (ticks[GUEST_NICE] as number));
  return own;
}
