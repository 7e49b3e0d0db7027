/** `tidegate spool SINK …`: looks into the spool of a broker sink and its dead letters, through the running service or in its folder. */
import { ControlRefused, findService } from '../control/client.ts';
import { StoreError } from '../delivery/store.ts';
import { errno, UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { SpoolAccess } from '../spool/access.ts';
import { spoolFolder, spoolNames } from '../spool/folders.ts';
import { LiveSpool } from '../spool/live.ts';
import { type Context, type GlobalOptions, stateDir } from './context.ts';
import type { SpoolAction } from './spool-action.ts';
import { changeSpool } from './spool-change.ts';
import { exportSpool } from './spool-export.ts';
import { listingToText, type OverviewRow, overviewToText, showToText, summaryToText } from './spool-report.ts';

/** Exit codes of sysexits.h: EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_IOERR. */
const [EXIT_USAGE, EXIT_DATA, EXIT_NO_INPUT, EXIT_UNAVAILABLE, EXIT_IO] = [64, 65, 66, 69, 74];

export interface SpoolWords {
  readonly sink: string | undefined;
  readonly action: SpoolAction | undefined;
  readonly words: readonly string[];
}

export interface SpoolOptions extends GlobalOptions {
  readonly format: 'table' | 'json';
  readonly limit: string;
  readonly dead?: boolean;
  readonly all?: boolean;
  readonly spooled?: boolean;
  readonly yes?: boolean;
}

type Service = Awaited<ReturnType<typeof findService>>;

export async function spool(asked: SpoolWords, options: SpoolOptions, context: Context): Promise<void> {
  refuse(asked, options);
  // Reading may take a while; what was made for it goes with the process.
  process.once('SIGINT', () => process.exit(130));
  const state = stateDir(options, context.env);
  try {
    const service = await findService(state);
    if (asked.sink === undefined) return await overview(state, service, options, context);
    const access = await openSpool(state, asked.sink, service);
    try {
      await act(asked.sink, access, asked, options, context);
      const damage = access.damage();
      if (damage !== undefined) sayDamage(damage, context);
    } finally {
      await access.close();
    }
  } catch (error) {
    throw usageErrorOf(error, state);
  }
}

async function act(
  sink: string,
  access: SpoolAccess,
  { action, words }: SpoolWords,
  options: SpoolOptions,
  context: Context,
): Promise<void> {
  const { out, err, paintErr } = context;
  const json = options.format === 'json';
  switch (action) {
    case undefined: {
      const summary = await access.summary();
      out.write(
        json
          ? `${JSON.stringify({ sink, source: access.source, damage: access.damage(), ...summary })}\n`
          : summaryToText(sink, access.from, summary, context),
      );
      return;
    }
    case 'list':
      return await list(access, options, context);
    case 'show': {
      const item = await access.find(words[0] as string);
      if (!item)
        throw new UsageError(
          `there is no event ${words[0]} in the spool of ${sink}, nor among its dead letters: see tidegate spool ${sink} list`,
          EXIT_NO_INPUT,
        );
      err.write(`${paintErr.dim(access.from)}\n`);
      out.write(json ? `${JSON.stringify(item)}\n` : showToText(item, context));
      return;
    }
    case 'export':
      return await exportSpool(access, words[0] as string, options.dead ? 'dead' : 'spooled', context);
    case 'retry':
    case 'discard':
      return await changeSpool(access, action, words, options, context);
    case 'pause':
    case 'resume':
    case 'probe':
      if (!(access instanceof LiveSpool))
        throw new UsageError(`${action} needs a running service, and none runs with this folder for state`, EXIT_UNAVAILABLE);
      await access.tell(action);
      err.write(`${DONE[action]} (${access.from})\n`);
  }
}

async function list(access: SpoolAccess, options: SpoolOptions, context: Context): Promise<void> {
  const { out, err, paintErr } = context;
  const json = options.format === 'json';
  const limit = Number(options.limit);
  const shelf = options.dead ? 'dead' : 'spooled';
  // One more than is shown tells whether there are more.
  const items = access.list({ shelf, events: false, ...(limit > 0 && { limit: limit + 1 }) });
  err.write(`${paintErr.dim(access.from)}\n`);
  let count = 0;
  const shown = [];
  for await (const item of items) {
    if (limit > 0 && ++count > limit) break;
    if (json) out.write(`${JSON.stringify(item)}\n`);
    else shown.push(item);
  }
  if (!json) out.write(listingToText(shown, shelf, context));
  if (limit > 0 && count > limit) err.write(`${paintErr.dim(`there are more: --limit ${limit * 10}, or 0 for all`)}\n`);
}

const DONE = {
  pause: 'paused: it sends nothing, and spools what comes',
  resume: 'resumed',
  probe: 'the broker is tried at once',
} as const;

async function overview(state: string, service: Service, { format }: SpoolOptions, context: Context): Promise<void> {
  const live = new Set(service?.status.sinks.filter((sink) => 'spool' in sink).map(({ name }) => name));
  const names = [...new Set([...live, ...(await spoolNames(state))])].toSorted();
  const rows: OverviewRow[] = [];
  for (const name of names) {
    try {
      const access = await openSpool(state, name, service);
      try {
        const summary = await access.summary();
        rows.push({ sink: name, source: access.source, summary, damage: access.damage() });
      } finally {
        await access.close();
      }
    } catch (error) {
      const said = usageErrorOf(error, state);
      if (!(said instanceof UsageError)) throw said;
      rows.push({ sink: name, error: said.message });
      process.exitCode = said.exitCode;
    }
  }
  const where = service ? `a service runs (${service.client.path})` : `no service runs with the folder for state ${state}`;
  if (format === 'json') context.out.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  else context.out.write(overviewToText(rows, context));
  context.err.write(`${context.paintErr.dim(where)}\n`);
}

/** Asks the service for a sink that it runs; else reads the folder. */
async function openSpool(state: string, sink: string, service: Service): Promise<SpoolAccess> {
  const running = service?.status.sinks.find(({ name }) => name === sink);
  if (service && running) {
    if ('spool' in running) return new LiveSpool(sink, service.client);
    throw new UsageError(`the sink ${sink} writes by itself and has no spool: only those to brokers have one`, EXIT_USAGE);
  }
  const names = await spoolNames(state);
  if (!names.includes(sink)) {
    const known = [...new Set([...names, ...(service?.status.sinks.map(({ name }) => name) ?? [])])];
    if (known.length === 0)
      throw new UsageError(
        `there is no spool in ${state}: a sink to a broker makes one when it first runs. Name another folder with --state or TIDEGATE_STATE`,
        EXIT_NO_INPUT,
      );
    const near = nearest(sink, known);
    throw new UsageError(
      `there is no spool of a sink ${JSON.stringify(sink)} in ${state}; ${near ? `did you mean ${near}?` : `there is: ${known.join(', ')}`}`,
      EXIT_USAGE,
    );
  }
  // LevelDB is loaded by those who need it.
  return await (await import('../spool/offline.ts')).openOffline(spoolFolder(state, sink));
}

function refuse({ action, words }: SpoolWords, { limit, dead, all, spooled, yes }: SpoolOptions): void {
  const wrong = (message: string): never => {
    throw new UsageError(message, EXIT_USAGE);
  };
  const only = (option: string, given: unknown, actions: readonly SpoolAction[]): void => {
    if (given !== undefined && !(action && actions.includes(action)))
      wrong(`${option} is for ${actions.join(' and ')} only: leave it out`);
  };
  only('--dead', dead, ['list', 'export']);
  only('--all', all, ['retry', 'discard']);
  only('--spooled', spooled, ['discard']);
  only('--yes', yes, ['discard']);
  if (!/^\d{1,9}$/.test(limit)) wrong(`--limit ${limit}: expected a whole number, 0 for all`);
  if (action === 'show' && words.length !== 1)
    wrong('show takes one event: its sequence RUN/LANE/N, or the number of a dead letter');
  if (action === 'export' && words.length !== 1) wrong('export takes one file to write, - for standard output');
  if (action !== 'retry' && action !== 'discard') {
    const most = action === 'show' || action === 'export' ? 1 : 0;
    if (words.length > most) wrong(`${action} takes no ${JSON.stringify(words[most])}`);
    return;
  }
  const number = words.find((word) => !/^\d{1,15}$/.test(word));
  if (number !== undefined)
    wrong(`${JSON.stringify(number)} is no number of a dead letter: tidegate spool SINK list --dead shows them`);
  if (spooled && (all || words.length > 0))
    wrong('--spooled gives up everything that is spooled: leave out --all and numbers of dead letters');
  if (spooled && !yes) wrong('discard --spooled gives up events for good: say --yes if that is what you want');
  if (!spooled && all === words.length > 0) wrong(`name the dead letters to ${action}, or all of them with --all, not both`);
  if (!spooled && !all && words.length === 0) wrong(`name the dead letters to ${action}, or all of them with --all`);
}

function sayDamage(damage: string, { err, paintErr }: Context): void {
  err.write(
    `${paintErr.yellow('damaged:')} ${damage}. What can be read of it is shown; the service repairs it at its next start and counts what is lost\n`,
  );
}

/** An operator's matter, as what it is; anything else as it was. */
function usageErrorOf(error: unknown, state: string): unknown {
  if (error instanceof ControlRefused)
    return new UsageError(error.message, error.status === 404 ? EXIT_NO_INPUT : EXIT_UNAVAILABLE);
  if (error instanceof StoreError) {
    switch (error.code) {
      case 'locked':
        return new UsageError(
          `${error.message.split(': ')[0]}, and no service answers in ${state}: it may be starting or stopping, be an older release, or another user's. Try again, or stop it`,
          EXIT_UNAVAILABLE,
        );
      case 'newer':
        return new UsageError(error.message, EXIT_DATA);
      case 'full':
      case 'broken':
        return new UsageError(error.message, EXIT_IO);
    }
  }
  if (error instanceof Error && ['EACCES', 'EPERM'].includes(errno(error) ?? ''))
    return new UsageError(`${error.message}: run this as the user of the service`, EXIT_UNAVAILABLE);
  if (error instanceof Error && ['ECONNRESET', 'EPIPE'].includes(errno(error) ?? ''))
    return new UsageError('the service ended while it answered; try again', EXIT_UNAVAILABLE);
  return error;
}
