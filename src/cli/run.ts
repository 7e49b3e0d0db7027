/** `tidegate run`: the service. */
import { Agent } from '../agent.ts';
import { systemClock } from '../clock.ts';
import { type Config, diffConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import { openControl } from '../control/server.ts';
import { describe, UsageError } from '../errors.ts';
import { makeFolder } from '../folder.ts';
import { Web } from '../http/web.ts';
import type { Log } from '../log.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { selfMetricsText } from '../telemetry/text.ts';
import { type Context, commandFor, type GlobalOptions, hostOf, registryOf, stateDir } from './context.ts';
import { createLog } from './log.ts';
import { Reloading } from './reload.ts';
import { terminalOf } from './terminal.ts';
import { version } from './version.ts';
import { announce, farewell } from './voice.ts';

/** How long the sinks may go on writing after a signal, in milliseconds. */
const SHUTDOWN_MS = 10_000;
/** Events above this estimated size are cut by rows, in bytes: below the limit that brokers have by default, 1 MiB. */
const EVENT_BYTES_MAX = 512 * 1024;
/** Exit codes of a process that a signal ended, as a shell reports them: 128 + the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Options at the top that a reload does not apply. */
const AT_START: readonly string[] = ['agent', 'log'];

export interface RunOptions extends GlobalOptions {
  readonly config?: string;
}

/** Runs until a signal ends it. Resolves when everything is flushed and closed. */
export async function run(options: RunOptions, context: Context): Promise<void> {
  const state = await createState(stateDir(options, context.env));
  const host = hostOf(options, context.env);
  const load = () =>
    loadConfig(options.config, context.env, { stateDir: state, hostName: host.name, registry: registryOf(options, context.env) });
  const { config, warnings } = await load();
  // Those of the configuration before the last reload too: what it began may still be logged.
  let [now, before] = [config, config];
  const redact = (text: string): string => before.secrets.redact(now.secrets.redact(text));
  const log = createLog(context.err, config.log, context.paintErr, redact);
  for (const warning of warnings) log.warn({}, formatMistake(warning));
  const telemetry = new Telemetry({ version: version(), clock: systemClock, log }, () => agent.self());
  const agent = new Agent({
    agent: config.agent,
    host,
    stateDir: state,
    clock: systemClock,
    log,
    maxEventBytes: EVENT_BYTES_MAX,
    tracing: telemetry.tracing,
    redact,
  });
  await telemetry.configure(config);
  const reloading = new Reloading(load, log, async (loaded) => {
    [now, before] = [loaded, now];
    warnOfLate(config, now, log);
    await agent.apply(now);
    await telemetry.configure({ ...now, agent: config.agent });
    await web.configure(now.http);
  });
  let ready = false;
  const web = new Web({
    version: version(),
    command: commandFor(state, context.env),
    agent,
    clock: systemClock,
    log,
    started: systemClock.wall(),
    config: () => now,
    ready: () => ready,
    metrics: () => selfMetricsText(agent.self()),
    reload: async () => await reloading.reload(),
    setLevel: (level) => void (log.level = level),
  });
  const control = await openControl({ state, handle: web.handle, log });
  try {
    await web.configure(config.http);
  } catch (error) {
    await control.close();
    throw error;
  }
  const stopped = stopOnSignal(agent, [control, web, telemetry], context, log);
  const started = agent.apply(config);
  reloading.begin(started);
  reloadOnSignal(reloading, context);
  await started;
  ready = true;
  announce({ agent, config, state, pages: web.urls }, context, log);
  await stopped;
}

function warnOfLate(atStart: Config, now: Config, log: Log): void {
  const late = diffConfig(atStart, now).rest.filter((name) => AT_START.includes(name));
  if (late.length > 0) log.warn({ options: late }, 'these options differ from those at the start, and only a start applies them');
}

async function createState(folder: string): Promise<string> {
  try {
    await makeFolder(folder, 0o750);
  } catch (error) {
    throw new UsageError(`the folder for state cannot be made: ${describe(error)}; name another with --state or TIDEGATE_STATE`);
  }
  return folder;
}

function reloadOnSignal(reloading: Reloading, { out }: Context): void {
  const gone = terminalOf(out);
  process.on('SIGHUP', () => {
    // A terminal that is closed says so by the same signal.
    if (gone()) process.kill(process.pid, 'SIGTERM');
    else void reloading.reload();
  });
}

/** The first SIGTERM or SIGINT flushes and resolves; a second one ends the process at once. */
function stopOnSignal(agent: Agent, open: readonly { close(): Promise<void> }[], context: Context, log: Log): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const [signal, code] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (stopping) process.exit(code);
        stopping = true;
        // Nothing is reloaded any more, and the signal must not end the process either.
        process.removeAllListeners('SIGHUP').on('SIGHUP', () => {});
        log.info(
          { signal, seconds: SHUTDOWN_MS / 1000 },
          'stops: delivers what is left, for so long at most; once more ends it at once',
        );
        void agent.stop(SHUTDOWN_MS).then(async () => {
          await Promise.all(open.map((one) => one.close()));
          farewell(agent, context, log);
          resolve();
          // A sink or sensor that hangs for good may hold the process; everything that could be flushed is.
          setImmediate(() => process.exit(0));
        });
      });
    }
  });
}
