/** One instance of the sensor `json`: asks, fills tables, says what is wrong when it changes. */
import { type Clock, systemClock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import { HttpClient } from '../http-client/client.ts';
import type { SensorContext } from '../sensor.ts';
import { Asker, type Outcome } from './asker.ts';
import { type Filled, Mapping } from './mapping.ts';
import { type JsonOptions, mappingOf } from './options.ts';

/** The share of a sample's time that a request may take, so that what became of it can still be told. */
const SHARE = 0.9;

export interface JsonSampler {
  sample(
    signal: AbortSignal,
    time: number,
  ): Promise<{ readonly outcomes: readonly Outcome[]; readonly filled: readonly Filled[] }>;
  close(): Promise<void>;
}

export function openSampler(given: JsonOptions, context: SensorContext, clock: Clock = systemClock): JsonSampler {
  const { requests, tables } = mappingOf(given);
  const mapping = new Mapping(tables, given.max_rows);
  const client = new HttpClient(given, Math.min(given.request_timeout, SHARE * context.timeout), clock);
  const asker = new Asker({ url: given.url, requests, batch: given.batch }, client, clock);
  const complaints = new Complaints(context);
  return {
    async sample(signal, time) {
      const { document, outcomes } = await asker.ask(signal);
      const filled = mapping.fill(document, time / 1000);
      // What is given up because the service stops is no news.
      if (signal.aborted) return { outcomes, filled };
      complaints.tell('requests', failuresOf(outcomes));
      for (const { name, problem } of filled) complaints.tell(`table ${name}`, problem);
      return { outcomes, filled };
    },
    close: () => client.close(),
  };
}

/** What went wrong with which, in one line; undefined when nothing did. */
function failuresOf(outcomes: readonly Outcome[]): string | undefined {
  const names = new Map<string, string[]>();
  for (const { name, failure, optional } of outcomes)
    if (failure && !optional) names.set(failure.message, [...(names.get(failure.message) ?? []), name]);
  const all = [...names].map(([message, those]) => `${those.join(', ')}: ${message}`);
  return all.length === 0 ? undefined : all.join('; ');
}
