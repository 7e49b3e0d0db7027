/** `tidegate once`: one sample of every sensor, printed. */
import { JsonEncoder } from '../codec/json.ts';
import { MsgpackEncoder } from '../codec/msgpack.ts';
import { prometheusText } from '../codec/prometheus.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { SAMPLE_TIMEOUT_MAX } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { pretty } from '../pretty.ts';
import type { Registry } from '../registry.ts';
import { type Context, type GlobalOptions, hostOf, registryOf, stateDir } from './context.ts';
import { type Configured, type Sampled, sampleAll } from './sample.ts';

export interface OnceOptions extends GlobalOptions {
  readonly config?: string;
  readonly format: 'table' | 'json' | 'msgpack' | 'prometheus';
}

/** Samples the named sensors, or all, and prints what they saw. Why a sensor has nothing to say goes to standard error. */
export async function once(names: readonly string[], options: OnceOptions, context: Context): Promise<void> {
  const { env, out, err, paintErr } = context;
  const host = hostOf(options, env);
  const state = stateDir(options, env);
  const { config } = await loadConfig(options.config, env, {
    stateDir: state,
    hostName: host.name,
    registry: registryOf(options, env),
  });
  const asked = options.config === undefined ? await others(names, config, registryOf(options, env)) : [];
  const known = [...config.sensors, ...asked];
  const all = known.map(({ name }) => name);
  for (const name of names) if (!all.includes(name)) throw unknownSensor(name, all);
  const wanted = names.length === 0 ? config.sensors : known.filter(({ name }) => names.includes(name));
  const redact = (text: string): string => config.secrets.redact(text);
  const say = (name: string, message: string): void => {
    err.write(`${paintErr.dim(`${name}:`)} ${redact(message)}\n`);
  };
  const sampled = await sampleAll(wanted, host, { agent: config.agent, host: config.host, stateDir: state, say, redact });
  for (const { name, why, problems = [] } of sampled) {
    for (const problem of why === undefined ? problems : [why]) err.write(`${paintErr.dim(`${name}:`)} ${problem}\n`);
  }
  out.write(print(sampled, options.format, context));
  // A sensor that was asked for by name and has nothing is a failure; one of many is not.
  if (names.length > 0 && sampled.some(({ why }) => why !== undefined)) process.exitCode = 1;
}

/** Without a configuration, sensors that do not run by default are sampled where they are named: with their defaults, if these are enough. */
async function others(names: readonly string[], config: Config, registry: Registry): Promise<Configured[]> {
  const configured = config.sensors.map(({ name }) => name);
  const more = registry.sensorNames().filter((name) => names.includes(name) && !configured.includes(name));
  return await Promise.all(
    more.map(async (name) => {
      const definition = await registry.loadSensor(name);
      const parsed = definition.options.safeParse({});
      if (!parsed.success)
        throw new UsageError(
          `the sensor ${name} needs options, so that it needs a configuration (-c); see: tidegate sensors ${name}`,
          64,
        );
      return { name, definition, options: parsed.data, timeout: SAMPLE_TIMEOUT_MAX, labels: config.labels };
    }),
  );
}

function unknownSensor(name: string, all: readonly string[]): UsageError {
  const near = nearest(name, all);
  return new UsageError(
    `there is no sensor ${JSON.stringify(name)}; ${near ? `did you mean ${near}?` : `there is: ${all.join(', ')}`}`,
    64,
  );
}

function print(sampled: readonly Sampled[], format: OnceOptions['format'], { out, paint }: Context): string | Uint8Array {
  const events = sampled.flatMap((one) => one.events);
  if (format === 'prometheus') return prometheusText(events.map(({ table }) => table));
  if (format === 'json') {
    const encoder = new JsonEncoder();
    return events.map((event) => `${encoder.encode(event)}\n`).join('');
  }
  if (format === 'msgpack') {
    const encoder = new MsgpackEncoder();
    return Buffer.concat(events.map((event) => Buffer.from(encoder.encode(event))));
  }
  // A terminal that does not know its size says 0.
  const options = { colours: paint.colours, maxRows: Number.POSITIVE_INFINITY, columns: out.columns || undefined };
  return events.map((event) => pretty(event, options)).join('');
}
