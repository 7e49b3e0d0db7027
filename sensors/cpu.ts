/** CPU time by logical CPU and mode, frequency, counts, and what the kernel did, from `<proc>/stat`. proc_stat(5) */
import os from 'node:os';
import * as z from 'zod';
import { CpuClock } from '../src/cpu/clock.ts';
import { Topology } from '../src/cpu/topology.ts';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { keyBytes, type Text } from '../src/text.ts';

const time = defineSchema({
  type: 'system.cpu',
  doc: 'Time of each logical CPU by what it did. The modes are disjoint: time of guests is not in user and nice.',
  attributes: ['cpu.logical_number', 'cpu.mode'],
  fields: { time: counter('s', 'Time in this mode since the kernel started.') },
});

const frequency = defineSchema({
  type: 'system.cpu',
  doc: 'Clock of each logical CPU, where the kernel scales it (cpufreq).',
  attributes: ['cpu.logical_number'],
  fields: { frequency: gauge('Hz', 'The frequency that the governor has set.') },
});

const logical = defineSchema({
  type: 'system.cpu.logical',
  doc: 'Logical CPUs that are online.',
  attributes: [],
  fields: { count: updowncounter('{cpu}', 'Hardware threads.') },
});

const physical = defineSchema({
  type: 'system.cpu.physical',
  doc: 'Physical cores that are online. No table where the kernel does not tell.',
  attributes: [],
  fields: { count: updowncounter('{cpu}', 'Cores, whatever number of threads each has.') },
});

// No convention has these; the names are the kernel's words.
const kernel = defineSchema({
  type: 'system.kernel',
  doc: 'What the kernel did, on all CPUs.',
  attributes: [],
  fields: {
    context_switches: counter('{switch}', 'Context switches.'),
    interrupts: counter('{interrupt}', 'Hardware interrupts, those without a number included.'),
    softirqs: counter('{softirq}', 'Soft interrupts.'),
  },
});

const [CTXT, INTR, SOFTIRQ] = [keyBytes('ctxt '), keyBytes('intr '), keyBytes('softirq ')];

export default defineSensor({
  name: 'cpu',
  summary: 'Time of each CPU by mode, frequency, counts, context switches and interrupts, from /proc/stat.',
  emits: [time, frequency, logical, physical, kernel],
  options: z.strictObject({}),
  open(host) {
    if (host.platform === 'darwin' && host.live) return { sample: sampleNodeOs };
    if (host.platform !== 'linux') throw new Unavailable(`CPU times are read from Linux' /proc; this is ${host.platform}`);
    requirePath(host, host.procPath('stat'), 'CPU times');
    return new LinuxCpu(host);
  },
});

class LinuxCpu implements Sampler {
  readonly #stat: HotFile;
  readonly #clock = new CpuClock();
  readonly #topology: Topology;

  constructor(host: Host) {
    this.#stat = host.proc('stat');
    this.#topology = new Topology(host);
  }

  sample(): AnyTable[] {
    const text = this.#stat.read();
    const times = time.table();
    this.#clock.read(text, (cpu, mode, seconds) => times.add([cpu, mode], { time: seconds }));
    const cpus = this.#clock.online;
    const tables: AnyTable[] = [times, logical.table().add([], { count: cpus.length }), kernelTable(text)];
    const cores = this.#topology.cores(cpus);
    if (cores !== undefined) tables.push(physical.table().add([], { count: cores }));
    const frequencies = frequency.table();
    for (const { cpu, hertz } of this.#topology.frequencies(cpus)) frequencies.add([cpu], { frequency: hertz });
    if (frequencies.rows > 0) tables.push(frequencies);
    return tables;
  }

  close(): void {
    this.#stat.close();
    this.#topology.close();
  }
}

const kernelTable = (text: Text): AnyTable =>
  kernel.table().add([], {
    context_switches: text.numberAfter(CTXT),
    interrupts: text.numberAfter(INTR),
    softirqs: text.numberAfter(SOFTIRQ),
  });

/** What node:os knows of a machine without /proc: milliseconds in five modes. */
function sampleNodeOs(): AnyTable[] {
  const times = time.table();
  const cpus = os.cpus();
  for (const [n, { times: ms }] of cpus.entries()) {
    const modes = { user: ms.user, nice: ms.nice, system: ms.sys, idle: ms.idle, interrupt: ms.irq };
    for (const [mode, value] of Object.entries(modes)) times.add([`${n}`, mode], { time: value / 1000 });
  }
  return [times, logical.table().add([], { count: cpus.length })];
}
