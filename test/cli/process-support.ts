/** The command as a user has it: a process of its own, on a small recorded machine, with a folder for state. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type DecodedEvent, decodeJson } from '../../src/consumer.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const MAIN = join(REPOSITORY, 'src', 'main.ts');
/** A condition that has not come true after this never will, in milliseconds, unless a caller has more patience. */
const DEADLINE_MS = 20_000;

const MACHINE = {
  'host.json': '{ "name": "small", "statfs": {} }\n',
  'proc/loadavg': '0.25 0.50 1.00 2/345 6789\n',
  'proc/meminfo': 'MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 700 kB\nBuffers: 10 kB\nCached: 100 kB\n',
};

/** Folders of one test file: a machine that has the sensors load and memory and no cpu, a place to work in, one for state. */
export function workplace(): { machine: string; work: string; state: string } {
  const folder = temporaryFolder();
  const [machine, work, state] = ['machine', 'work', 'state'].map((name) => join(folder, name)) as [string, string, string];
  writeFiles(machine, MACHINE);
  mkdirSync(work);
  return { machine, work, state };
}

export interface Ended {
  /** As a shell tells it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly written: { out: Buffer[]; err: string };
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Leaves standard output unread. */
  readonly deaf?: boolean;
  /** Whether something can be written to its standard input. */
  readonly input?: boolean;
  /** Another command line than node's, that takes node's as its last arguments. */
  readonly through?: (command: readonly string[]) => readonly string[];
}

/** What is to end each process after a failed test. What lends a terminal must pass it on: the service outlives its terminal. */
const running = new Map<ChildProcess, NodeJS.Signals>();
afterEach(() => {
  for (const [child, signal] of running) child.kill(signal);
});

/** Starts `tidegate ARGUMENTS`. The environment has what Node needs and nothing of the tests'. */
export function start(
  args: readonly string[],
  { env = {}, cwd, deaf = false, input = false, through }: StartOptions = {},
): Started {
  const command = [process.execPath, MAIN, ...args];
  const [program = '', ...rest] = through ? through(command) : command;
  const child = spawn(program, rest, {
    cwd: cwd ?? REPOSITORY,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm-256color', ...env },
    stdio: 'pipe',
  });
  if (!input) child.stdin.end();
  running.set(child, through ? 'SIGTERM' : 'SIGKILL');
  const written: Started['written'] = { out: [], err: '' };
  if (!deaf) child.stdout.on('data', (data: Buffer) => written.out.push(data));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text));
  // A pipe that is not read never closes.
  const ended = once(child, deaf ? 'exit' : 'close').then(([code, signal]): Ended => {
    running.delete(child);
    const bytes = Buffer.concat(written.out);
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      out: bytes.toString('utf8'),
      bytes,
      err: written.err,
    };
  });
  return { child, written, ended };
}

/** The command of util-linux that gives another one a terminal. */
const SCRIPT = 'script';

/** Whether a test can have a terminal here; those that cannot say so in their name. */
export const hasTerminal =
  process.platform === 'linux' && spawnSync(SCRIPT, ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux');

/** The same command on a terminal, whose width is not known. */
export const onTerminal = (command: readonly string[]): string[] => {
  const line = command.map((word) => `'${word}'`).join(' ');
  return [SCRIPT, '-qec', `exec ${line}`, '/dev/null'];
};

/** Runs `tidegate ARGUMENTS` to its end. */
export const tidegate = async (args: readonly string[], options: StartOptions = {}): Promise<Ended> =>
  await start(args, options).ended;

interface Service {
  readonly service: Started;
  readonly work: string;
  readonly state: string;
  /** Replaces the configuration in one step. */
  readonly configure: (yaml: string) => void;
  /** Where the tests' file sinks write to. */
  readonly archive: string;
}

/** Starts the service with a configuration, which may name paths in its place to work. */
export function serve(yaml: (work: string) => string, options: StartOptions = {}): Service {
  const { machine, work, state } = workplace();
  const file = join(work, 'tidegate.yaml');
  const configure = (text: string): void => {
    // Services side by side have no page at one address.
    writeFileSync(`${file}.new`, /^http:/m.test(text) ? text : `${text}http: { enabled: false }\n`);
    renameSync(`${file}.new`, file);
  };
  configure(yaml(work));
  const service = start(['--state', state, 'run', '--host', machine, '-c', file], options);
  return { service, work, state, configure, archive: join(work, 'events.ndjson') };
}

/** Waits until a condition holds; fails with what it waited for and what the process said. */
export async function until(
  what: string,
  holds: () => boolean,
  { child, written }: Started,
  patience = DEADLINE_MS,
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!holds()) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || performance.now() > deadline)
      throw new Error(`${gone ? 'it ended' : 'too late'}, and never ${what}; it said:\n${written.err}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whole lines of an NDJSON file, none when there is no file yet. */
export function eventsOf(file: string): DecodedEvent[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => decodeJson(line));
}

type LogRecord = Readonly<Record<string, unknown>>;

/** The records of a log so far. */
export const logOf = (err: string): LogRecord[] =>
  err
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogRecord);

/** The numbers that a sensor's events have, in the order of the file. */
export const numbersOf = (events: readonly DecodedEvent[], sensor: string): number[] =>
  events.filter((event) => event.sensor === sensor).map(({ id }) => Number(id.slice(id.lastIndexOf('/') + 1)));

/** 1, 2, 3 … up to how many there are. */
export const counted = (numbers: readonly number[]): number[] => numbers.map((_, i) => i + 1);
