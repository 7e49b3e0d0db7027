/** A process with one delivery that is offered events at a steady rate: node outage-child.ts SPEC, driven over IPC by `outage.ts`. */
// First, as in `tidegate` itself.
import '../../src/v8-flags.ts';
import type { BrokerDefinition } from '../../src/broker.ts';
import { memoryMiB } from '../measure.ts';
import type { ChildReport, ChildSpec } from './outage-types.ts';

const { Driven } = await import('./driven.ts');
const { EventMaker } = await import('./events.ts');
const { silent } = await import('../../src/log.ts');

const TICK_MS = 10;

const { sink, folder, offer, options, common } = JSON.parse(process.argv[2] as string) as ChildSpec;
const { default: definition } = (await import(`../../sinks/${sink}.ts`)) as { default: BrokerDefinition };
const maker = new EventMaker(1);
const log = {
  ...silent,
  warn: (about: object, message: string) => console.error(JSON.stringify(about), message),
  error: (about: object, message: string) => console.error(JSON.stringify(about), message),
};
const driven = new Driven(definition, { folder, options, common, run: maker.run, log });

const began = performance.now();
const timer = setInterval(() => {
  for (const due = Math.floor(((performance.now() - began) * offer) / 1000); maker.made < due; ) driven.publish(maker.next());
}, TICK_MS);

const report = (): ChildReport => ({
  rss: memoryMiB(process.pid),
  anonymous: memoryMiB(process.pid, 'RssAnon'),
  heap: process.memoryUsage().heapTotal / 2 ** 20,
  cpu: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  status: driven.status(),
});

process.on('message', (what) => {
  if (what === 'status') process.send?.(report());
  if (what === 'pause') clearInterval(timer);
  if (what === 'stop') void driven.stop().then(() => process.exit(0));
});
