/**
 * What tools say of the system's clock, by the words before their numbers. The kernel tells it by the system call adjtimex(2) alone, which
 * Node.js cannot make, and no file has it.
 */

/** Times in seconds, frequencies as ratios. A positive offset is a clock that is fast. */
export interface ClockState {
  readonly synchronized: boolean;
  readonly offset?: number | undefined;
  readonly lastOffset?: number | undefined;
  readonly rmsOffset?: number | undefined;
  readonly frequency?: number | undefined;
  readonly skew?: number | undefined;
  readonly rootDelay?: number | undefined;
  readonly rootDispersion?: number | undefined;
  readonly maxError?: number | undefined;
  readonly estimatedError?: number | undefined;
  readonly updateInterval?: number | undefined;
  readonly stratum?: number | undefined;
  /** `none`, `insert`, `delete`. */
  readonly leap?: 'none' | 'insert' | 'delete' | undefined;
}

const [MICRO, NANO] = [1e6, 1e9];
/** The kernel's frequencies are in 2^-16 millionths; <linux/timex.h>. */
const FREQUENCY_UNIT = 65_536 * MICRO;
const [STA_INS, STA_DEL, STA_UNSYNC, STA_NANO] = [0x10, 0x20, 0x40, 0x2000];

/** `chronyc tracking`: `System time     : 0.000001501 seconds slow of NTP time`. Undefined when it is none. */
export function parseChrony(output: string): ClockState | undefined {
  const values = pairsOf(output, /^([^:]+?)\s*:\s*(.*)$/);
  const number = (key: string, negative: string): number | undefined => {
    const [, text, words = ''] = /^([+-]?\d+(?:\.\d+)?)\s*(.*)$/.exec(values.get(key) ?? '') ?? [];
    return text === undefined ? undefined : Number(text) * (words.includes(negative) ? -1 : 1);
  };
  const leap = values.get('leap status')?.toLowerCase();
  if (leap === undefined) return undefined;
  return {
    synchronized: !leap.startsWith('not sync'),
    offset: number('system time', 'slow'),
    lastOffset: number('last offset', '\n'),
    rmsOffset: number('rms offset', '\n'),
    frequency: scaled(number('frequency', 'slow'), MICRO),
    skew: scaled(number('skew', '\n'), MICRO),
    rootDelay: number('root delay', '\n'),
    rootDispersion: number('root dispersion', '\n'),
    updateInterval: number('update interval', '\n'),
    stratum: number('stratum', '\n'),
    leap: leap.startsWith('insert') ? 'insert' : leap.startsWith('delete') ? 'delete' : leap === 'normal' ? 'none' : undefined,
  };
}

/** `adjtimex --print`, of the package and of busybox: `status: 8193`, `-o  offset: 0 us`. Undefined when it is none. */
export function parseAdjtimex(output: string): ClockState | undefined {
  const values = pairsOf(output, /^\s*(?:-\w\s+)?([A-Za-z_. ]+?)\s*[:=]\s*(-?\d+)/);
  const number = (...keys: string[]): number | undefined => {
    const text = keys.map((key) => values.get(key)).find((one) => one !== undefined);
    return text === undefined ? undefined : Number(text);
  };
  const status = number('status');
  if (status === undefined) return undefined;
  const has = (bit: number): boolean => Math.floor(status / bit) % 2 === 1;
  // What the kernel has still to add to the clock.
  const missing = scaled(number('offset'), has(STA_NANO) ? NANO : MICRO);
  return {
    synchronized: !has(STA_UNSYNC),
    offset: missing === undefined ? undefined : 0 - missing,
    frequency: scaled(number('frequency', 'freq.adjust'), FREQUENCY_UNIT),
    maxError: scaled(number('maxerror'), MICRO),
    estimatedError: scaled(number('esterror'), MICRO),
    leap: has(STA_INS) ? 'insert' : has(STA_DEL) ? 'delete' : 'none',
  };
}

/** `timedatectl show`, and `timedatectl timesync-status`, which is empty without systemd-timesyncd. Undefined when the former is none. */
export function parseTimedatectl(show: string, timesync: string): ClockState | undefined {
  const synchronized = pairsOf(show, /^([^=]+)=(.*)$/).get('ntpsynchronized');
  if (synchronized === undefined) return undefined;
  const values = pairsOf(timesync, /^\s*([^:]+?)\s*:\s*(.*)$/);
  const stratum = values.get('stratum');
  return {
    synchronized: synchronized === 'yes',
    // What the server's time is ahead of ours.
    offset: negated(timespan(values.get('offset'))),
    frequency: scaled(Number(/^([+-]?[\d.]+)ppm$/.exec(values.get('frequency') ?? '')?.[1] ?? Number.NaN), MICRO),
    rootDelay: timespan(values.get('delay')),
    stratum: stratum !== undefined && /^\d+$/.test(stratum) ? Number(stratum) : undefined,
  };
}

const UNITS_S: Readonly<Record<string, number>> = { us: 1e-6, μs: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 };

/** `+1.021ms`, `1min 2s`. */
function timespan(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  let [sum, found] = [0, false];
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)\s*(us|μs|µs|ms|min|s|h|d)\b/gu)) {
    sum += Number(number) * (UNITS_S[unit] as number);
    found = true;
  }
  return found ? (text.trim().startsWith('-') ? -sum : sum) : undefined;
}

function pairsOf(output: string, line: RegExp): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of output.split('\n')) {
    const [, key, value] = line.exec(text) ?? [];
    if (key !== undefined && value !== undefined) pairs.set(key.trim().toLowerCase(), value.trim());
  }
  return pairs;
}

const scaled = (value: number | undefined, divisor: number): number | undefined =>
  value === undefined || Number.isNaN(value) ? undefined : value / divisor;
const negated = (value: number | undefined): number | undefined => (value === undefined ? undefined : 0 - value);
