/** Opens sensors and samples each once: for `once`, `sensors`, `init` and `record`. */

import { systemClock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { describe } from '../errors.ts';
import { type AnyTable, createSource, type LabelMap, type Table, TideEvent } from '../event.ts';
import type { Host } from '../host.ts';
import { Publisher } from '../publisher.ts';
import type { Sampler, Sensor } from '../sensor.ts';

/** A sensor with its options, as a configuration has it. */
export interface Configured {
  readonly name: string;
  readonly definition: Sensor;
  readonly options: unknown;
  /** Deadline of the sample, in milliseconds. */
  readonly timeout: number;
  readonly labels: LabelMap;
}

export interface Sampled {
  readonly name: string;
  readonly tables: readonly Table[];
  readonly events: readonly TideEvent[];
  /** Why there is nothing. */
  readonly why: string | undefined;
}

/** Opens one sensor, or says why it cannot be. */
export async function tryOpen(
  { definition, options }: Pick<Configured, 'definition' | 'options'>,
  host: Host,
): Promise<{ sampler: Sampler } | { why: string }> {
  try {
    return { sampler: await definition.open(host, options) };
  } catch (error) {
    return { why: describe(error) };
  }
}

/** Samples every sensor once. What fails is told in its place and stops nothing. */
export async function sampleAll(
  sensors: readonly Configured[],
  host: Host,
  identity: { agent: string; host: string },
): Promise<Sampled[]> {
  return await Promise.all(sensors.map((configured) => sampleOne(configured, host, identity)));
}

async function sampleOne(configured: Configured, host: Host, identity: { agent: string; host: string }): Promise<Sampled> {
  const { name, labels, timeout } = configured;
  const opened = await tryOpen(configured, host);
  if ('why' in opened) return { name, tables: [], events: [], why: opened.why };
  const { sampler } = opened;
  try {
    const time = systemClock.wall();
    const tables = await withDeadline(
      systemClock,
      timeout,
      `a sample of ${name}`,
      async (signal) => await sampler.sample(signal),
    );
    return { name, ...publish(tables, time, createSource({ ...identity, run: 'once', sensor: name, labels })), why: undefined };
  } catch (error) {
    return { name, tables: [], events: [], why: describe(error) };
  } finally {
    await sampler.close?.();
  }
}

function publish(
  tables: readonly AnyTable[],
  time: number,
  source: ReturnType<typeof createSource>,
): Pick<Sampled, 'tables' | 'events'> {
  const events: TideEvent[] = [];
  new Publisher(source, Number.POSITIVE_INFINITY, (event) => events.push(event)).publish(tables, time);
  return { tables: events.map(({ table }) => table), events };
}
