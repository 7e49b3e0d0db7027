/** What the service says of itself when it starts and when it ends: sentences on a terminal, one record in a log. */
import type { Agent } from '../agent.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../log.ts';
import type { Context } from './context.ts';
import { version } from './version.ts';

/** Says what runs, what is not available here, and where events go. */
export function announce(agent: Agent, config: Config, state: string, { err, paintErr: paint }: Context, log: Log): void {
  const { sensors } = agent.status();
  const sampling = sensors.filter(({ state: is }) => is === 'sampling').map(({ name }) => name);
  const missing = sensors.filter(({ state: is }) => is === 'unavailable');
  if (!err.isTTY || config.log.format === 'json') {
    log.info(
      {
        version: version(),
        run: agent.run,
        sensors: sampling,
        unavailable: missing.map(({ name }) => name),
        sinks: config.sinks.map(({ name }) => name),
        state,
      },
      'runs',
    );
    return;
  }
  const lines = [
    `${paint.bold('tidegate')} ${version()}, ${sourceOf(config)}`,
    `${paint.dim('samples  ')} ${sampling.join(', ')}`,
    ...missing.map(({ name, why }) => `${paint.dim('not here ')} ${name}: ${why ?? ''}`),
    ...config.sinks.map(({ name, options }) => `${paint.dim('writes to')} ${name}${placeOf(options)}`),
    `${paint.dim('state in ')} ${state}`,
    paint.dim('Ctrl-C stops it.'),
  ];
  err.write(`${config.secrets.redact(lines.join('\n'))}\n`);
}

function sourceOf({ files }: Config): string {
  return files.length > 0 ? `configured by ${files.join(', ')}` : 'with embedded defaults (tidegate init writes them out)';
}

/** Where a sink writes to, when its options say it in one word. */
function placeOf(options: unknown): string {
  const path = (options as { path?: unknown }).path;
  return typeof path === 'string' ? `: ${path}` : '';
}

/** Says what became of every event. */
export function farewell(agent: Agent, { err }: Context, log: Log): void {
  for (const { name, ledger } of agent.status().sinks) {
    const dropped = Object.values(ledger.dropped).reduce((sum, events) => sum + events, 0);
    const { published, delivered } = ledger;
    if (err.isTTY) err.write(`${name}: ${published} events, ${delivered} delivered, ${dropped} dropped\n`);
    else log.info({ sink: name, published, delivered, dropped: ledger.dropped }, 'stopped');
  }
}
