/** `tidegate check`: every mistake in the configuration; with `--connect`, whether its destinations take what is sent. */
import { loadConfig } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import { counted } from '../words.ts';
import { type Context, type GlobalOptions, hostOf, registryOf, stateDir } from './context.ts';

/** Says that the configuration is right, and what it is in one line; throws the report of its mistakes. */
export async function check(options: GlobalOptions & { config?: string; connect?: boolean }, context: Context): Promise<void> {
  const { env, out, paint } = context;
  const state = stateDir(options, env);
  const { config, warnings } = await loadConfig(options.config, env, {
    stateDir: state,
    hostName: hostOf(options, env).name,
    registry: registryOf(options, env),
  });
  for (const warning of warnings) out.write(`${paint.yellow('warning:')} ${formatMistake(warning)}\n`);
  const from = config.files.join(', ') || 'embedded defaults';
  out.write(
    `${paint.green('right:')} ${from}: ${counted(config.sensors.length, 'sensor')}, ${counted(config.sinks.length, 'sink')}\n`,
  );
  if (options.connect) await (await import('./connect.ts')).connectSinks(config, state, context);
}
