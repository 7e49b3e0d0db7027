/** Load averages and numbers of threads, from `<proc>/loadavg`. proc_loadavg(5) */
import os from 'node:os';
import * as z from 'zod';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { requirePath } from '../src/host.ts';
import { defineSensor } from '../src/sensor.ts';

// No convention has load averages. These are the names of the OpenTelemetry collector.
const average = defineSchema({
  type: 'system.cpu.load_average',
  doc: 'Threads that ran or waited for a CPU or for uninterruptible work, averaged with exponential decay.',
  attributes: [],
  fields: {
    '1m': gauge('{thread}', 'Over one minute.'),
    '5m': gauge('{thread}', 'Over five minutes.'),
    '15m': gauge('{thread}', 'Over fifteen minutes.'),
  },
});

const thread = defineSchema({
  type: 'system.thread',
  doc: 'Threads that the scheduler knows.',
  attributes: [],
  fields: {
    runnable: updowncounter('{thread}', 'Threads that run or wait for a CPU now.'),
    count: updowncounter('{thread}', 'All threads of all processes and of the kernel.'),
  },
});

export default defineSensor({
  name: 'load',
  summary: 'Load averages and numbers of threads, from /proc/loadavg.',
  emits: [average, thread],
  options: z.strictObject({}),
  open(host) {
    if (host.platform === 'darwin' && host.live) return { sample: sampleNodeOs };
    requirePath(host, host.procPath('loadavg'), 'the load average');
    const loadavg = host.proc('loadavg', 'at once');
    return {
      sample() {
        const text = loadavg.read();
        const row = text.first();
        const averages = average.table().add([], { '1m': row.number(0), '5m': row.number(1), '15m': row.number(2) });
        // `1/497`: runnable threads, all threads.
        const threads = /^(\d+)\/(\d+)$/.exec(row.text(3));
        if (!threads) throw row.malformed('the fourth column is not RUNNABLE/ALL');
        return [averages, thread.table().add([], { runnable: Number(threads[1]), count: Number(threads[2]) })];
      },
      close: () => loadavg.close(),
    };
  },
});

/** What `node:os` knows where there is no /proc: the averages alone. */
function sampleNodeOs(): AnyTable[] {
  const [one, five, fifteen] = os.loadavg() as [number, number, number];
  return [average.table().add([], { '1m': one, '5m': five, '15m': fifteen })];
}
