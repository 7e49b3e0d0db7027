/**
 * AMD and Intel GPUs, from `<sys>/class/drm/cardN`: files that the amdgpu, i915 and xe drivers make, and the hwmon folder below the device.
 * https://docs.kernel.org/gpu/amdgpu/thermal.html, https://docs.kernel.org/hwmon/sysfs-interface.html
 *
 * Which files there are is looked up when it is opened. A card that is taken out has no numbers any more, and one that is put in is found at the next start.
 */
import type { Host } from '../host.ts';
import { AMD, type Card, NumberFiles, pcieGeneration } from './cards.ts';
import { Reading, type Source } from './reading.ts';

/** Where each single number is below the card. `device` is a link, which `..` would follow. */
const FILES: readonly [string, string][] = [
  ['busy', 'device/gpu_busy_percent'],
  ['memory_busy', 'device/mem_busy_percent'],
  ['vram_used', 'device/mem_info_vram_used'],
  ['vram_total', 'device/mem_info_vram_total'],
  ['lmem_total', 'lmem_total_bytes'],
  ['replays', 'device/pcie_replay_count'],
  ['link_speed', 'device/current_link_speed'],
  ['link_speed_max', 'device/max_link_speed'],
  ['link_width', 'device/current_link_width'],
  ['link_width_max', 'device/max_link_width'],
  // i915 and xe: the clock of the first tile's first GT.
  ['graphics', 'gt/gt0/rps_act_freq_mhz'],
  ['graphics', 'gt_act_freq_mhz'],
  ['graphics', 'device/tile0/gt0/freq0/act_freq'],
  ['graphics_max', 'gt/gt0/rps_max_freq_mhz'],
  ['graphics_max', 'gt_max_freq_mhz'],
  ['graphics_max', 'device/tile0/gt0/freq0/max_freq'],
];
/** Why i915 and xe hold the clocks down. */
const THROTTLES = ['pl1', 'pl2', 'pl4', 'prochot', 'ratl', 'thermal', 'vr_tdc', 'vr_thermalert'];
const THROTTLE_FOLDERS: readonly [string, string][] = [
  ['gt/gt0', 'throttle_reason_'],
  ['device/tile0/gt0/freq0/throttle', 'reason_'],
];
const RAS_BLOCKS = ['umc', 'sdma', 'gfx', 'mmhub', 'pcie_bif', 'xgmi_wafl'];
const HWMON =
  /^(temp|fan|power|freq|energy|pwm)\d+_(input|average|cap|cap_max|cap_min|cap_default|max|crit|emergency|label)$|^pwm\d+(_max)?$/;

export class SysfsCard {
  readonly card: Card;
  readonly #files: NumberFiles;
  readonly #labels = new Map<string, string>();
  readonly #ras: string[] = [];

  constructor(host: Host, card: Card) {
    this.card = card;
    this.#files = new NumberFiles(host);
    const { folder: own, device } = card;
    const known = new Set<string>();
    for (const [name, path] of FILES) if (!known.has(name) && this.#files.add(name, `${own}/${path}`)) known.add(name);
    for (const [folder, prefix] of THROTTLE_FOLDERS)
      for (const reason of THROTTLES) this.#files.add(`throttle ${reason}`, `${own}/${folder}/${prefix}${reason}`);
    for (const block of RAS_BLOCKS)
      if (this.#files.add(`ras ${block}`, `${device}/ras/${block}_err_count`)) this.#ras.push(block);
    for (const folder of (host.list(`${device}/hwmon`) ?? []).toSorted())
      for (const name of (host.list(`${device}/hwmon/${folder}`) ?? []).toSorted()) {
        if (!HWMON.test(name)) continue;
        const path = `${device}/hwmon/${folder}/${name}`;
        if (name.endsWith('_label')) this.#labels.set(name.slice(0, -6), host.read(path) ?? '');
        else this.#files.add(name, path);
      }
  }

  /** Whether its files tell more than its name. */
  get speaks(): boolean {
    return this.#files.names().some((name) => !/^link_|^replays$/.test(name));
  }

  read(): Reading {
    const { card } = this;
    const files = this.#files;
    const reading = new Reading(card.vendor === AMD ? 'AMD' : 'Intel', card.id, card.model);
    const { numbers } = reading;
    const busy = files.scaled('busy', 0.01);
    if (busy !== undefined) reading.tasks.set('general', busy);
    numbers['memory.activity'] = files.scaled('memory_busy', 0.01);
    numbers['memory.usage'] = files.read('vram_used');
    numbers['memory.limit'] = files.read('vram_total') ?? files.read('lmem_total');
    numbers['pcie.replays'] = files.read('replays');
    numbers['pcie.generation'] = pcieGeneration(files.text('link_speed'));
    numbers['pcie.generation.max'] = pcieGeneration(files.text('link_speed_max'));
    numbers['pcie.width'] = files.read('link_width');
    numbers['pcie.width.max'] = files.read('link_width_max');
    const clock = { now: files.scaled('graphics', 1e6), max: files.scaled('graphics_max', 1e6) };
    if (clock.now !== undefined) reading.clocks.set('graphics', clock);
    for (const reason of THROTTLES) {
      const active = files.read(`throttle ${reason}`);
      if (active !== undefined) reading.throttles.set(reason, { active });
    }
    this.#addErrors(reading);
    this.#addHwmon(reading);
    return reading;
  }

  /** `ue: 0` and `ce: 3` on a line each. */
  #addErrors(reading: Reading): void {
    for (const block of this.#ras) {
      for (const [, kind, count] of this.#files.text(`ras ${block}`)?.matchAll(/^(ue|ce):\s*(\d+)/gm) ?? [])
        reading.errors.set(`ecc.${kind === 'ue' ? 'uncorrected' : 'corrected'}.volatile.${block}`, Number(count));
    }
  }

  #addHwmon(reading: Reading): void {
    const files = this.#files;
    for (const name of files.names()) {
      const [, kind = '', number = '', what = ''] = /^(temp|fan|power|freq|energy)(\d+)_(input|average)$/.exec(name) ?? [];
      const at = `${kind}${number}`;
      const label = this.#labels.get(at);
      if (kind === 'temp') this.#addTemperature(reading, at, label ?? (number === '1' ? 'gpu' : at));
      if (kind === 'fan') this.#addFan(reading, name, label ?? at);
      const now = kind === 'freq' ? files.read(name) : undefined;
      if (now !== undefined) reading.clocks.set(CLOCKS[label ?? ''] ?? label ?? at, { now });
      if (kind === 'power' && (what === 'average' || reading.power === undefined))
        reading.power = files.scaled(name, 1e-6) ?? reading.power;
      if (kind === 'energy' && (label === undefined || label === 'card')) reading.energy = files.scaled(name, 1e-6);
    }
    const { numbers } = reading;
    numbers['power.limit'] = files.scaled('power1_cap', 1e-6) ?? files.scaled('power1_max', 1e-6);
    numbers['power.limit.default'] = files.scaled('power1_cap_default', 1e-6);
    numbers['power.limit.min'] = files.scaled('power1_cap_min', 1e-6);
    numbers['power.limit.max'] = files.scaled('power1_cap_max', 1e-6);
  }

  /** The driver says EINVAL for a fan that stands still by its own rule, and has no ratio then either. */
  #addFan(reading: Reading, name: string, where: string): void {
    const speed = this.#files.read(name);
    const asked = ratio(this.#files.read('pwm1'), this.#files.read('pwm1_max') ?? 255);
    if (speed !== undefined || asked !== undefined) reading.fans.set(where, { speed, ratio: asked });
  }

  #addTemperature(reading: Reading, at: string, where: string): void {
    const value = this.#files.scaled(`${at}_input`, 1e-3);
    if (value !== undefined) reading.temperatures.set(where, value);
    for (const [file, limit] of [
      ['crit', 'high.critical'],
      ['emergency', 'critical'],
      ['max', 'max'],
    ] as const) {
      const most = this.#files.scaled(`${at}_${file}`, 1e-3);
      if (most !== undefined) reading.temperatureLimits.set(`${where} ${limit}`, most);
    }
  }

  close(): void {
    this.#files.close();
  }
}

/** The clocks of amdgpu, by the name that the other vendors have for the same. */
const CLOCKS: Readonly<Record<string, string>> = { sclk: 'graphics', mclk: 'memory' };
const ratio = (part: number | undefined, whole: number): number | undefined =>
  part === undefined || whole <= 0 ? undefined : part / whole;

/** The cards of one vendor. */
export class Sysfs implements Source {
  readonly #cards: readonly SysfsCard[];

  constructor(cards: readonly SysfsCard[]) {
    this.#cards = cards;
  }

  read(): readonly Reading[] {
    return this.#cards.map((card) => card.read());
  }

  fault(): undefined {
    return undefined;
  }

  close(): void {
    for (const card of this.#cards) card.close();
  }
}
