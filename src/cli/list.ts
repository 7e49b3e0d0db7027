/** `tidegate sensors` and `tidegate sinks`: what there is, whether it works here, and what its options are. */
import type * as z from 'zod';
import { UsageError } from '../errors.ts';
import type { Schema } from '../event.ts';
import { formatDuration } from '../options.ts';
import { type Context, type GlobalOptions, hostOf, registryOf } from './context.ts';
import { optionRows } from './option-rows.ts';
import { tryOpen } from './sample.ts';
import { renderTable } from './table.ts';

/** All sensors with what they are for, or one with its options and tables. */
export async function listSensors(name: string | undefined, options: GlobalOptions, context: Context): Promise<void> {
  const { out, env, paint } = context;
  const host = hostOf(options, env);
  const registry = registryOf(options, env);
  const names = name === undefined ? registry.sensorNames() : [name];
  const rows: string[][] = [];
  for (const sensorName of names) {
    const definition = await asked(registry.loadSensor(sensorName));
    const defaults = definition.options.safeParse({});
    const opened = defaults.success
      ? await tryOpen({ definition, options: defaults.data }, host)
      : { why: 'needs options: see tidegate sensors NAME' };
    const works = 'sampler' in opened;
    if (works) await opened.sampler.close?.();
    rows.push([sensorName, works ? paint.green('works') : paint.yellow('not here'), works ? definition.summary : opened.why]);
    if (name === undefined) continue;
    out.write(
      `${paint.bold(name)}: ${definition.summary}\n${works ? paint.green('works here') : paint.yellow(`not here: ${opened.why}`)}\n`,
    );
    if (definition.notes) out.write(`\n${definition.notes}\n`);
    if (definition.interval !== undefined)
      out.write(`\nSamples at most every ${formatDuration(definition.interval)} unless \`interval\` is set.\n`);
    out.write(describeOptions(definition.options, context));
    for (const schema of definition.emits) out.write(describeSchema(schema, context));
    for (const preset of definition.presets ?? []) {
      out.write(`\n${paint.bold(`preset ${preset.name}`)}: ${preset.summary}\n`);
      for (const schema of preset.emits) out.write(describeSchema(schema, context));
    }
    return;
  }
  out.write(`${renderTable([{ head: 'sensor' }, { head: 'here' }, { head: 'what' }], rows, out.columns)}\n`);
}

/** All sinks with what they are for, or one with its options. */
export async function listSinks(name: string | undefined, options: GlobalOptions, context: Context): Promise<void> {
  const { out, env, paint } = context;
  const registry = registryOf(options, env);
  if (name !== undefined) {
    const { summary, options: own } = await asked(registry.loadSink(name));
    out.write(`${paint.bold(name)}: ${summary}\n${describeOptions(own, context)}`);
    return;
  }
  const rows: string[][] = [];
  for (const sinkName of registry.sinkNames()) rows.push([sinkName, (await registry.loadSink(sinkName)).summary]);
  out.write(`${renderTable([{ head: 'sink' }, { head: 'what' }], rows, out.columns)}\n`);
}

/** A wrong name in a configuration is a wrong configuration; here it is a wrong command line, EX_USAGE of sysexits.h. */
async function asked<T>(component: Promise<T>): Promise<T> {
  try {
    return await component;
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, 64) : error;
  }
}

function describeOptions(options: z.ZodType, { out, paint }: Context): string {
  const rows = optionRows(options);
  if (rows.length === 0) return `\n${paint.bold('options')}: none of its own\n`;
  const table = renderTable([{ head: 'option' }, { head: 'value' }, { head: 'default' }, { head: 'what' }], rows, out.columns);
  return `\n${paint.bold('options')}\n${table}\n`;
}

function describeSchema({ type, doc, attributes, fields }: Schema, { out, paint }: Context): string {
  const rows = Object.entries(fields).map(([name, { kind, unit, doc: what }]) => [`${type}.${name}`, kind, unit, what]);
  const table = renderTable([{ head: 'metric' }, { head: 'kind' }, { head: 'unit' }, { head: 'what' }], rows, out.columns);
  const by = attributes.length > 0 ? `by ${attributes.join(', ')}` : 'without attributes';
  return `\n${paint.bold(type)} ${by}: ${doc}\n${table}\n`;
}
