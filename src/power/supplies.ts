/**
 * Batteries, mains and USB: https://docs.kernel.org/power/power_supply_class.html
 *
 * One file of each says all, `uevent`, as `POWER_SUPPLY_<KEY>=<value>`; what a driver does not know is not in it. Amounts are in millionths.
 * A kernel that writes no such file has one for each key (`capacity`, `status`), which are read instead.
 */
import type { Host, HotFile } from '../host.ts';

const MICRO = 1e6;
const HOUR_S = 3600;
const PREFIX = 'POWER_SUPPLY_';
/** What is read one by one where there is no `uevent`, or an empty one. */
const KEYS =
  `type status present online technology capacity cycle_count model_name manufacturer energy_now energy_full energy_full_design
  charge_full charge_full_design power_now voltage_now current_now time_to_empty_now time_to_full_now temp`.split(/\s+/);

/** `charging`, `discharging`, `full`, `not_charging`, `unknown`. */
export const BATTERY_STATES = ['charging', 'discharging', 'full', 'not_charging', 'unknown'] as const;

export interface Supply {
  readonly id: string;
  /** `Battery`, `Mains`, `USB`, `UPS`, `Wireless`. */
  readonly type: string;
  readonly model: string;
  readonly vendor: string;
  readonly technology: string;
  readonly state: (typeof BATTERY_STATES)[number];
  readonly present: boolean;
  /** 1 when it supplies power. */
  readonly online: number | undefined;
  /** Ratios from 0 to 1: how full, and how much of what it once held it still holds. */
  readonly charge: number | undefined;
  readonly health: number | undefined;
  readonly cycles: number | undefined;
  /** Joules. */
  readonly energy: number | undefined;
  readonly energyFull: number | undefined;
  /** Watts, volts, amperes. */
  readonly power: number | undefined;
  readonly voltage: number | undefined;
  readonly current: number | undefined;
  /** Seconds until it is empty, or full. */
  readonly left: number | undefined;
  /** Celsius. */
  readonly temperature: number | undefined;
}

export class Supplies {
  readonly #host: Host;
  readonly #files = new Map<string, HotFile>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** All that are there now; one that goes away meanwhile is not among them. */
  read(): Supply[] {
    const folder = this.#host.sysPath('class/power_supply');
    const names = (this.#host.list(folder) ?? []).toSorted();
    for (const [name, file] of this.#files) {
      if (names.includes(name)) continue;
      file.close();
      this.#files.delete(name);
    }
    return names.flatMap((name) => {
      const pairs = this.#pairsOf(name, `${folder}/${name}`);
      return pairs.size === 0 ? [] : [supplyOf(name, pairs)];
    });
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #pairsOf(name: string, path: string): Map<string, string> {
    let file = this.#files.get(name);
    if (!file) this.#files.set(name, (file = this.#host.hot(`${path}/uevent`, 'at once')));
    const pairs = new Map<string, string>();
    for (const line of file.maybe()?.toString().split('\n') ?? []) {
      const at = line.indexOf('=');
      if (line.startsWith(PREFIX) && at > 0) pairs.set(line.slice(PREFIX.length, at).toLowerCase(), line.slice(at + 1).trim());
    }
    // The kernel began to write the type there with 5.6.
    const missing = pairs.size === 0 ? KEYS : pairs.has('type') ? [] : ['type'];
    for (const key of missing) {
      const value = this.#host.read(`${path}/${key}`);
      if (value !== undefined && value !== '') pairs.set(key, value);
    }
    return pairs;
  }
}

function supplyOf(id: string, pairs: ReadonlyMap<string, string>): Supply {
  const number = (key: string): number | undefined => {
    const text = pairs.get(key);
    return text !== undefined && /^-?\d{1,19}$/.test(text) ? Number(text) : undefined;
  };
  const micro = (key: string): number | undefined => scaled(number(key), 1 / MICRO);
  const state = BATTERY_STATES.find((one) => one === pairs.get('status')?.toLowerCase().replaceAll(' ', '_')) ?? 'unknown';
  const [full, design] =
    number('energy_full') === undefined ? ['charge_full', 'charge_full_design'] : ['energy_full', 'energy_full_design'];
  return {
    id,
    type: pairs.get('type') ?? 'Unknown',
    model: pairs.get('model_name') ?? '',
    vendor: pairs.get('manufacturer') ?? '',
    technology: pairs.get('technology') ?? '',
    state,
    present: pairs.get('present') !== '0',
    online: number('online'),
    charge: scaled(number('capacity'), 1 / 100),
    health: ratio(number(full), number(design)),
    cycles: positive(number('cycle_count')),
    energy: scaled(micro('energy_now'), HOUR_S),
    energyFull: scaled(micro('energy_full'), HOUR_S),
    power: micro('power_now'),
    voltage: micro('voltage_now'),
    current: micro('current_now'),
    left: number(state === 'charging' ? 'time_to_full_now' : 'time_to_empty_now'),
    temperature: scaled(number('temp'), 1 / 10),
  };
}

const scaled = (value: number | undefined, by: number): number | undefined =>
  // The reciprocal of ten is none in binary: dividing by its inverse keeps 11.75 what it is.
  value === undefined ? undefined : by < 1 ? value / Math.round(1 / by) : value * by;

/** Firmware that does not count cycles says 0 or -1. */
const positive = (value: number | undefined): number | undefined => (value !== undefined && value > 0 ? value : undefined);

const ratio = (part: number | undefined, whole: number | undefined): number | undefined =>
  part === undefined || whole === undefined || whole <= 0 ? undefined : part / whole;
