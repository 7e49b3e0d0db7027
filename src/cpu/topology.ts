/** Cores and clocks of CPUs, from `/sys/devices/system/cpu`. https://docs.kernel.org/admin-guide/cputopology.html */
import type { Host, HotFile } from '../host.ts';

/** cpufreq counts in kHz. */
const KILO = 1000;

export class Topology {
  readonly #host: Host;
  #cpus: readonly string[] = [];
  #cores: number | undefined;
  #clocks: { readonly cpu: string; readonly file: HotFile }[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** Physical cores among these CPUs; undefined where the kernel does not tell. Read again only when the CPUs change. */
  cores(cpus: readonly string[]): number | undefined {
    this.#learn(cpus);
    return this.#cores;
  }

  /** The clock of each of these CPUs that has one, in Hz. */
  *frequencies(cpus: readonly string[]): Generator<{ cpu: string; hertz: number }> {
    this.#learn(cpus);
    for (const { cpu, file } of this.#clocks) {
      const khz = file.maybe()?.number();
      if (khz !== undefined) yield { cpu, hertz: khz * KILO };
    }
  }

  close(): void {
    for (const { file } of this.#clocks) file.close();
    this.#clocks = [];
  }

  #learn(cpus: readonly string[]): void {
    if (cpus === this.#cpus) return;
    this.#cpus = cpus;
    this.close();
    const cores = new Set<string>();
    for (const cpu of cpus) {
      const folder = `devices/system/cpu/cpu${cpu}`;
      // The list of threads that share a core names the core; a kernel without it has the pair of package and core.
      const siblings = this.#host.read(this.#host.sysPath(`${folder}/topology/thread_siblings_list`));
      const core = this.#host.read(this.#host.sysPath(`${folder}/topology/core_id`));
      const pack = this.#host.read(this.#host.sysPath(`${folder}/topology/physical_package_id`));
      if (siblings !== undefined) cores.add(siblings);
      else if (core !== undefined) cores.add(`${pack ?? ''}/${core}`);
      const file = this.#host.sys(`${folder}/cpufreq/scaling_cur_freq`);
      if (file.maybe()) this.#clocks.push({ cpu, file });
    }
    this.#cores = cores.size > 0 ? cores.size : undefined;
  }
}
