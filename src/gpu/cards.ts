/** The graphics cards that the kernel knows, from `<sys>/class/drm`, and how their files are read. */
import type { Host } from '../host.ts';

/** Cards of one machine that are looked at. */
const CARDS_MAX = 64;

export interface Card {
  /** `card0`. */
  readonly name: string;
  /** `<sys>/class/drm/card0`. */
  readonly folder: string;
  /** `<sys>/class/drm/card0/device`, a link to elsewhere. */
  readonly device: string;
  /** PCI vendor: `0x1002`. */
  readonly vendor: string;
  /** `0000:03:00.0`, or the card's name where it is not on PCI. */
  readonly id: string;
  readonly model: string;
}

export const AMD = '0x1002';
export const INTEL = '0x8086';
export const NVIDIA = '0x10de';

export function cardsOf(host: Host): Card[] {
  const root = host.sysPath('class/drm');
  const names = (host.list(root) ?? []).filter((name) => /^card\d+$/.test(name)).slice(0, CARDS_MAX);
  return names
    .toSorted((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .flatMap((name) => {
      const device = `${root}/${name}/device`;
      const vendor = host.read(`${device}/vendor`);
      if (vendor === undefined) return [];
      const slot = /^PCI_SLOT_NAME=(.+)$/m.exec(host.read(`${device}/uevent`) ?? '')?.[1];
      const model = host.read(`${device}/product_name`) || host.read(`${device}/device`) || '';
      return [{ name, folder: `${root}/${name}`, device, vendor, id: slot ?? name, model }];
    });
}

/** Files of one card that hold a number each; which of them there are is looked up once. */
export class NumberFiles {
  readonly #host: Host;
  readonly #files = new Map<string, ReturnType<Host['hot']>>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Says which file to read; false when it is not there. */
  add(name: string, path: string): boolean {
    if (!this.#host.exists(path)) return false;
    this.#files.set(name, this.#host.hot(path, 'at once'));
    return true;
  }

  /** The number, or undefined: the driver says EBUSY, EPERM or EINVAL for what it has no number for now. */
  read(name: string): number | undefined {
    const text = this.text(name);
    return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  }

  /** As `read`, times a factor. */
  scaled(name: string, factor: number): number | undefined {
    const value = this.read(name);
    return value === undefined ? undefined : factor < 1 ? value / Math.round(1 / factor) : value * factor;
  }

  text(name: string): string | undefined {
    const text = this.#files.get(name)?.maybe();
    return text && text.buffer.toString('latin1', 0, text.length).trim();
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }
}

/** `16.0 GT/s PCIe` as a generation. https://en.wikipedia.org/wiki/PCI_Express */
export function pcieGeneration(speed: string | undefined): number | undefined {
  const generation = ['2.5', '5.0', '8.0', '16.0', '32.0', '64.0'].indexOf(/^([\d.]+) GT\/s/.exec(speed ?? '')?.[1] ?? '');
  return generation < 0 ? undefined : generation + 1;
}
