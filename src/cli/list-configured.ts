/** `tidegate sensors -c FILE`: the sensors of a configuration, each sampled once: whether it works here, and each of its targets. */
import { loadConfig } from '../config/load.ts';
import { type Context, hostOf, registryOf, stateDir } from './context.ts';
import type { OnceOptions } from './once.ts';
import { sampleAll } from './sample.ts';
import { renderTable } from './table.ts';

export async function listConfigured(
  name: string | undefined,
  options: Pick<OnceOptions, 'config' | 'state' | 'host'>,
  context: Context,
): Promise<void> {
  const { env, out, paint } = context;
  const host = hostOf(options, env);
  const state = stateDir(options, env);
  const { config } = await loadConfig(options.config, env, {
    stateDir: state,
    hostName: host.name,
    registry: registryOf(options, env),
  });
  const wanted = config.sensors.filter((entry) => name === undefined || entry.name === name || entry.type === name);
  const redact = (text: string): string => config.secrets.redact(text);
  const sampled = await sampleAll(wanted, host, { agent: config.agent, host: config.host, stateDir: state, redact });
  const rows = sampled.flatMap(({ name: sensor, why, problems = [], events }) => {
    if (why !== undefined) return [[sensor, paint.yellow('not here'), why]];
    const works = [sensor, paint.green('works'), `${events.length} events`];
    return [works, ...problems.map((problem) => [sensor, paint.yellow('target'), problem])];
  });
  out.write(`${renderTable([{ head: 'sensor' }, { head: 'here' }, { head: 'what' }], rows, out.columns)}\n`);
}
