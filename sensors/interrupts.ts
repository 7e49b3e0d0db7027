/** Interrupts by line and soft interrupts by kind, from `<proc>/interrupts` and `<proc>/softirqs`: proc_interrupts(5), proc_softirqs(5). */
import * as z from 'zod';
import { type AnyTable, counter, defineSchema } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { Counts, describeLine, type Line } from '../src/irq/counts.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

// No convention has these. `interrupt.name` is what the kernel calls the line: a number, or letters such as LOC.
const IDENTITY = ['interrupt.name', 'interrupt.description', 'interrupt.line', 'interrupt.devices'] as const;

const total = defineSchema({
  type: 'system.interrupt',
  doc:
    'Interrupts of each line, of all CPUs together: its number or name; the chip, or what it is for; number at the chip and trigger; devices. ' +
    '`ERR` and `MIS` count errors.',
  attributes: IDENTITY,
  fields: { count: counter('{interrupt}', 'Interrupts since the kernel started, of the CPUs that are online.') },
});

const byCpu = defineSchema({
  type: 'system.interrupt',
  doc: 'With `per_cpu`, instead: interrupts of each line by CPU, for the CPUs that had one. What belongs to no CPU has no number there.',
  attributes: [...IDENTITY, 'cpu.logical_number'],
  fields: { count: counter('{interrupt}', 'Interrupts since the kernel started.') },
});

const soft = defineSchema({
  type: 'system.softirq',
  doc: 'Soft interrupts by kind (NET_RX, TIMER and so on), of all CPUs together: what interrupts leave to be done later.',
  attributes: ['softirq.name'],
  fields: { count: counter('{softirq}', 'Soft interrupts since the kernel started, of the CPUs that are online.') },
});

type Identity = readonly [string, string, string, string];

const options = z.strictObject({
  per_cpu: z
    .boolean()
    .default(false)
    .describe('Whether interrupts are reported for each CPU, not for all together: up to lines times CPUs rows.'),
});

export default defineSensor({
  name: 'interrupts',
  summary: 'Interrupts of each line and device, and soft interrupts, from /proc/interrupts and /proc/softirqs.',
  emits: [soft],
  emitsFor: ({ per_cpu }) => [per_cpu ? byCpu : total],
  options,
  open(host, { per_cpu }) {
    requirePath(host, host.procPath('interrupts'), 'counting interrupts');
    return new Interrupts(host, per_cpu);
  },
});

class Interrupts implements Sampler {
  readonly #hard: HotFile;
  readonly #soft: HotFile;
  readonly #perCpu: boolean;
  readonly #hardCounts = new Counts();
  readonly #softCounts = new Counts();
  /** Cells by line; a line that changed is another object. */
  readonly #identities = new WeakMap<Line, Identity>();
  /** Which CPUs of a line had an interrupt: they keep their row, and the others cost none. */
  readonly #rows = new WeakMap<Line, (readonly [...Identity, string] | undefined)[]>();

  constructor(host: Host, perCpu: boolean) {
    this.#hard = host.proc('interrupts');
    this.#soft = host.proc('softirqs', 'at once');
    this.#perCpu = perCpu;
  }

  sample(): AnyTable[] {
    const lines = this.#hardCounts.read(this.#hard.read());
    const tables: AnyTable[] = [this.#perCpu ? this.#byCpu(lines) : this.#total(lines)];
    const softText = this.#soft.maybe();
    if (softText) {
      const table = soft.table();
      for (const line of this.#softCounts.read(softText)) table.add([line.name], { count: sum(line) });
      tables.push(table);
    }
    return tables.filter(({ rows }) => rows > 0);
  }

  close(): void {
    this.#hard.close();
    this.#soft.close();
  }

  #total(lines: readonly Line[]): AnyTable {
    const table = total.table();
    for (const line of lines) table.add(this.#identity(line), { count: sum(line) });
    return table;
  }

  #byCpu(lines: readonly Line[]): AnyTable {
    const table = byCpu.table();
    const { cpus } = this.#hardCounts;
    for (const line of lines) {
      const identity = this.#identity(line);
      let rows = this.#rows.get(line);
      if (!rows) this.#rows.set(line, (rows = []));
      for (let column = 0; column < line.given; column++) {
        const count = line.counts[column] as number;
        if (count > 0) rows[column] ??= [...identity, line.given === cpus.length ? (cpus[column] as string) : ''];
        const cells = rows[column];
        if (cells) table.add(cells, { count });
      }
    }
    return table;
  }

  #identity(line: Line): Identity {
    let cells = this.#identities.get(line);
    if (!cells) {
      const { what, line: at, devices } = describeLine(line);
      cells = [line.name, what, at, devices];
      this.#identities.set(line, cells);
    }
    return cells;
  }
}

function sum({ counts, given }: Line): number {
  let all = 0;
  for (let column = 0; column < given; column++) all += counts[column] as number;
  return all;
}
