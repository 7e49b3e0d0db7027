/**
 * All drives of one machine: what smartctl says, and for a drive that it cannot read, and that the kernel tells of, what the kernel says.
 *
 * A drive that cannot be read is complained of when that begins, changes and ends. The scan is repeated at every sample: drives are hot-swapped.
 */
import { systemClock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import { describe, Unavailable } from '../errors.ts';
import type { Host } from '../host.ts';
import type { SensorContext } from '../sensor.ts';
import { requireTool } from '../tool/find.ts';
import type { Command } from '../tool/process.ts';
import type { Drive } from './drive.ts';
import type { SmartOptions } from './options.ts';
import { type Device, deviceName, Smartctl } from './smartctl.ts';
import { sysfsDrives } from './sysfs.ts';

/** What a sample needs beside its drives, in milliseconds. */
const MARGIN_MS = 500;

const PRIVILEGES =
  'reading a drive takes privileges: run the service as root, or give it CAP_SYS_RAWIO (ATA, SAS) and CAP_SYS_ADMIN (NVMe) and the group of the devices, or set `sudo: true`';

export class Drives {
  readonly #host: Host;
  readonly #options: SmartOptions;
  readonly #context: SensorContext;
  readonly #smartctl: Smartctl | undefined;
  readonly #complaints: Complaints;

  /** Rejects with `Unavailable` when neither smartctl nor the kernel tells of any drive. */
  static async open(host: Host, options: SmartOptions, context: SensorContext, clock = systemClock): Promise<Drives> {
    const known = sysfsDrives(host).length > 0;
    let why = 'smartctl is not run for a recorded machine';
    if (host.live) {
      try {
        const smartctl = new Smartctl({
          command: commandOf(options),
          timeoutMs: options.device_timeout,
          retryMs: options.retry_hung,
          clock,
        });
        const drives = new Drives(host, options, context, smartctl);
        const refusal = await drives.#refusal();
        if (refusal === undefined) return drives;
        why = refusal;
      } catch (error) {
        why = describe(error);
      }
      // Said only where the drives are: a machine without any misses nothing.
      if (known) context.warn(`only what the kernel tells: ${why}`);
    }
    if (!known) throw new Unavailable(`there is no drive whose health can be read: ${why}`);
    return new Drives(host, options, context, undefined);
  }

  private constructor(host: Host, options: SmartOptions, context: SensorContext, smartctl: Smartctl | undefined) {
    this.#host = host;
    this.#options = options;
    this.#context = context;
    this.#smartctl = smartctl;
    this.#complaints = new Complaints(context);
  }

  async read(signal: AbortSignal): Promise<Drive[]> {
    const kernel = sysfsDrives(this.#host).filter(({ name }) => this.#wanted(name));
    if (!this.#smartctl) return kernel;
    const devices = await this.#devices(signal);
    const outcomes = await this.#smartctl.ask(devices, this.#context.timeout - MARGIN_MS, signal);
    const drives: Drive[] = [];
    const faults: string[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const name = deviceName(devices[i] as Device);
      const why = 'drive' in outcome ? undefined : outcome.denied ? `${outcome.why}; ${PRIVILEGES}` : outcome.why;
      this.#complaints.tell(name, why);
      if ('drive' in outcome) drives.push(outcome.drive);
      else if (why !== undefined) faults.push(`${name}: ${why}`);
    }
    const serials = new Set(drives.map(({ serial }) => serial));
    drives.push(
      ...kernel.filter(({ serial, name }) => !serials.has(serial) && !drives.some((drive) => sameDevice(drive.name, name))),
    );
    if (drives.length === 0 && faults.length > 0) throw new Error(faults[0]);
    return drives;
  }

  /**
   * Why there is no use in smartctl here, or undefined. A drive that does not answer now may later, and the capability that opens one kind of
   * drives does not open another: no use is what is denied for every one.
   */
  async #refusal(): Promise<string | undefined> {
    let why: string | undefined;
    for (const device of await this.#devices()) {
      const [outcome] = (await this.#smartctl?.ask([device], this.#context.timeout)) ?? [];
      if (!outcome || 'drive' in outcome || !outcome.denied) return undefined;
      why ??= `${outcome.why}; ${PRIVILEGES}`;
    }
    return why ?? 'smartctl finds no drive';
  }

  async #devices(signal?: AbortSignal): Promise<Device[]> {
    const { devices } = this.#options;
    const found = devices?.map(({ path, type }) => ({ path, type })) ?? (await this.#smartctl?.scan(signal)) ?? [];
    return found.filter((device) => this.#wanted(deviceName(device)));
  }

  #wanted(name: string): boolean {
    return this.#options.include(name) && !this.#options.exclude(name);
  }
}

/** `/dev/nvme0n1` is a namespace of `/dev/nvme0`. */
const sameDevice = (one: string, other: string): boolean => one.replace(/n\d+$/, '') === other.replace(/n\d+$/, '');

function commandOf(options: SmartOptions): Command {
  const smartctl = requireTool(options.smartctl, '`smartctl`');
  return options.sudo ? [requireTool('sudo', 'PATH'), '-n', smartctl] : [smartctl];
}
