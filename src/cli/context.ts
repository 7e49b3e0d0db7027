/** What every command has: where it reads from, where it prints to, and the options that all of them share. */
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { describe, Unavailable, UsageError } from '../errors.ts';
import { Host, type OnRead } from '../host.ts';
import { findPlugins, MEMORY_BYTES } from '../plugin/find.ts';
import { withPlugins } from '../plugin/registry.ts';
import { type Registry, registry } from '../registry.ts';
import { type Paint, paintFor } from './paint.ts';

/** Exit code when what is to be read is not there, EX_NOINPUT of sysexits.h. */
const EXIT_NO_INPUT = 66;

/** Options that every command takes. */
export interface GlobalOptions {
  /** Folder for state. */
  readonly state?: string;
  /** A recorded machine to read instead of this one. */
  readonly host?: string;
  /** Folders, files and packages with sensors and sinks of one's own, beside those of a configuration. */
  readonly plugins?: readonly string[];
}

export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  /** Colours of standard output and of standard error. */
  readonly paint: Paint;
  readonly paintErr: Paint;
}

export function createContext(): Context {
  const { env, stdout: out, stderr: err } = process;
  return { env, out, err, paint: paintFor(out), paintErr: paintFor(err) };
}

/**
 * The folder for state: `--state`, `TIDEGATE_STATE`, or where the XDG Base Directory Specification puts it.
 * https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function stateDir({ state }: GlobalOptions, env: NodeJS.ProcessEnv): string {
  return resolve(
    state ?? (env['TIDEGATE_STATE'] || join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'tidegate')),
  );
}

/**
 * How this program is called again so that it finds the service with this folder for state, from any shell of the same user: of a folder
 * that the environment or an option names, others know nothing.
 */
export function commandFor(state: string, env: NodeJS.ProcessEnv): string {
  const program = env['npm_lifecycle_event'] === 'start' ? 'npm start --' : 'tidegate';
  const usual = stateDir({}, { ...env, TIDEGATE_STATE: undefined });
  const folder = /^[\w/.@:+-]+$/.test(state) ? state : `'${state.replaceAll("'", "'\\''")}'`;
  return state === usual ? program : `${program} --state ${folder}`;
}

/** The machine to sample: a recorded one, or what `HOST_PROC`, `HOST_SYS` and `HOST_ROOT` say, or this one. */
export function hostOf({ host }: GlobalOptions, env: NodeJS.ProcessEnv, onRead?: OnRead): Host {
  const options = onRead ? { onRead } : {};
  if (host === undefined) return Host.fromEnvironment(env, options);
  try {
    return Host.recorded(resolve(host), options);
  } catch (error) {
    const what = error instanceof Unavailable ? '' : `${join(resolve(host), 'host.json')} cannot be read: `;
    throw new UsageError(`${what}${describe(error)}`, EXIT_NO_INPUT);
  }
}

/** What sensors and sinks there are: the installed ones, and those of `--plugins` or `TIDEGATE_PLUGINS`. */
export function registryOf({ plugins }: GlobalOptions, env: NodeJS.ProcessEnv): Registry {
  const named = plugins ?? (env['TIDEGATE_PLUGINS'] ?? '').split(delimiter).filter((from) => from !== '');
  if (named.length === 0) return registry;
  const files = named.flatMap((from) => findPlugins(from, process.cwd(), MEMORY_BYTES));
  return withPlugins(registry, files, (why) => {
    throw new UsageError(why);
  });
}
