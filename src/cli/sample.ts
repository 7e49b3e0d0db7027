/** Opens sensors and samples each once: for `once`, `sensors`, `init` and `record`. */

import { systemClock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { describe } from '../errors.ts';
import { createSource, type LabelMap, type Table, type TideEvent } from '../event.ts';
import type { Host } from '../host.ts';
import { Publisher } from '../publisher.ts';
import type { Sampler, Sensor, SensorContext, Target } from '../sensor.ts';
import { sensorStateToRead } from '../sensor-state.ts';

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
  /** Targets with what is wrong with them. */
  readonly problems?: readonly string[];
}

/** How long a sensor may take that is only looked at, in milliseconds. */
const LOOK_MS = 5000;

/** Opens one sensor with what it needs to be told, or says why it cannot be. */
async function tryOpenIn(
  { definition, options }: Pick<Configured, 'definition' | 'options'>,
  host: Host,
  context: SensorContext,
): Promise<{ sampler: Sampler } | { why: string }> {
  try {
    return { sampler: await definition.open(host, options, context) };
  } catch (error) {
    return { why: describe(error) };
  }
}

/** Opens one sensor to see whether it can be, or says why it cannot. */
export async function tryOpen(
  { definition, options }: Pick<Configured, 'definition' | 'options'>,
  host: Host,
): Promise<{ sampler: Sampler } | { why: string }> {
  const nothing = (): void => {};
  const state = { load: () => undefined, save: async () => {} };
  const context = { name: definition.name, timeout: LOOK_MS, state, warn: nothing, info: nothing };
  return await tryOpenIn({ definition, options }, host, context);
}

/** Who samples, and where; `say` is told what a sensor has to say beside its tables. */
export interface Round {
  readonly agent: string;
  readonly host: string;
  /** The folder for state, which is read and not written: a service may be running on it. */
  readonly stateDir: string;
  readonly say?: (name: string, message: string) => void;
  /** Hides the secrets of the configuration. */
  readonly redact: (text: string) => string;
}

/** Samples every sensor once. What fails is told in its place and stops nothing. */
export async function sampleAll(sensors: readonly Configured[], host: Host, round: Round): Promise<Sampled[]> {
  return await Promise.all(sensors.map((configured) => sampleOne(configured, host, round)));
}

async function sampleOne(configured: Configured, host: Host, round: Round): Promise<Sampled> {
  const { name, labels, timeout } = configured;
  const { agent, host: hostName, stateDir, redact } = round;
  const say = (message: string): void => round.say?.(name, message);
  const state = sensorStateToRead(stateDir, name, say);
  const opened = await tryOpenIn(configured, host, { name, timeout, state, warn: say, info: say });
  if ('why' in opened) return { name, tables: [], events: [], why: redact(opened.why) };
  const { sampler } = opened;
  try {
    const time = systemClock.wall();
    const events: TideEvent[] = [];
    const source = createSource({ agent, host: hostName, run: 'once', sensor: name, labels });
    const publisher = new Publisher(source, Number.POSITIVE_INFINITY, (event) => events.push(event), 0, redact);
    const tables = await withDeadline(
      systemClock,
      timeout,
      `a sample of ${name}`,
      async (signal) => await sampler.sample(signal, time),
    );
    publisher.publish(tables, time);
    const problems = await sampleTargets(sampler, timeout, publisher);
    const told = problems.length > 0 && { problems: problems.map(redact) };
    return { name, events, tables: events.map(({ table }) => table), why: undefined, ...told };
  } catch (error) {
    return { name, tables: [], events: [], why: redact(describe(error)) };
  } finally {
    await sampler.close?.();
  }
}

/** Samples each target of a sensor once, all at the same time. Returns what is wrong with those that have something. */
async function sampleTargets(sampler: Sampler, timeout: number, publisher: Publisher): Promise<string[]> {
  let targets: readonly Target[] = [];
  sampler.targets?.((changed) => {
    targets = changed;
  });
  const problems: string[] = [];
  const sampleTarget = async (target: Target): Promise<void> => {
    const time = systemClock.wall();
    publisher.publish(await target.sample(new AbortController().signal, timeout), time, target.labels);
    if (target.problem !== undefined) problems.push(`${target.name}: ${target.problem}`);
  };
  await Promise.all(targets.map(sampleTarget));
  for (const target of targets) target.leave();
  return problems;
}
