/**
 * Pressure stall information: how long tasks waited for a resource, from `<proc>/pressure`.
 * https://docs.kernel.org/accounting/psi.html
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge } from '../src/event.ts';
import type { HotFile } from '../src/host.ts';
import { defineSensor } from '../src/sensor.ts';
import type { Row } from '../src/text.ts';

/** Files of the kernel. `irq` came with Linux 6.1, and is there only where time in interrupts is measured. */
const RESOURCES = ['cpu', 'memory', 'io', 'irq'] as const;
/** The kernel counts microseconds. */
const MICRO_PER_S = 1e6;
/** The kernel writes percent with two decimals, which this keeps exact. */
const share = (percent: number): number => Math.round(percent * 100) / 1e4;

// No convention has these (open-telemetry/semantic-conventions issue 2995). The names are the kernel's words.
const pressure = defineSchema({
  type: 'system.pressure',
  doc: 'Time in which tasks waited for a resource: some of them, or all that had something to do (full).',
  attributes: ['pressure.resource', 'pressure.scope'],
  fields: {
    avg10: gauge('1', 'Share of the last 10 s in which some, or all, tasks waited.'),
    avg60: gauge('1', 'The same for the last 60 s.'),
    avg300: gauge('1', 'The same for the last 300 s.'),
    time: counter('s', 'Time for which some, or all, tasks waited, since the kernel started.'),
  },
});

interface Source {
  readonly resource: string;
  readonly file: HotFile;
}

export default defineSensor({
  name: 'pressure',
  summary: 'Time that tasks waited for CPU, memory, I/O and interrupts (PSI), from /proc/pressure.',
  emits: [pressure],
  options: z.strictObject({}),
  open(host) {
    if (host.platform !== 'linux') throw new Unavailable(`pressure is measured by Linux; this is ${host.platform}`);
    const sources = RESOURCES.map((resource) => ({ resource, file: host.proc(`pressure/${resource}`, 'at once') })).filter(
      // Where it is switched off, the files are not there, or reading them is not supported.
      ({ file }) => file.maybe() !== undefined,
    );
    if (sources.length === 0)
      throw new Unavailable(
        `no file of ${host.procPath('pressure')} can be read, because this kernel was built without it (CONFIG_PSI) or it is ` +
          'switched off: start the kernel with psi=1',
      );
    return {
      sample: () => samplePressure(sources),
      close() {
        for (const { file } of sources) file.close();
      },
    };
  },
});

function samplePressure(sources: readonly Source[]): AnyTable[] {
  const table = pressure.table();
  for (const { resource, file } of sources) {
    for (const row of file.maybe()?.rows() ?? []) {
      table.add([resource, scopeOf(row)], {
        avg10: share(row.numberFrom(1, 'avg10='.length)),
        avg60: share(row.numberFrom(2, 'avg60='.length)),
        avg300: share(row.numberFrom(3, 'avg300='.length)),
        time: row.numberFrom(4, 'total='.length) / MICRO_PER_S,
      });
    }
  }
  return table.rows > 0 ? [table] : [];
}

function scopeOf(row: Row): string {
  if (row.is(0, 'some')) return 'some';
  if (row.is(0, 'full')) return 'full';
  throw row.malformed('neither some nor full');
}
