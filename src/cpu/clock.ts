/**
 * CPU times out of `/proc/stat`, in seconds, so that no counter goes backwards.
 *
 * The kernel computes idle and iowait of a CPU that sleeps from a clock of another CPU, and may take a little back. A small step back is held at
 * the value before. A large one, or one of any other mode, is a CPU that was taken out and came back: its counters start anew.
 */
import type { Row, Text } from '../text.ts';

/** Ticks a second that the kernel shows to programs, whatever its own are (USER_HZ). */
const USER_HZ = 100;
/** A step back of idle or iowait by as much is a restart, in ticks; node_exporter's threshold. */
const RESTART_TICKS = 3 * USER_HZ;

/** Columns of a line of `/proc/stat`, by OpenTelemetry's names where it has one; the rest are the kernel's words. */
export const MODES = [
  'user',
  'nice',
  'system',
  'idle',
  'iowait',
  'interrupt',
  'softirq',
  'steal',
  'guest',
  'guest_nice',
] as const;
export type Mode = (typeof MODES)[number];

const [USER, NICE, IDLE, IOWAIT, GUEST, GUEST_NICE] = [0, 1, 3, 4, 8, 9];

interface Cpu {
  /** Its number as the kernel writes it. */
  readonly name: string;
  /** Ticks at the sample before, by column. */
  readonly ticks: Float64Array;
}

export class CpuClock {
  #cpus = new Map<string, Cpu>();
  #online: readonly string[] = [];
  #names: string[] = [];

  /** Numbers of the CPUs of the last sample; they may have gaps. */
  get online(): readonly string[] {
    return this.#online;
  }

  /** Calls `each` for every CPU and mode that the kernel counts: old ones have seven columns. */
  read(text: Text, each: (cpu: string, mode: Mode, seconds: number) => void): void {
    const seen = new Map<string, Cpu>();
    for (const row of text.rows()) {
      if (!row.startsWith('cpu')) break;
      if (row.is(0, 'cpu')) continue;
      const name = this.#nameOf(row, seen.size);
      const cpu = this.#cpus.get(name) ?? { name, ticks: new Float64Array(MODES.length) };
      seen.set(name, cpu);
      this.#readOne(row, cpu, each);
    }
    if (seen.size === 0) throw text.first().malformed('no line of a CPU');
    // A CPU that went away starts anew when it comes back.
    this.#cpus = seen;
    if (this.#online.length !== seen.size || this.#online.some((name) => !seen.has(name))) this.#online = [...seen.keys()];
  }

  /** The number of the CPU in this line. The names of the sample before are tried first, which makes no string. */
  #nameOf(row: Row, position: number): string {
    const before = this.#names[position];
    if (before !== undefined && row.is(0, `cpu${before}`)) return before;
    const name = row.text(0).slice('cpu'.length);
    this.#names[position] = name;
    return name;
  }

  #readOne(row: Row, { name, ticks }: Cpu, each: (cpu: string, mode: Mode, seconds: number) => void): void {
    const columns = Math.min(row.count - 1, MODES.length);
    let restarted = false;
    for (let m = 0; m < columns; m++) {
      const back = (ticks[m] as number) - row.number(m + 1);
      if (m === IDLE || m === IOWAIT ? back >= RESTART_TICKS : false) restarted = true;
    }
    for (let m = 0; m < columns; m++) {
      const now = row.number(m + 1);
      ticks[m] = (m === IDLE || m === IOWAIT) && !restarted ? Math.max(ticks[m] as number, now) : now;
    }
    for (let m = 0; m < columns; m++) each(name, MODES[m] as Mode, disjoint(ticks, m) / USER_HZ);
  }
}

/** The kernel counts a guest's time in user (or nice) as well; here each mode stands for itself, so that their sum is time. */
function disjoint(ticks: Float64Array, mode: number): number {
  const own = ticks[mode] as number;
  if (mode === USER) return Math.max(0, own - (ticks[GUEST] as number));
  if (mode === NICE) return Math.max(0, own - (ticks[GUEST_NICE] as number));
  return own;
}
