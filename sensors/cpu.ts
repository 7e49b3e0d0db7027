/** CPU time by logical CPU and mode, frequency, counts, and what the kernel did, from `<proc>/stat`. proc_stat(5) */
import os from 'node:os';
import * as z from 'zod';
import { FREQUENCY, Frequencies, type FrequencyOption } from '../src/cpu/frequency.ts';
import { CpuTimes } from '../src/cpu/times.ts';
import { countCores } from '../src/cpu/topology.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { Row } from '../src/text.ts';

const time = defineSchema({
  type: 'system.cpu',
  doc: 'Time of each logical CPU by what it did. The modes are disjoint: time of guests is not in user and nice.',
  attributes: ['cpu.logical_number', 'cpu.mode'],
  fields: { time: counter('s', 'Time in this mode. A CPU that was taken out and put back may start anew.') },
});

const frequency = defineSchema({
  type: 'system.cpu',
  doc: 'Frequency of each logical CPU.',
  attributes: ['cpu.logical_number'],
  fields: { frequency: gauge('Hz', 'What the kernel says it runs at now. Absent where it does not know.') },
});

const logical = defineSchema({
  type: 'system.cpu.logical',
  doc: 'Logical CPUs.',
  attributes: [],
  fields: { count: updowncounter('{cpu}', 'Logical CPUs that are online.') },
});

const physical = defineSchema({
  type: 'system.cpu.physical',
  doc: 'Cores, whatever number of threads each has.',
  attributes: [],
  fields: { count: updowncounter('{cpu}', 'Cores with a CPU that is online.') },
});

// No convention has these. The names are the kernel's words.
const kernel = defineSchema({
  type: 'system.kernel',
  doc: 'What the kernel did since it started, on all CPUs. Absent is what it does not count.',
  attributes: [],
  fields: {
    context_switches: counter('{switch}', 'Switches from one task to another.'),
    interrupts: counter('{interrupt}', 'Interrupts served, those without a number included.'),
    softirqs: counter('{softirq}', 'Soft interrupts served.'),
    forks: counter('{fork}', 'Processes and threads created.'),
  },
});

/** Lines of `/proc/stat` by field of `system.kernel`; the total is their second word. */
const KERNEL = { ctxt: 'context_switches', intr: 'interrupts', softirq: 'softirqs', processes: 'forks' } as const;
const KERNEL_LINES = Object.entries(KERNEL);
type KernelField = (typeof KERNEL)[keyof typeof KERNEL];

export default defineSensor({
  name: 'cpu',
  summary: 'CPU time by mode, frequency, numbers of CPUs, context switches and interrupts, from /proc/stat.',
  emits: [time, frequency, logical, physical, kernel],
  options: z.strictObject({
    frequency: z
      .enum(FREQUENCY)
      .default('auto')
      .describe(
        'Whether to read frequencies. `auto` does where cpufreq tells them at once: not on x86 with Linux 4.13 to 5.18, where a read ' +
          'may hold everything up for 20 ms a CPU. `always` does there too, and takes those of /proc/cpuinfo where there is no cpufreq.',
      ),
  }),
  open(host, options) {
    if (host.platform === 'darwin' && host.live) return { sample: sampleNodeOs };
    requirePath(host, host.procPath('stat'), 'CPU times');
    return new ProcStat(host, options.frequency);
  },
});

class ProcStat implements Sampler {
  readonly #host: Host;
  readonly #stat: HotFile;
  readonly #frequencies: Frequencies;
  #cpus: readonly CpuTimes[] = [];
  #cores: number | undefined;

  constructor(host: Host, option: FrequencyOption) {
    this.#host = host;
    this.#stat = host.proc('stat', 'at once');
    this.#frequencies = new Frequencies(host, option);
  }

  sample(): AnyTable[] {
    const counts = this.#read();
    const [times, frequencies] = [time.table(), frequency.table()];
    for (const cpu of this.#cpus) cpu.each((cells, seconds) => times.add(cells, { time: seconds }));
    this.#frequencies.read((cpu, hertz) => frequencies.add([cpu], { frequency: hertz }));
    const tables: AnyTable[] = [times, frequencies, logical.table().add([], { count: this.#cpus.length })];
    if (this.#cores !== undefined) tables.push(physical.table().add([], { count: this.#cores }));
    tables.push(kernel.table().add([], counts));
    return tables.filter((table) => table.rows > 0);
  }

  close(): void {
    this.#stat.close();
    this.#frequencies.close();
  }

  /** Reads `/proc/stat`: the CPUs take their lines, and the counts of the kernel are returned. */
  #read(): Record<KernelField, number | undefined> {
    const text = this.#stat.read();
    const counts: Record<KernelField, number | undefined> = {
      context_switches: undefined,
      interrupts: undefined,
      softirqs: undefined,
      forks: undefined,
    };
    const cpus: CpuTimes[] = [];
    const row = new Row(text);
    while (row.next()) {
      if (row.startsWith('cpu')) {
        if (row.is(0, 'cpu')) continue;
        const cpu = this.#cpuOf(row, cpus.length);
        cpu.take(row);
        cpus.push(cpu);
      } else {
        for (const [key, field] of KERNEL_LINES) if (row.is(0, key)) counts[field] = row.number(1);
      }
    }
    if (cpus.length === 0) throw text.first().malformed('no line of a CPU');
    if (cpus.length !== this.#cpus.length || cpus.some((cpu, i) => cpu !== this.#cpus[i])) this.#changed(cpus);
    return counts;
  }

  /** The CPU of this line, which usually is the one that was at this place before. */
  #cpuOf(row: Row, place: number): CpuTimes {
    const before = this.#cpus[place];
    if (before !== undefined && row.is(0, before.key)) return before;
    const key = row.text(0);
    if (!/^cpu\d+$/.test(key)) throw row.malformed(`${JSON.stringify(key)} is not a CPU`);
    return this.#cpus.find((cpu) => cpu.key === key) ?? new CpuTimes(key.slice('cpu'.length));
  }

  /** Learns what does not change while the CPUs are the same. A CPU that went away starts anew when it comes back. */
  #changed(cpus: readonly CpuTimes[]): void {
    this.#cpus = cpus;
    const names = cpus.map((cpu) => cpu.name);
    const cpuinfo = this.#host.read(this.#host.procPath('cpuinfo')) ?? '';
    this.#cores = countCores(this.#host, names, cpuinfo);
    this.#frequencies.open(names, cpuinfo);
  }
}

/** What `node:os` knows where there is no /proc: milliseconds in five modes. The frequency that it gives there is nominal. */
function sampleNodeOs(): AnyTable[] {
  const times = time.table();
  const cpus = os.cpus();
  for (const [n, { times: ms }] of cpus.entries()) {
    const modes = { user: ms.user, nice: ms.nice, system: ms.sys, idle: ms.idle, interrupt: ms.irq };
    for (const [mode, value] of Object.entries(modes)) times.add([`${n}`, mode], { time: value / 1000 });
  }
  return [times, logical.table().add([], { count: cpus.length })];
}
