/** One run of a tool to its end: with a deadline, a limit on what it may write, and the whole process group killed at either. */
import { type Clock, systemClock } from '../clock.ts';
import { describe, errno } from '../errors.ts';
import { type Command, excerpt, killTool, startTool, toolName } from './process.ts';

/** What a tool may write in one run unless it is said otherwise, in bytes. */
const OUTPUT_BYTES_MAX = 4 * 2 ** 20;
/** How long output may come after the end: a process that the tool left behind may hold it open. In milliseconds. */
const LINGER_MS = 200;

export interface Run {
  readonly output: string;
  /** What it wrote to its error output; the beginning. */
  readonly errors: string;
  /** The exit status. */
  readonly code: number;
}

export interface RunOptions {
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

/** Runs a tool. Rejects when it cannot be started, does not end in time, is killed, or writes too much; an exit status is the caller's to judge. */
export function runTool(
  command: Command,
  { timeoutMs, signal, bytesMax = OUTPUT_BYTES_MAX, clock = systemClock }: RunOptions,
): Promise<Run> {
  const { promise, resolve, reject } = Promise.withResolvers<Run>();
  const name = toolName(command);
  if (signal?.aborted) return Promise.reject(new Error(`${name} was not started: the sample had ended`));
  const child = startTool(command);
  const [pieces, errors]: [Buffer[], Buffer[]] = [[], []];
  let bytes = 0;
  const cancels: (() => void)[] = [];
  let over = false;
  const finish = (settle: () => void): void => {
    if (over) return;
    over = true;
    for (const cancel of cancels.splice(0)) cancel();
    killTool(child);
    settle();
  };
  const fail = (why: string): void => finish(() => reject(new Error(`${name} ${why}`)));
  const onAbort = (): void => fail('was killed: the sample took too long');
  signal?.addEventListener('abort', onAbort, { once: true });
  cancels.push(() => signal?.removeEventListener('abort', onAbort));
  cancels.push(clock.after(timeoutMs, () => fail(`did not end within ${timeoutMs / 1000} s, and was killed`)));
  child.stdout?.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > bytesMax) fail(`wrote more than ${bytesMax} bytes, and was killed`);
    else pieces.push(piece);
  });
  child.stderr?.on('data', (piece: Buffer) => {
    if (errors.length < 8) errors.push(piece.subarray(0, 4096));
  });
  child.on('error', (error) => fail(errno(error) === 'ENOENT' ? 'is not installed' : `cannot be started: ${describe(error)}`));
  const end = (code: number | null, killer: NodeJS.Signals | null): void => {
    const said = { output: Buffer.concat(pieces).toString('utf8'), errors: Buffer.concat(errors).toString('utf8') };
    if (code === null) fail(`was ended by ${killer}${excerpt(said.errors || said.output)}`);
    else finish(() => resolve({ ...said, code }));
  };
  child.on('exit', (code, killer) => cancels.push(clock.after(LINGER_MS, () => end(code, killer))));
  child.on('close', end);
  return promise;
}
