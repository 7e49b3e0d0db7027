/**
 * Monitoring chips: https://docs.kernel.org/hwmon/sysfs-interface.html
 *
 * Attributes of a chip are in `<sys>/class/hwmon/hwmonN` or, with old drivers, in `hwmonN/device`. The number N changes from boot to boot,
 * and two chips may have one name (`coretemp` of two processors), so a chip is known by the path of its device:
 * `platform/coretemp.0`, `pci0000:00/0000:00:02.1/0000:01:00.0`. A channel is `<chip>/temp1`.
 *
 * Chips come and go (disks, modules): the folder's names are read at every sample, and all is found anew when they changed.
 */
import type { Host } from '../host.ts';
import { Attribute } from './attribute.ts';

export type ChannelKind = 'temp' | 'fan' | 'pwm' | 'in' | 'curr' | 'power' | 'energy' | 'humidity';

/** hw.id, hw.name, hw.parent, hw.sensor_location, system.device. */
export type Identity = readonly [string, string, string, string, string];
export const IDENTITY = ['hw.id', 'hw.name', 'hw.parent', 'hw.sensor_location', 'system.device'] as const;

export interface Channel {
  readonly kind: ChannelKind;
  readonly cells: Identity;
  /** What is measured. */
  readonly value: Attribute | undefined;
  /** Limits and alarms by the word behind the channel's name: `max`, `crit_alarm`, `fault`. */
  readonly more: ReadonlyMap<string, Attribute>;
}

export interface Chip {
  readonly id: string;
  readonly name: string;
  /** The disk that it measures: `sda`, `nvme0`; empty for all others. Its answers come from the disk, which may take its time. */
  readonly disk: string;
  readonly channels: readonly Channel[];
}

const ATTRIBUTE = /^(temp|fan|pwm|in|curr|power|energy|humidity)(\d+)(?:_(\w+))?$/;
/** Where the value of a channel is, best first; `pwm1` itself is one. */
const VALUES = ['input', 'average', ''];
const WANTED = /^(lcrit|min|max|crit|emergency|cap|fault|(\w+_)?alarm)$/;

export class Chips {
  readonly #host: Host;
  readonly #kinds: ReadonlySet<ChannelKind>;
  #names = '';
  #chips: readonly Chip[] = [];

  constructor(host: Host, kinds: readonly ChannelKind[]) {
    this.#host = host;
    this.#kinds = new Set(kinds);
  }

  /** The chips with channels of these kinds; the same array while the same chips are there. */
  find(): readonly Chip[] {
    const folders = (this.#host.list(this.#host.sysPath('class/hwmon')) ?? []).filter((name) => /^hwmon\d+$/.test(name));
    const names = folders.toSorted(byNumber).join(' ');
    if (names === this.#names) return this.#chips;
    this.close();
    this.#names = names;
    const ids = new Set<string>();
    this.#chips =
      names === ''
        ? []
        : names
            .split(' ')
            .map((name) => this.#chipOf(name, ids))
            .filter(({ channels }) => channels.length > 0);
    return this.#chips;
  }

  close(): void {
    for (const { channels } of this.#chips)
      for (const { value, more } of channels) for (const one of [value, ...more.values()]) one?.close();
    [this.#names, this.#chips] = ['', []];
  }

  #chipOf(folder: string, ids: Set<string>): Chip {
    const host = this.#host;
    const path = host.sysPath(`class/hwmon/${folder}`);
    const device = devicePath(host, path);
    const named = host.read(`${path}/name`) || host.read(`${path}/device/name`) || undefined;
    const name = named ?? device?.split('/').at(-1) ?? folder;
    const id = unique(idOf(device, named, folder), name, ids);
    const disk = /(?:^|\/)(nvme\d+)$/.exec(device ?? '')?.[1] ?? host.list(`${path}/device/block`)?.[0] ?? '';
    return { id, name, disk, channels: this.#channelsOf(path, id, name, disk) };
  }

  #channelsOf(path: string, id: string, name: string, disk: string): Channel[] {
    const found = new Map<string, Map<string, string>>();
    for (const folder of [path, `${path}/device`]) {
      for (const file of this.#host.list(folder) ?? []) {
        const [, kind, number, word = ''] = ATTRIBUTE.exec(file) ?? [];
        if (kind === undefined || !this.#kinds.has(kind as ChannelKind)) continue;
        const key = `${kind}${number}`;
        const words = found.get(key) ?? new Map<string, string>();
        if (!words.has(word)) words.set(word, `${folder}/${file}`);
        found.set(key, words);
      }
    }
    return [...found]
      .toSorted(([a], [b]) => byNumber(a, b))
      .map(([key, words]) => {
        const label = words.get('label');
        const location = (label === undefined ? undefined : this.#host.read(label)) || key;
        return this.#channel(key, words, [`${id}/${key}`, name, id, location, disk]);
      })
      .filter(({ value, more }) => value !== undefined || more.size > 0);
  }

  #channel(key: string, words: ReadonlyMap<string, string>, cells: Identity): Channel {
    const attribute = (word: string): Attribute => new Attribute(this.#host, words.get(word) as string);
    const value = VALUES.find((word) => words.has(word));
    const more = [...words.keys()].filter((word) => WANTED.test(word)).map((word) => [word, attribute(word)] as const);
    return {
      kind: key.replace(/\d+$/, '') as ChannelKind,
      cells,
      value: value === undefined ? undefined : attribute(value),
      more: new Map(more),
    };
  }
}

/** `hwmon2` before `hwmon10`. */
export const byNumber = (a: string, b: string): number => {
  const [, wordA = a, numberA = '0'] = /^(.*?)(\d+)$/.exec(a) ?? [];
  const [, wordB = b, numberB = '0'] = /^(.*?)(\d+)$/.exec(b) ?? [];
  if (wordA !== wordB) return wordA < wordB ? -1 : 1;
  return Number(numberA) - Number(numberB);
};

/** The device below `/sys/devices`, by where the class' link, or else the chip's own link to its device, points. */
function devicePath(host: Host, path: string): string | undefined {
  const link = host.link(path);
  const at = link?.lastIndexOf('devices/') ?? -1;
  if (link !== undefined && at >= 0) return link.slice(at + 'devices/'.length).replace(/(\/hwmon)?\/hwmon\d+$/, '');
  const device = host
    .link(`${path}/device`)
    ?.replace(/^(\.\.?\/)+/, '')
    .replace(/^devices\//, '');
  return device === '' || device === '..' ? undefined : device;
}

/** A disk's own number is not a part of where it is; a chip of no device, which a driver made up, has nothing but its name. */
function idOf(device: string | undefined, named: string | undefined, folder: string): string {
  if (device !== undefined && device !== 'virtual') return device.replace(/\/nvme\/nvme\d+$/, '');
  return named === undefined ? folder : `virtual/${named}`;
}

/** An id that no other chip has: one device may have two chips. */
function unique(id: string, name: string, ids: Set<string>): string {
  let one = id;
  for (let number = 1; ids.has(one); number++) one = number === 1 ? `${id}:${name}` : `${id}:${name}.${number}`;
  ids.add(one);
  return one;
}
