/**
 * The sensors of a management controller (BMC), as `ipmitool sdr` prints them:
 *
 *   CPU Temp         | 45 degrees C      | ok
 *   FAN2             | no reading        | ns
 *
 * A controller answers within seconds, or never: the tool runs every `every`, in a process that is killed at its deadline, and after
 * one that failed it rests for `REST_MS`.
 */
import * as z from 'zod';
import { describe } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Identity } from '../hwmon/chips.ts';
import type { State } from '../hwmon/limits.ts';
import { duration } from '../options.ts';
import { runTool } from '../tool/once.ts';

const REST_MS = 600_000;
/** More sensors than any controller has: what is longer is no answer. */
const LINES_MAX = 4096;

export type Unit = 'Cel' | 'rpm' | '1' | 'V' | 'W' | 'A';
/** What ipmitool writes behind a number, and what it is worth. */
const UNITS: Readonly<Record<string, readonly [Unit, (value: number) => number]>> = {
  'degrees C': ['Cel', (value) => value],
  'degrees F': ['Cel', (value) => ((value - 32) * 5) / 9],
  RPM: ['rpm', (value) => value],
  percent: ['1', (value) => value / 100],
  Volts: ['V', (value) => value],
  Watts: ['W', (value) => value],
  Amps: ['A', (value) => value],
};

export interface IpmiReading {
  readonly cells: Identity;
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
  readonly state: State;
}

/** A line that has no reading, or is no sensor, is passed over. */
function parseSdr(output: string): IpmiReading[] {
  const readings: IpmiReading[] = [];
  const names = new Map<string, number>();
  for (const line of output.split('\n', LINES_MAX)) {
    // A name may have anything in it, so the columns are counted from the end.
    const [, name = '', text = '', status = ''] = /^(.*)\|([^|]*)\|([^|]*)$/.exec(line) ?? [];
    const [, number, word = ''] = /^(-?\d+(?:\.\d+)?) (.+)$/.exec(text.trim()) ?? [];
    const unit = Object.hasOwn(UNITS, word) ? UNITS[word] : undefined;
    if (number === undefined || !unit) continue;
    const trimmed = name.trim();
    const times = (names.get(trimmed) ?? 0) + 1;
    names.set(trimmed, times);
    const id = times === 1 ? `ipmi/${trimmed}` : `ipmi/${trimmed}.${times}`;
    const [measured, convert] = unit;
    readings.push({
      cells: [id, 'ipmi', 'ipmi', trimmed, ''],
      name: trimmed,
      unit: measured,
      value: convert(Number(number)),
      state: stateOf(status.trim()),
    });
  }
  return readings;
}

/** `ok`; `nc`, `lnc`, `unc`: not critical; `cr`, `nr` and theirs: critical, beyond recovery. */
function stateOf(status: string): State {
  if (status === 'ok') return 'ok';
  return status.endsWith('nc') ? 'degraded' : 'failed';
}

/** Options of every sensor that asks the controller. */
export const ipmiOptions = {
  ipmi: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe('Whether `ipmitool sdr` is asked: `auto` where the kernel has a management controller and the tool is installed.'),
  ipmi_every: duration({ min: 1000 })
    .prefault('1m')
    .describe('How often it is asked, as a duration. What it said is reported in that sample alone.'),
  ipmi_timeout: duration({ min: 10 })
    .prefault('8s')
    .describe("How long it may take, as a duration; no longer than the sensor's own timeout leaves."),
  ipmitool: z.string().min(1).default('ipmitool').describe('The tool: a name or a path.'),
};

export interface IpmiGiven {
  readonly ipmi: 'auto' | boolean;
  readonly ipmi_every: number;
  readonly ipmi_timeout: number;
  readonly ipmitool: string;
}

interface Context {
  readonly timeout: number;
  warn(message: string): void;
  info(message: string): void;
}

export class Ipmi {
  readonly #given: IpmiGiven;
  readonly #context: Context;
  #next = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #trouble: string | undefined;

  constructor(given: IpmiGiven, context: Context) {
    this.#given = given;
    this.#context = context;
  }

  /** Undefined where there is no controller to ask. */
  static open(host: Host, given: IpmiGiven, context: Context): Ipmi | undefined {
    if (given.ipmi === false) return undefined;
    if (given.ipmi === 'auto' && !(host.live && host.exists(host.sysPath('class/ipmi')))) return undefined;
    return new Ipmi(given, context);
  }

  /** Whether it is to be asked at this moment, in milliseconds. A clock that was set back makes it due. */
  isDue(time: number): boolean {
    return time >= this.#next || time < this.#last;
  }

  /** What it says; nothing when it does not. Never rejects. */
  async ask(time: number, signal: AbortSignal): Promise<IpmiReading[]> {
    this.#last = time;
    this.#next = time + this.#given.ipmi_every;
    const timeoutMs = Math.min(this.#given.ipmi_timeout, this.#context.timeout * 0.8);
    let why: string;
    try {
      const { code, output, errors } = await runTool([this.#given.ipmitool, 'sdr'], { timeoutMs, signal });
      const readings = parseSdr(output);
      // It ends with 1 when one of many sensors could not be read.
      if (code === 0 || readings.length > 0) return this.#right(readings);
      why = errors.trim() || `it ended with ${code}`;
    } catch (error) {
      why = describe(error);
    }
    this.#next = time + Math.max(REST_MS, this.#given.ipmi_every);
    if (why !== this.#trouble) this.#context.warn(`the management controller cannot be asked by ${this.#given.ipmitool}: ${why}`);
    this.#trouble = why;
    return [];
  }

  #right(readings: IpmiReading[]): IpmiReading[] {
    if (this.#trouble !== undefined) this.#context.info('the management controller answers again');
    this.#trouble = undefined;
    return readings;
  }
}
