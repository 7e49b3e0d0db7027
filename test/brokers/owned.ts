/**
 * Processes and folders that end with the process that made them, however that ends.
 *
 * A broker outlives a test that is interrupted or killed, for it hears of neither. So each has a guard beside it: a shell that reads
 * from a pipe which only the owner holds. The owner's end closes the pipe, and the guard then ends what it guards. Both are in
 * sessions of their own, so that a Ctrl-C at the terminal reaches the owner alone.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** How long a process may take to end by itself, in milliseconds. */
const GRACE_MS = 10_000;
/** How often something awaited is looked at, in milliseconds. */
const POLL_MS = 50;
/** Where ports are taken from: below what Linux and macOS give to clients, since a client that tries again on its own port meets itself. */
const PORTS = { first: 15_000, count: 15_000 };

/** Runs `script` with arguments once the owner is gone; the function that is returned calls it off. */
function guard(script: string, ...args: string[]): () => void {
  const child = spawn('/bin/sh', ['-c', `read -r _ || { ${script}; }`, 'sh', ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined).unref();
  const { stdin } = child;
  stdin.on('error', () => undefined);
  (stdin as typeof stdin & { unref(): void }).unref();
  return () => void stdin.end('done\n');
}

/** A path that is removed with its owner at the latest: `remove()` removes it now. */
export function ownedPath(path: string): { remove(): void } {
  // What is guarded beside it ends first, so that nothing is written into a folder that is going.
  const callOff = guard('sleep 1; rm -rf -- "$1"', path);
  return {
    remove: () => {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
      callOff();
    },
  };
}

/** A new folder under the system's temporary one. */
export function ownedFolder(name: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `tidegate-${name}-`));
  return { path, ...ownedPath(path) };
}

/** A server process of this one's: it writes to `log`, and it is ended, with its children, when this process ends. */
export class OwnedProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #exited: Promise<void>;

  constructor(command: string, args: readonly string[], options: { log: string; cwd: string; env?: NodeJS.ProcessEnv }) {
    const { log, cwd, env } = options;
    const output = openSync(log, 'a');
    const child = spawn(command, args, { cwd, env: env ?? process.env, detached: true, stdio: ['ignore', output, output] });
    this.#child = child;
    this.#log = log;
    this.pid = child.pid ?? 0;
    const callOff = this.pid === 0 ? () => undefined : guard('kill -s KILL -- "-$1"', String(this.pid));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    child.once('error', () => resolve());
    child.once('exit', () => {
      callOff();
      resolve();
    });
    child.unref();
  }

  get running(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last of what it printed, for an error that says why it does not run. */
  get lastWords(): string {
    // Without Java's stack frames, which would push out what matters.
    return readFileSync(this.#log, 'utf8')
      .replaceAll(/\n\tat .*/g, '')
      .slice(-4000);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.running) throw new Error(`process ${this.pid} has ended; start it first`);
    process.kill(this.pid, signal);
  }

  /** SIGSTOP: connections stay open, and nobody answers. Returns when all of its threads stand still; a signal takes its time. */
  freeze(): void {
    this.signal('SIGSTOP');
    const nap = new Int32Array(new SharedArrayBuffer(4));
    while (this.running && !standsStill(this.pid)) Atomics.wait(nap, 0, 0, 5);
  }

  /** SIGKILL, and resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child.ref();
    process.kill(-this.pid, 'SIGKILL');
    await this.#exited;
  }

  /** Lets it end in its own way; one that takes longer than that, in milliseconds, is killed. */
  async stop(graceMs = GRACE_MS): Promise<void> {
    if (!this.running) return;
    this.#child.ref();
    process.kill(this.pid, 'SIGCONT');
    process.kill(this.pid, 'SIGTERM');
    const ended = await Promise.race([this.#exited.then(() => true), sleep(graceMs, false, { ref: false })]);
    if (!ended) await this.kill();
  }
}

/** Resolves when `ready` says so. Fails at the deadline, with the last error, or at once when the process has ended, with its last words. */
export async function awaitReady(
  what: string,
  server: OwnedProcess,
  deadlineMs: number,
  ready: () => Promise<boolean>,
): Promise<void> {
  const until = performance.now() + deadlineMs;
  for (let last = 'it says nothing'; ; await sleep(POLL_MS)) {
    if (!server.running) throw new Error(`${what} ended while it started:\n${server.lastWords}`);
    try {
      if (await ready()) return;
    } catch (error) {
      last = (error as Error).message;
    }
    if (performance.now() > until) {
      throw new Error(`${what} is not ready after ${deadlineMs / 1000} s (${last}):\n${server.lastWords}`);
    }
  }
}

/** Whether somebody listens on a port of loopback. */
export async function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
  socket.once('connect', () => resolve(true));
  socket.once('timeout', () => resolve(false));
  socket.once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** Ports of loopback that nobody listens on, outside those that the system gives to clients. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 1000) throw new Error('no free port on 127.0.0.1 after 1000 tries');
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (await canListen(port)) found.add(port);
  }
  return [...found];
}

async function canListen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return await promise;
}

export interface ExecuteOptions {
  /** How long it may take, in milliseconds. */
  deadlineMs: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Runs a command without input; resolves with what it printed, and fails with what it said to standard error. */
export async function execute(command: string, args: readonly string[], options: ExecuteOptions): Promise<string> {
  const { deadlineMs, ...rest } = options;
  const limits = { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const;
  const running = promisify(execFile)(command, args, { ...rest, ...limits });
  running.child.stdin?.end();
  try {
    return (await running).stdout;
  } catch (error) {
    const { message, killed, stdout = '', stderr = '' } = error as Error & { killed?: boolean; stdout?: string; stderr?: string };
    const why = killed ? `was killed after ${deadlineMs / 1000} s` : message.split('\n', 1)[0];
    throw new Error(`${command} ${args[0] ?? ''}: ${why}\n${`${stdout}\n${stderr}`.trim().slice(-3000)}`);
  }
}

/** Whether each thread of a process is stopped or has ended; where there is no /proc, nobody knows and it is taken to be. */
function standsStill(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    try {
      return /\) [TtZX] /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1'));
    } catch {
      // It ended meanwhile.
      return true;
    }
  });
}
