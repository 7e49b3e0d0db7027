/** Chooses what runs the sinks of a configuration. */
import type { SinkEntry } from './config/config.ts';
import { Runner } from './runner.ts';
import { isBroker, type SinkDefinition } from './sink.ts';
import type { RunSink } from './sink-runner.ts';

/** Finds what runs these sinks. Delivery is loaded when one of them is a broker's: it is megabytes of code that others need not have. */
export async function sinkRunnerFor(entries: readonly SinkEntry[]): Promise<RunSink> {
  if (!entries.some(({ definition }) => isBroker(definition))) return runDirect;
  const { deliver } = await import('./sink-delivery.ts');
  return (entry, old, surroundings) => (isBroker(entry.definition) ? deliver : runDirect)(entry, old, surroundings);
}

const runDirect: RunSink = ({ name, definition, options, common }, old, { stateDir, clock, log }) => {
  const context = { name, stateDir, warn: (message: string) => log.warn({ sink: name }, message) };
  const runner = new Runner(name, () => (definition as SinkDefinition).open(context, options), common, clock, log);
  if (old instanceof Runner) void runner.adopt(old);
  return runner;
};
