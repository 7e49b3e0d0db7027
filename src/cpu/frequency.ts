/**
 * The frequency of each CPU, from cpufreq. https://docs.kernel.org/admin-guide/pm/cpufreq.html
 *
 * `auto` leaves out what is dear or says little, `always` reads that too:
 *   - Linux 4.13 to 5.18 on x86 measures when it is asked: a read wakes that CPU and sleeps for 10 or 20 ms, once for each CPU that
 *     was not asked within the last second (arch/x86/kernel/cpu/aperfmperf.c; prometheus/node_exporter issue 1086). That would
 *     hold up every other sensor.
 *   - Without cpufreq, as on most virtual machines, `/proc/cpuinfo` has a frequency, which is the nominal one there. The kernel takes
 *     some 12 µs a CPU to write that file, as much as for all other numbers of this sensor.
 */
import type { Host, HotFile } from '../host.ts';
import { Row } from '../text.ts';

export const FREQUENCY = ['auto', 'always', 'never'] as const;
export type FrequencyOption = (typeof FREQUENCY)[number];
export type AddFrequency = (cpu: string, hertz: number) => void;

/** cpufreq counts in kHz, cpuinfo in MHz with three decimals. */
const KILO = 1000;
interface Cpufreq {
  readonly cpu: string;
  readonly file: HotFile;
}

export class Frequencies {
  readonly #host: Host;
  readonly #option: FrequencyOption;
  #cpufreq: readonly Cpufreq[] = [];
  #cpuinfo: HotFile | undefined;

  constructor(host: Host, option: FrequencyOption) {
    this.#host = host;
    this.#option = option;
  }

  /** Looks for what tells the frequencies of these CPUs. `cpuinfo` is the text of `/proc/cpuinfo`. */
  open(cpus: readonly string[], cpuinfo: string): void {
    this.close();
    if (this.#option === 'never') return;
    const found = cpus
      .map((cpu) => ({ cpu, path: `devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq` }))
      .filter(({ path }) => this.#host.exists(this.#host.sysPath(path)));
    if (found.length > 0) {
      if (this.#option === 'auto' && this.#sleeps(cpuinfo)) return;
      this.#cpufreq = found.map(({ cpu, path }) => ({ cpu, file: this.#host.sys(path) }));
    } else if (this.#option === 'always' && /^cpu MHz/m.test(cpuinfo)) {
      this.#cpuinfo = this.#host.proc('cpuinfo');
    }
  }

  /** Gives the frequency of each CPU that has one now, in Hz. */
  read(add: AddFrequency): void {
    for (const { cpu, file } of this.#cpufreq) {
      const row = file.maybe()?.first();
      // The kernel writes 0 or `<unknown>` when it does not know.
      if (row === undefined || row.startsWith('<')) continue;
      const khz = row.number(0);
      if (khz > 0) add(cpu, khz * KILO);
    }
    if (this.#cpuinfo) readCpuinfo(this.#cpuinfo, add);
  }

  close(): void {
    for (const { file } of this.#cpufreq) file.close();
    this.#cpuinfo?.close();
    this.#cpufreq = [];
    this.#cpuinfo = undefined;
  }

  #sleeps(cpuinfo: string): boolean {
    const release = this.#host.read(this.#host.procPath('sys/kernel/osrelease')) ?? '';
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
    if (major === undefined || minor === undefined || !/^cpuid level/m.test(cpuinfo)) return false;
    const version = Number(major) * 1000 + Number(minor);
    return version >= 4013 && version <= 5018;
  }
}

/** `cpu MHz : 2596.120` or `cpu MHz : Unknown`, behind the `processor : 0` that it belongs to. */
function readCpuinfo(file: HotFile, add: AddFrequency): void {
  const text = file.maybe();
  if (text === undefined) return;
  const row = new Row(text);
  let cpu: string | undefined;
  while (row.next()) {
    if (row.is(0, 'processor')) cpu = row.text(2);
    else if (cpu !== undefined && row.is(1, 'MHz') && !row.is(3, 'Unknown')) add(cpu, Math.round(row.number(3) * KILO) * KILO);
  }
}
