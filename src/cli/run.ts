/** `tidegate run`: the service. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Agent } from '../agent.ts';
import { systemClock } from '../clock.ts';
import { type Config, diffConfig } from '../config/config.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import { type Control, openControl } from '../control/server.ts';
import { describe, errno, UsageError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Context, type GlobalOptions, hostOf, registryOf, stateDir } from './context.ts';
import { createLog } from './log.ts';
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
  const state = createState(stateDir(options, context.env));
  const host = hostOf(options, context.env);
  const load = () =>
    loadConfig(options.config, context.env, { stateDir: state, hostName: host.name, registry: registryOf(options, context.env) });
  const { config, warnings } = await load();
  // Those of the configuration before the last reload too: what it began may still be logged.
  let [now, before] = [config, config];
  const redact = (text: string): string => before.secrets.redact(now.secrets.redact(text));
  const log = createLog(context.err, config.log, context.paintErr, redact);
  for (const warning of warnings) log.warn({}, formatMistake(warning));
  const agent = new Agent({
    agent: config.agent,
    host,
    stateDir: state,
    clock: systemClock,
    log,
    maxEventBytes: EVENT_BYTES_MAX,
  });
  const control = await openControl({ state, agent, clock: systemClock, log });
  const stopped = stopOnSignal(agent, control, context, log);
  const started = agent.apply(config);
  reloadOnHangup(agent, load, log, started, (loaded) => {
    [now, before] = [loaded, now];
    const { rest } = diffConfig(config, now);
    const late = rest.filter((name) => AT_START.includes(name));
    if (late.length > 0)
      log.warn({ options: late }, 'these options differ from those at the start, and only a start applies them');
  });
  await started;
  announce(agent, config, state, context, log);
  await stopped;
}

function createState(folder: string): string {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new UsageError(`the folder for state cannot be made: ${describe(error)}; name another with --state or TIDEGATE_STATE`);
  }
  return folder;
}

/** With its parents. `recursive` of Node never ends below a folder that takes no folders, such as /proc. */
function makeFolder(folder: string): void {
  const make = (): void => mkdirSync(folder, { mode: 0o750 });
  try {
    make();
  } catch (error) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    if (errno(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    makeFolder(dirname(folder));
    make();
  }
}

/** The first SIGTERM or SIGINT flushes and resolves; a second one ends the process at once. */
function stopOnSignal(agent: Agent, control: Control, context: Context, log: Log): Promise<void> {
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
          await control.close();
          farewell(agent, context, log);
          resolve();
          // A sink or sensor that hangs for good may hold the process; everything that could be flushed is.
          setImmediate(() => process.exit(0));
        });
      });
    }
  });
}

/** A wrong configuration changes nothing. Options at the top that only a start can apply are said. */
function reloadOnHangup(
  agent: Agent,
  load: () => ReturnType<typeof loadConfig>,
  log: Log,
  started: Promise<void>,
  onConfig: (config: Config) => void,
): void {
  // One after the other, and none before the start is done.
  let reloading = started;
  const reload = async (): Promise<void> => {
    let loaded: Loaded;
    try {
      loaded = await load();
    } catch (error) {
      log.error({}, `the configuration is wrong, the old one stays in force:\n${describe(error)}`);
      return;
    }
    const { config, warnings } = loaded;
    onConfig(config);
    for (const warning of warnings) log.warn({}, formatMistake(warning));
    await agent.apply(config);
    log.info({ sensors: config.sensors.length, sinks: config.sinks.length }, 'the configuration is reloaded');
  };
  process.on('SIGHUP', () => {
    reloading = reloading.then(reload);
  });
}
