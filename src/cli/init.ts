/** `tidegate init`: a commented configuration for this machine. */
import { writeFileSync } from 'node:fs';
import { initConfig } from '../config/init.ts';
import { describe, errno, UsageError } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Registry } from '../registry.ts';
import { type Context, type GlobalOptions, hostOf, registryOf } from './context.ts';
import { tryOpen } from './sample.ts';

/** Writes to a new file, or prints. An existing file is never overwritten. */
export async function init(file: string | undefined, options: GlobalOptions, { env, out, err }: Context): Promise<void> {
  const text = initConfig(await available(hostOf(options, env), registryOf(options, env)));
  if (file === undefined) {
    out.write(text);
    return;
  }
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    if (errno(error) === 'EEXIST') throw new UsageError(`${file} is there already and is not overwritten; name another file`, 73);
    throw new UsageError(`${file} cannot be written: ${describe(error)}`, 73);
  }
  err.write(`wrote ${file}; try it with: tidegate check -c ${file}\n`);
}

async function available(host: Host, registry: Registry): Promise<Parameters<typeof initConfig>[0]> {
  const sensors = [];
  for (const name of registry.sensorNames()) {
    const definition = await registry.loadSensor(name);
    const { summary, options, byDefault = true } = definition;
    const defaults = options.safeParse({});
    const opened = defaults.success ? await tryOpen({ definition, options: defaults.data }, host) : { why: 'it needs options' };
    if ('sampler' in opened) await opened.sampler.close?.();
    const why = 'why' in opened ? { why: opened.why } : {};
    sensors.push({ name, summary, available: 'sampler' in opened, byDefault, ...why, optionsSchema: options });
  }
  const sinks = [];
  for (const name of registry.sinkNames()) {
    const { summary, options } = await registry.loadSink(name);
    sinks.push({ name, summary, optionsSchema: options });
  }
  return { sensors, sinks };
}
