/** A command on a terminal of a known size, and what a reader sees on it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { REPOSITORY } from '../support.ts';
import { type Ended, type Started, type StartOptions, start } from './process-support.ts';

const PROGRAM = join(REPOSITORY, 'test', 'cli', 'terminal.py');

const COMMAND = 'python3';
/** The Python that has what a terminal takes: its path, empty where there is none. */
const PYTHON = String(spawnSync(COMMAND, ['-c', 'import fcntl, pty, sys, termios; print(sys.executable)']).stdout ?? '').trim();
/** Whether a test can have such a terminal here; those that cannot say so in their name. */
export const hasSizedTerminal = PYTHON !== '';

export interface OnScreen {
  readonly started: Started;
  readonly ended: Promise<Ended>;
  /** What is to be seen now, line by line, without blanks at their ends. */
  lines(): Promise<string[]>;
  /** Whether the alternate screen is shown, and wrapping is off, as a program for the whole screen has it. */
  taken(): Promise<boolean>;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  signal(name: NodeJS.Signals): void;
}

/** Starts `tidegate ARGUMENTS` on a terminal whose locale is UTF-8. */
export function startOnScreen(
  args: readonly string[],
  [columns, rows]: readonly [number, number],
  options: StartOptions = {},
): OnScreen {
  const through = (command: readonly string[]): string[] => [PYTHON, PROGRAM, String(columns), String(rows), ...command];
  const started = start(args, { env: { LANG: 'C.UTF-8', ...options.env }, through, input: true });
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  let fed = 0;
  const feed = async (): Promise<void> => {
    const fresh = started.written.out.slice(fed);
    fed = started.written.out.length;
    await new Promise<void>((resolve) => terminal.write(Buffer.concat(fresh), resolve));
  };
  const order = (text: string): void => void started.child.stdin?.write(`${text}\n`);
  return {
    started,
    ended: started.ended,
    async lines() {
      await feed();
      const { active } = terminal.buffer;
      return Array.from({ length: terminal.rows }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '');
    },
    async taken() {
      await feed();
      return terminal.buffer.active.type === 'alternate' && !terminal.modes.wraparoundMode;
    },
    type: (text) => order(`type ${JSON.stringify(text)}`),
    resize(to, height) {
      terminal.resize(to, height);
      order(`size ${to} ${height}`);
    },
    signal: (name) => order(`signal ${name}`),
  };
}

/** Waits until what is to be seen is so; the lines then. */
export async function seen(what: string, screen: OnScreen, holds: (lines: readonly string[]) => boolean): Promise<string[]> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const lines = await screen.lines();
    if (holds(lines)) return lines;
    const { child, written } = screen.started;
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline)
      throw new Error(`never ${what}; on the screen:\n${lines.join('\n')}\n${written.err}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
