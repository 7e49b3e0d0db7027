/** What the service says of itself when it starts and when it ends: sentences on a terminal, one record in a log. */
import type { Agent } from '../agent.ts';
import type { Config, SinkEntry } from '../config/config.ts';
import { destinationOf } from '../destination.ts';
import type { Log } from '../log.ts';
import type { Context } from './context.ts';
import { version } from './version.ts';

export interface Announced {
  readonly agent: Agent;
  readonly config: Config;
  /** The folder for state. */
  readonly state: string;
  /** Where the page is, as URLs. */
  readonly pages: readonly string[];
}

/** Says what runs, what is not available here and why (the log does not say it again), where events go, and where it can be looked at. */
export function announce({ agent, config, state, pages }: Announced, { err, paintErr: paint }: Context, log: Log): void {
  const { sensors } = agent.status();
  const sampling = sensors.filter(({ state: is }) => is === 'sampling').map(({ name }) => name);
  const missing = sensors.filter(({ state: is }) => is === 'unavailable');
  if (!err.isTTY || config.log.format === 'json') {
    log.info(
      {
        version: version(),
        run: agent.run,
        sensors: sampling,
        unavailable: Object.fromEntries(missing.map(({ name, why }) => [name, why ?? ''])),
        sinks: config.sinks.map(({ name }) => name),
        state,
        ...(pages.length > 0 && { pages }),
      },
      'runs',
    );
    return;
  }
  const lines = [
    `${paint.bold('tidegate')} ${version()}, ${sourceOf(config)}`,
    `${paint.dim('samples  ')} ${sampling.join(', ')}`,
    ...missing.map(({ name, why }) => `${paint.dim('not here ')} ${name}: ${why ?? ''}`),
    ...config.sinks.map((sink) => `${paint.dim('writes to')} ${sink.name}${placeOf(sink)}${backlogOf(agent, sink.name)}`),
    `${paint.dim('state in ')} ${state}`,
    ...pages.map((page) => `${paint.dim('page at  ')} ${page}`),
    paint.dim('Ctrl-C stops it.'),
  ];
  err.write(`${config.secrets.redact(lines.join('\n'))}\n`);
}

function sourceOf({ files }: Config): string {
  return files.length > 0 ? `configured by ${files.join(', ')}` : 'with embedded defaults (tidegate init writes them out)';
}

/** Where a sink writes to, when its options say it. */
function placeOf(sink: SinkEntry): string {
  const place = destinationOf(sink);
  return place === '' ? '' : `: ${place}`;
}

/** What a broker sink has from before, as far as it has been read by now. */
function backlogOf(agent: Agent, name: string): string {
  const sink = agent.status().sinks.find((one) => one.name === name);
  if (!sink || !('spool' in sink)) return '';
  const { spool, deadLetters } = sink;
  const dead = deadLetters.events > 0 ? `${deadLetters.events} dead letters (tidegate spool ${name})` : '';
  const parts = [spool.events > 0 ? `${spool.events} spooled before` : '', dead].filter((part) => part !== '');
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
}

/** Says what became of every event. */
export function farewell(agent: Agent, { err }: Context, log: Log): void {
  for (const sink of agent.status().sinks) {
    const { name, ledger } = sink;
    const dropped = Object.values(ledger.dropped).reduce((sum, events) => sum + events, 0);
    const { published, delivered, spooled, dead_lettered } = ledger;
    const kept = 'spool' in sink ? { spooled, dead_lettered } : {};
    const spool = spooled > 0 ? `, ${spooled} spooled for the next start` : '';
    const dead = dead_lettered > 0 ? `, ${dead_lettered} dead letters` : '';
    if (err.isTTY) err.write(`${name}: ${published} events, ${delivered} delivered${spool}${dead}, ${dropped} dropped\n`);
    else log.info({ sink: name, published, delivered, ...kept, dropped: ledger.dropped }, 'stopped');
  }
}
