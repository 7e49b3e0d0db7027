/**
 * One running helper (see `helper.ts`) as its parent sees it.
 *
 * States: starting until it says `ready`; ready; ended, when it died, wrote what it must not, or was killed. It does not keep the
 * service running, ends with the service's end of its input, and inherits no variable and no descriptor beyond that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { Answer } from './size.ts';

/** How many paths are asked at once, a thread each. */
export const THREADS = 16;
/** How long a helper may take to start, in milliseconds: a busy machine is no dead filesystem. */
const START_MS = 15_000;
/** What a helper may write before the end of a line, in characters. */
const LINE_MAX = 4096;
const ANSWER = /^(\d+) (?:(E[A-Z0-9]+)|(\d+) (\d+) (\d+) (\d+) (\d+))$/;

/** How a round of questions ended: all answered; some hung; or the helper is of no use, because of `why`. */
export type Outcome = { readonly end: 'answered' | 'hung' } | { readonly end: 'broken'; readonly why: string };

/** A round of questions. */
interface Round {
  readonly open: Map<string, string>;
  readonly answered: (path: string, answer: Answer) => void;
  readonly finish: (outcome: Outcome) => void;
  readonly timeoutMs: number;
  cancelDeadline: () => void;
}

export class HelperProcess {
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  #ready = false;
  /** Why it is of no use any more. */
  #broken: string | undefined;
  #round: Round | undefined;
  #number = 0;
  #unfinished = '';

  constructor(command: readonly [string, ...string[]], clock: Clock) {
    this.#clock = clock;
    const [file, ...args] = command;
    const env = { UV_THREADPOOL_SIZE: `${THREADS}` };
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/', env, windowsHide: true });
    const { stdin, stdout } = this.#child;
    this.#child.on('error', (error) => this.#break(describe(error)));
    this.#child.on('exit', (code, signal) => this.#break(`it ended with ${signal ?? `code ${code}`}`));
    stdin?.on('error', (error) => this.#break(describe(error)));
    stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#child.unref();
    for (const pipe of [stdin, stdout]) (pipe as Socket | null)?.unref();
  }

  /**
   * Asks at most `THREADS` paths at once and tells each answer as it comes. Resolves when all answered, when `timeoutMs` have
   * gone by since the helper was ready, at the abort of `signal`, or when the helper broke. It is to be killed unless all answered.
   */
  ask(
    paths: readonly string[],
    timeoutMs: number,
    answered: (path: string, answer: Answer) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    if (this.#broken !== undefined) return Promise.resolve({ end: 'broken', why: this.#broken });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const abort = (): void => this.#expire('the sample ended before it started');
    const finish = (outcome: Outcome): void => {
      this.#round?.cancelDeadline();
      this.#round = undefined;
      signal.removeEventListener('abort', abort);
      resolve(outcome);
    };
    const open = new Map(paths.map((path) => [`${++this.#number}`, path]));
    this.#round = { open, answered, finish, timeoutMs, cancelDeadline: () => {} };
    signal.addEventListener('abort', abort);
    this.#child.stdin?.write([...open].map(([number, path]) => `${number} ${JSON.stringify(path)}\n`).join(''));
    this.#startDeadline();
    if (signal.aborted) abort();
    return promise;
  }

  /** Never waits: a process that is stuck in the kernel dies when the kernel lets it, or never. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    this.#break('it was killed');
  }

  #startDeadline(): void {
    const round = this.#round;
    if (!round) return;
    round.cancelDeadline();
    const ms = this.#ready ? round.timeoutMs : START_MS;
    round.cancelDeadline = this.#clock.after(ms, () => this.#expire('it did not start in time'));
  }

  /** Time is up. A helper that had not started says nothing about the filesystems. */
  #expire(why: string): void {
    this.#round?.finish(this.#ready ? { end: 'hung' } : { end: 'broken', why });
  }

  #break(why: string): void {
    this.#broken ??= why;
    this.#round?.finish({ end: 'broken', why: this.#broken });
  }

  #read(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line);
    if (this.#unfinished.length > LINE_MAX) this.#break('it wrote a line without an end');
  }

  #readLine(line: string): void {
    if (this.#broken !== undefined) return;
    if (line === 'ready' && !this.#ready) {
      this.#ready = true;
      this.#startDeadline();
      return;
    }
    const [, number = '', error, ...numbers] = ANSWER.exec(line) ?? [];
    const path = this.#round?.open.get(number);
    if (!this.#round || path === undefined) return this.#break(`it wrote ${JSON.stringify(line.slice(0, 80))}`);
    this.#round.open.delete(number);
    const [size = 0, free = 0, available = 0, inodes = 0, inodesFree = 0] = numbers.map(Number);
    this.#round.answered(path, error === undefined ? { size: { size, free, available, inodes, inodesFree } } : { error });
    if (this.#round.open.size === 0) this.#round.finish({ end: 'answered' });
  }
}
