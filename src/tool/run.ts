/**
 * Runs a tool once and returns what it wrote.
 *
 * It has a process group of its own, which is killed whole at the deadline, at the abort of the sample, or when it has written more than
 * `bytesMax`. What it writes is in English (`LC_ALL=C`), because it is read by its words. It inherits nothing but `PATH`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';

const BYTES_MAX = 4 * 2 ** 20;
/** As much of what it complains of is kept, in characters. */
const COMPLAINT_MAX = 300;

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

/** How a run ended: what it wrote; or that it is not installed; or why it is of no use. */
export type Ran =
  | { readonly end: 'done'; readonly code: number; readonly output: string; readonly complaint: string }
  | { readonly end: 'missing' }
  | { readonly end: 'failed'; readonly why: string };

export function runTool(command: readonly [string, ...string[]], options: RunOptions): Promise<Ran> {
  const { timeoutMs, signal, bytesMax = BYTES_MAX, clock = systemClock } = options;
  const [file, ...args] = command;
  const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  const { promise, resolve } = Promise.withResolvers<Ran>();
  if (signal?.aborted) return Promise.resolve({ end: 'failed', why: 'the sample ended before it was started' });
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env, cwd: '/', windowsHide: true });
  const chunks: Buffer[] = [];
  let [bytes, complaint] = [0, ''];
  const settle = (ran: Ran): void => {
    cancel();
    signal?.removeEventListener('abort', onAbort);
    resolve(ran);
  };
  const fail = (why: string): void => {
    killGroup(child);
    settle({ end: 'failed', why });
  };
  const onAbort = (): void => fail('the sample was given up');
  const cancel = clock.after(timeoutMs, () => fail(`it took longer than ${timeoutMs} ms and was killed`));
  signal?.addEventListener('abort', onAbort);
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) fail(`it wrote more than ${bytesMax} bytes and was killed`);
    else chunks.push(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < COMPLAINT_MAX) complaint = `${complaint}${text}`.slice(0, COMPLAINT_MAX);
  });
  child.on('error', (error: NodeJS.ErrnoException) => {
    settle(error.code === 'ENOENT' ? { end: 'missing' } : { end: 'failed', why: describe(error) });
  });
  child.on('close', (code, killed) => {
    if (code === null) settle({ end: 'failed', why: `it was ended by ${killed}` });
    else settle({ end: 'done', code, output: Buffer.concat(chunks).toString('utf8'), complaint: complaint.trim() });
  });
  return promise;
}

/** A process that is stuck in the kernel dies when the kernel lets it; nobody waits for it. */
function killGroup(child: ChildProcess): void {
  for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
  child.unref();
}
