/** Thermal zones and what cools them: https://docs.kernel.org/driver-api/thermal/sysfs-api.html */
import type { Host } from '../host.ts';
import { Attribute } from './attribute.ts';
import { byNumber, type Identity } from './chips.ts';
import type { Limit } from './limits.ts';

export interface Zone {
  readonly cells: Identity;
  /** In thousandths of a degree; may be negative. */
  readonly temperature: Attribute;
  /** Where something happens: it is cooled, slowed down, or shut down. */
  readonly trips: readonly Limit[];
}

export interface CoolingDevice {
  readonly id: string;
  readonly type: string;
  readonly state: Attribute;
  readonly most: number | undefined;
}

/** What OpenTelemetry calls a limit of which something like this happens. */
const TRIP_TYPES: Readonly<Record<string, string>> = {
  critical: 'high.critical',
  hot: 'high.degraded',
  passive: 'throttled',
  active: 'active',
};
const MILLI = 1000;

export class Thermal {
  readonly #host: Host;
  #names = '';
  zones: readonly Zone[] = [];
  cooling: readonly CoolingDevice[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** Reads every zone and device; finds them anew when others are there. */
  read(): void {
    const names = (this.#host.list(this.#host.sysPath('class/thermal')) ?? []).toSorted(byNumber);
    if (names.join(' ') !== this.#names) {
      this.close();
      this.#names = names.join(' ');
      this.zones = names.filter((name) => /^thermal_zone\d+$/.test(name)).map((name) => this.#zoneOf(name));
      this.cooling = names.filter((name) => /^cooling_device\d+$/.test(name)).map((name) => this.#deviceOf(name));
    }
    for (const { temperature } of this.zones) temperature.read();
    for (const { state } of this.cooling) state.read();
  }

  close(): void {
    for (const { temperature } of this.zones) temperature.close();
    for (const { state } of this.cooling) state.close();
    [this.#names, this.zones, this.cooling] = ['', [], []];
  }

  #zoneOf(name: string): Zone {
    const folder = this.#host.sysPath(`class/thermal/${name}`);
    const read = (file: string): string | undefined => this.#host.read(`${folder}/${file}`) || undefined;
    const type = read('type') ?? name;
    const trips: Limit[] = [];
    for (let number = 0; ; number++) {
      const kind = read(`trip_point_${number}_type`);
      if (kind === undefined) break;
      const at = Number(read(`trip_point_${number}_temp`) ?? Number.NaN);
      // A trip that is not used is at or below the absolute zero, or at 0.
      if (Number.isFinite(at) && at > 0 && !trips.some((trip) => trip.type === (TRIP_TYPES[kind] ?? kind)))
        trips.push({ type: TRIP_TYPES[kind] ?? kind, limit: at / MILLI, alarm: undefined });
    }
    return {
      cells: [`thermal/${name}`, type, 'thermal', type, ''],
      temperature: new Attribute(this.#host, `${folder}/temp`),
      trips,
    };
  }

  #deviceOf(name: string): CoolingDevice {
    const folder = this.#host.sysPath(`class/thermal/${name}`);
    const most = new Attribute(this.#host, `${folder}/max_state`);
    const limit = most.read();
    most.close();
    const type = this.#host.read(`${folder}/type`) || name;
    return { id: `thermal/${name}`, type, state: new Attribute(this.#host, `${folder}/cur_state`), most: limit };
  }
}
