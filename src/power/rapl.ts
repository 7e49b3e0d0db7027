/**
 * Energy that the processor counts (RAPL): https://docs.kernel.org/power/powercap/powercap.html
 *
 * A zone's counter goes from 0 to `max_energy_range_uj` and starts again: after twenty minutes at 200 W, say. It is carried on here, so
 * that it only grows; a zone that goes round more than once between two samples loses that. Since Linux 5.10 root alone may read it,
 * because what a processor draws tells of the secrets it computes with (CVE-2020-8694).
 */
import type { Host } from '../host.ts';
import { Attribute } from '../hwmon/attribute.ts';
import { byNumber } from '../hwmon/chips.ts';

const MICRO = 1e6;

export interface Zone {
  /** `intel-rapl:0:0`. */
  readonly id: string;
  /** `package-0`, `core`, `dram`. */
  readonly name: string;
  /** The zone that it is a part of; its own energy is in that one's. */
  readonly parent: string;
  /** `cpu`, `memory`, or the whole: `enclosure`. */
  readonly type: string;
  /** Limits that are set, in watts, by the kernel's names: `long_term`. */
  readonly limits: readonly { readonly type: string; readonly limit: number }[];
  /** In joules; undefined when it cannot be read now. */
  energy(): number | undefined;
}

class Counter {
  readonly file: Attribute;
  readonly #range: number | undefined;
  #rounds = 0;
  #last: number | undefined;

  constructor(file: Attribute, range: number | undefined) {
    this.file = file;
    this.#range = range;
  }

  energy(): number | undefined {
    const now = this.file.read();
    if (now === undefined) return undefined;
    if (this.#last !== undefined && now < this.#last) this.#rounds += this.#range ?? 0;
    this.#last = now;
    return (this.#rounds + now) / MICRO;
  }
}

export class Rapl {
  readonly zones: readonly Zone[];
  /** Whether there are zones whose counters are not ours to read. */
  readonly isForbidden: boolean;
  readonly #counters: readonly Counter[];

  constructor(host: Host) {
    const folder = host.sysPath('class/powercap');
    const names = (host.list(folder) ?? []).filter((name) => name.includes(':')).toSorted(byNumber);
    const [zones, counters]: [Zone[], Counter[]] = [[], []];
    let isForbidden = false;
    for (const id of names) {
      const path = `${folder}/${id}`;
      if (!host.exists(`${path}/energy_uj`)) continue;
      const counter = new Counter(new Attribute(host, `${path}/energy_uj`), numberIn(host, `${path}/max_energy_range_uj`));
      if (counter.file.read() === undefined) {
        isForbidden = true;
        counter.file.close();
        continue;
      }
      counters.push(counter);
      const name = host.read(`${path}/name`) || id;
      const parent = names.includes(id.replace(/:[^:]+$/, '')) ? id.replace(/:[^:]+$/, '') : '';
      zones.push({ id, name, parent, type: typeOf(name), limits: limitsOf(host, path), energy: () => counter.energy() });
    }
    [this.zones, this.#counters, this.isForbidden] = [zones, counters, isForbidden];
  }

  close(): void {
    for (const { file } of this.#counters) file.close();
  }
}

function typeOf(name: string): string {
  if (name === 'dram') return 'memory';
  return name === 'psys' ? 'enclosure' : 'cpu';
}

function limitsOf(host: Host, path: string): Zone['limits'] {
  const limits: { type: string; limit: number }[] = [];
  for (let number = 0; ; number++) {
    const type = host.read(`${path}/constraint_${number}_name`);
    if (type === undefined) return limits;
    const limit = numberIn(host, `${path}/constraint_${number}_power_limit_uw`);
    // 0 is none.
    if (limit !== undefined && limit > 0) limits.push({ type, limit: limit / MICRO });
  }
}

function numberIn(host: Host, path: string): number | undefined {
  const file = new Attribute(host, path);
  const value = file.read();
  file.close();
  return value;
}
