/** Pressure stall information: how long tasks waited for a resource, from `<proc>/pressure/*`. https://docs.kernel.org/accounting/psi.html */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { counter, defineSchema, gauge } from '../src/event.ts';
import { requirePath } from '../src/host.ts';
import { defineSensor } from '../src/sensor.ts';

/** Files of the kernel; `irq` since Linux 6.1 and not on every build. */
const RESOURCES = ['cpu', 'memory', 'io', 'irq'] as const;
/** The kernel writes percent with two decimals. */
const share = (percent: number): number => Math.round(percent * 100) / 1e4;
/** The kernel counts microseconds. */
const TOTAL_PER_S = 1e6;

// No convention has pressure stall information yet (open-telemetry/semantic-conventions issue 2995).
const pressure = defineSchema({
  type: 'system.pressure',
  doc: 'Time in which tasks waited for a resource: some of them, or all that were not idle (full).',
  attributes: ['pressure.resource', 'pressure.scope'],
  fields: {
    avg10: gauge('1', 'Share of the last 10 s that was lost to waiting.'),
    avg60: gauge('1', 'Share of the last 60 s.'),
    avg300: gauge('1', 'Share of the last 300 s.'),
    time: counter('s', 'Time lost to waiting since the kernel started.'),
  },
});

export default defineSensor({
  name: 'pressure',
  summary: 'Time that tasks waited for CPU, memory, I/O and interrupts (PSI), from /proc/pressure.',
  emits: [pressure],
  options: z.strictObject({}),
  open(host) {
    requirePath(host, host.procPath('loadavg'), 'pressure stall information');
    const files = RESOURCES.map((resource) => ({ resource, file: host.proc(`pressure/${resource}`) })).filter(({ file }) =>
      file.maybe(),
    );
    if (files.length === 0) {
      const why = 'this kernel was built without it (CONFIG_PSI) or it is switched off: start the kernel with psi=1';
      throw new Unavailable(`no file of ${host.procPath('pressure')} can be read: ${why}`);
    }
    return {
      sample() {
        const table = pressure.table();
        for (const { resource, file } of files) {
          for (const row of file.maybe()?.rows() ?? []) {
            table.add([resource, row.text(0)], {
              avg10: share(row.numberFrom(1, 'avg10='.length)),
              avg60: share(row.numberFrom(2, 'avg60='.length)),
              avg300: share(row.numberFrom(3, 'avg300='.length)),
              time: row.numberFrom(4, 'total='.length) / TOTAL_PER_S,
            });
          }
        }
        return [table];
      },
      close() {
        for (const { file } of files) file.close();
      },
    };
  },
});
