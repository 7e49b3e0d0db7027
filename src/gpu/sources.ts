/**
 * Which ways there are on this machine to learn of its GPUs.
 *
 * A vendor whose tool fails while another vendor's works is complained of once, when it begins, changes or ends, and is opened again every RETRY_MS:
 * a driver may be loaded later than the service. When none works, the sensor is unavailable because of what each of them said, and is opened
 * again later.
 */
import { type Clock, systemClock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import { describe, Unavailable } from '../errors.ts';
import type { Host } from '../host.ts';
import type { SensorContext } from '../sensor.ts';
import { findTool } from '../tool/find.ts';
import { AMD, type Card, cardsOf, INTEL, NVIDIA } from './cards.ts';
import { Intel, type IntelTool } from './intel.ts';
import { Nvidia } from './nvidia.ts';
import type { GpuOptions } from './options.ts';
import type { Reading, Source } from './reading.ts';
import { Rocm } from './rocm.ts';
import { Sysfs, SysfsCard } from './sysfs.ts';

/** rocm-smi takes half a second of CPU; it is not run more often than this, in milliseconds. */
const ROCM_MS_MIN = 10_000;
/** How long Intel's tools have to give a first reading before the kernel's files are read without them, in milliseconds. */
const OPEN_MS = 8000;
const RETRY_MS = 300_000;
const ROCM_FOLDERS = ['/opt/rocm/bin'];

type Vendor = GpuOptions['vendors'][number];
type Opener = (host: Host, options: GpuOptions, cards: readonly Card[]) => Promise<Source>;

export class Gpus {
  readonly #sources = new Map<Vendor, Source>();
  /** Vendors of whom nothing could be read yet, with what opens them. */
  readonly #missing = new Map<Vendor, () => Promise<Source>>();
  readonly #complaints: Complaints;
  #closed = false;
  #cancel: () => void = () => {};

  /** Rejects with `Unavailable` when nothing here tells of a GPU. */
  static async open(host: Host, options: GpuOptions, context: SensorContext, clock: Clock = systemClock): Promise<Gpus> {
    if (host.platform !== 'linux' && !host.live) throw new Unavailable(`this is a recording of ${host.platform}`);
    const openers = { nvidia: openNvidia, amd: openAmd, intel: openIntel };
    const gpus = new Gpus(new Complaints(context));
    for (const vendor of options.vendors)
      gpus.#missing.set(vendor, async () => await openers[vendor](host, options, cardsOf(host)));
    const why = await gpus.#openMissing();
    if (gpus.#sources.size === 0)
      throw new Unavailable(
        `there is no GPU that can be read: ${[...why]
          .map(([vendor, reason]) => `${vendor}: ${reason}`)
          .toSorted()
          .join('; ')}`,
      );
    const present = { nvidia: NVIDIA, amd: AMD, intel: INTEL };
    const cards = cardsOf(host);
    // A vendor of whom there is no card has nothing to complain of.
    for (const [vendor, reason] of why)
      if (cards.some((card) => card.vendor === present[vendor])) gpus.#complaints.tell(vendor, reason);
    gpus.#retry(clock);
    return gpus;
  }

  private constructor(complaints: Complaints) {
    this.#complaints = complaints;
  }

  /** Returns why those cannot be opened that still are missing. */
  async #openMissing(): Promise<ReadonlyMap<Vendor, string>> {
    const why = new Map<Vendor, string>();
    await Promise.all(
      [...this.#missing].map(async ([vendor, open]) => {
        try {
          const source = await open();
          this.#missing.delete(vendor);
          if (this.#closed) source.close();
          else this.#sources.set(vendor, source);
        } catch (error) {
          why.set(vendor, describe(error));
        }
      }),
    );
    return why;
  }

  #retry(clock: Clock): void {
    if (this.#closed || this.#missing.size === 0) return;
    this.#cancel = clock.after(RETRY_MS, () => void this.#openMissing().then(() => this.#retry(clock)));
  }

  /** Throws when no source has anything and one of them says why. */
  read(): Reading[] {
    const readings: Reading[] = [];
    let fault: string | undefined;
    for (const [vendor, source] of this.#sources) {
      readings.push(...source.read());
      const why = source.fault();
      this.#complaints.tell(vendor, why);
      fault ??= why;
    }
    if (readings.length === 0 && fault !== undefined) throw new Error(fault);
    return readings;
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    for (const source of this.#sources.values()) source.close();
  }
}

const openNvidia: Opener = async (host, options) => {
  const tool = toolOf(host, options.nvidia_smi);
  return await Nvidia.open({ tool, intervalMs: options.stream_interval, detailsMs: options.details });
};

const openAmd: Opener = async (host, options, cards) => {
  const amd = cards.filter(({ vendor }) => vendor === AMD).map((card) => new SysfsCard(host, card));
  if (amd.some((card) => card.speaks)) return new Sysfs(amd);
  for (const card of amd) card.close();
  const tool = toolOf(host, options.rocm_smi, ROCM_FOLDERS);
  if (options.details === 0) throw new Error('sysfs tells nothing, and `details` is 0s, so that rocm-smi is not run');
  return await Rocm.open(tool, Math.max(options.details, ROCM_MS_MIN));
};

const openIntel: Opener = async (host, options, cards) => {
  const intel = cards.filter(({ vendor }) => vendor === INTEL).map((card) => new SysfsCard(host, card));
  const tool = host.live ? intelTool(options, intel.length > 0) : undefined;
  if (intel.length === 0 && tool === undefined) throw new Error('there is no Intel card in sysfs, and no xpu-smi');
  return await Intel.open(intel, tool, { intervalMs: options.stream_interval, openMs: OPEN_MS });
};

/** `intel_gpu_top` waits for a card where there is none. */
function intelTool(options: GpuOptions, cards: boolean): IntelTool | undefined {
  const xpu = findTool(options.xpu_smi);
  if (xpu !== undefined) return { kind: 'xpu-smi', path: xpu };
  const top = cards ? findTool(options.intel_gpu_top) : undefined;
  return top === undefined ? undefined : { kind: 'intel_gpu_top', path: top };
}

/** The path of a tool. Throws when there is none, or when the machine is a recorded one, on which nothing runs. */
function toolOf(host: Host, tool: string, folders: readonly string[] = []): string {
  if (!host.live) throw new Error(`${tool} is not run for a recorded machine`);
  const path = findTool(tool, folders);
  if (path === undefined) throw new Error(`${tool} is not there, or may not be run`);
  return path;
}
