/** The least that is told of the service to Prometheus: the process and the account of each sink. */
import { prometheusText } from '../codec/prometheus.ts';
import { counter, defineSchema, gauge, updowncounter } from '../event.ts';
import type { StatusView } from './view.ts';

const processSchema = defineSchema({
  type: 'tidegate.process',
  doc: 'The process of the service.',
  attributes: [],
  fields: {
    memory: updowncounter('By', 'Resident memory.'),
    loop_delay: gauge('s', 'The 99th percentile of what the event loop was late by, of late.'),
  },
});

const sinkSchema = defineSchema({
  type: 'tidegate.sink',
  doc: 'The account of each sink.',
  attributes: ['sink'],
  fields: {
    published: counter('{event}', 'Events that the sink selected.'),
    delivered: counter('{event}', 'Events that the destination is responsible for.'),
    queued: updowncounter('{event}', 'Events in memory.'),
    spooled: updowncounter('{event}', 'Events on disk.'),
    in_flight: updowncounter('{event}', 'Events sent and not confirmed yet.'),
    dead_lettered: updowncounter('{event}', 'Events refused for good and kept.'),
  },
});

const droppedSchema = defineSchema({
  type: 'tidegate.sink',
  doc: 'Events given up.',
  attributes: ['sink', 'reason'],
  fields: { dropped: counter('{event}', 'Events given up, by reason.') },
});

export function minimalMetrics({ process, sinks }: StatusView): string {
  const about = processSchema.table().add([], { memory: process.rss, loop_delay: process.loopDelay / 1000 });
  const [accounts, drops] = [sinkSchema.table(), droppedSchema.table()];
  for (const { name, ledger } of sinks) {
    const { published, delivered, queued, spooled, in_flight, dead_lettered, dropped } = ledger;
    accounts.add([name], { published, delivered, queued, spooled, in_flight, dead_lettered });
    for (const [reason, events] of Object.entries(dropped)) drops.add([name, reason], { dropped: events });
  }
  return prometheusText([about, accounts, drops].map((table) => table.seal()));
}
