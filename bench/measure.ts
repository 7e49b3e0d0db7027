/** What a process costs, from the kernel: CPU of all its threads and children in nanoseconds, memory. Linux only. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';

export const REPOSITORY = resolve(import.meta.dirname, '..');

/** What the image sets of malloc, as variables. */
export const imageMalloc = Object.fromEntries(
  [...readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8').matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, name, value]) => [
    name,
    value,
  ]),
) as Record<string, string>;

/** One measured figure, and what it has to hold against. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The limit, if there is one: at most or at least this. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const holds = ({ value, atMost, atLeast }: Figure): boolean =>
  (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);

export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Milliseconds on a CPU of every thread of a process and of its children, user and system. Threads that have ended are not in it. */
export function cpuMs(pid: number): number {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    if (children !== '') for (const child of children.split(' ')) ns += 1e6 * cpuMs(Number(child));
  }
  return ns / 1e6;
}

/** A line of `/proc/PID/status` in MiB: `VmRSS`, `VmHWM`, `RssAnon`. */
export function memoryMiB(pid: number, key = 'VmRSS'): number {
  const line = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

export function scratch(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A process that is ended when the measurement is over, whatever happens in it. */
export async function withProcess<T>(
  command: readonly string[],
  use: (child: ChildProcess & { pid: number }) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  try {
    return await use(child as ChildProcess & { pid: number });
  } finally {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5000).then(() => child.kill('SIGKILL'))]);
  }
}

/** Median CPU a round over windows, in milliseconds; warms up first. */
export async function msPerRound(
  pid: number,
  rounds: { warmup: number; windows: number; each: number },
  intervalMs = 1000,
): Promise<number> {
  await sleep(rounds.warmup * intervalMs);
  const windows: number[] = [];
  for (let i = 0; i < rounds.windows; i++) {
    const before = cpuMs(pid);
    await sleep(rounds.each * intervalMs);
    windows.push((cpuMs(pid) - before) / rounds.each);
  }
  return median(windows);
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** What a program for Node prints as JSON, run to its end. `env` is added to the environment. */
export function printedBy<T>(args: readonly string[], env: Readonly<Record<string, string>> = {}): T {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const { stdout, status, stderr } = spawnSync(process.execPath, args, options);
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}
