/** What a sample of `interrupts` costs on a machine with 200 lines and 64 CPUs: reading, parsing, the sealed tables. CPU of this thread. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '../src/event.ts';
import { Host } from '../src/host.ts';
import { loadSensor } from '../src/registry.ts';
import { type Figure, median, scratch } from './measure.ts';

const [LINES, CPUS] = [200, 64];
const [WARMUP, WINDOWS, EACH] = [300, 15, 40];

/** As the kernel writes it: numbers padded to ten places, a few of them large, most of them 0. */
function interruptsText(round: number): string {
  const head = `      ${Array.from({ length: CPUS }, (_, cpu) => `CPU${cpu}`.padStart(11)).join('')}\n`;
  const line = (irq: number): string => {
    const counts = Array.from({ length: CPUS }, (_, cpu) =>
      `${(irq + cpu) % 5 === 0 ? 1_000_000 + irq * 7919 + cpu * 31 + round : 0}`.padStart(11),
    );
    return `${irq}`.padStart(4).concat(':', counts.join(''), `  IR-PCI-MSI ${524_288 + irq}-edge      nvme0q${irq}\n`);
  };
  return head + Array.from({ length: LINES }, (_, irq) => line(irq)).join('');
}

async function costOf(options: object): Promise<{ ms: number; rows: number; bytes: number }> {
  const { folder, remove } = scratch();
  const file = join(folder, 'proc/interrupts');
  mkdirSync(join(folder, 'proc'));
  // The kernel's own work of writing the file is not in it: what is read is a file in memory, which changes from round to round.
  const texts = Array.from({ length: 4 }, (_, round) => interruptsText(round));
  writeFileSync(file, texts[0] as string);
  const host = new Host({ proc: join(folder, 'proc'), sys: join(folder, 'sys'), platform: 'linux' });
  const sensor = await loadSensor('interrupts');
  const state = { load: () => undefined, save: async () => {} };
  const context = { name: 'bench', timeout: 10_000, state, warn: () => {}, info: () => {} };
  const sampler = await sensor.open(host, sensor.options.parse(options), context);
  const signal = new AbortController().signal;
  const layouts: (Layout | undefined)[] = [];
  let rows = 0;
  const round = async (): Promise<void> => {
    const tables = await sampler.sample(signal, 0);
    rows = 0;
    tables.forEach((table, index) => {
      layouts[index] = table.seal(layouts[index]).layout;
      rows += table.rows;
    });
  };
  const windows: number[] = [];
  for (let i = 0; i < WARMUP; i++) await round();
  for (let window = 0; window < WINDOWS; window++) {
    writeFileSync(file, texts[window % texts.length] as string);
    const before = process.cpuUsage();
    for (let i = 0; i < EACH; i++) await round();
    const { user, system } = process.cpuUsage(before);
    windows.push((user + system) / 1000 / EACH);
  }
  await sampler.close?.();
  remove();
  return { ms: median(windows), rows, bytes: (texts[0] as string).length };
}

export async function interrupts(): Promise<Figure[]> {
  const all = await costOf({});
  const byCpu = await costOf({ per_cpu: true });
  return [
    { what: `CPU a round, ${LINES} lines × ${CPUS} CPUs`, value: all.ms, unit: 'ms', atMost: 1 },
    { what: 'rows', value: all.rows, unit: '' },
    { what: 'size of the file', value: all.bytes / 1024, unit: 'KiB' },
    { what: 'CPU a round with per_cpu', value: byCpu.ms, unit: 'ms' },
    { what: 'rows with per_cpu', value: byCpu.rows, unit: '' },
  ];
}
