/**
 * A tool that runs for as long as the service and writes readings by itself, so that no process is started for a sample.
 *
 * States: running; waiting (for its next start, after a back-off); stuck (killed, and the kernel has not let it go); stopped.
 * It is killed when it writes no whole reading for `silenceMs` (the first one has `firstMs`), when its reader cannot make sense of it, and when it writes more than
 * BYTES_MAX in that time. Pauses double from BACKOFF_MS to BACKOFF_MS_MAX; a tool that lived for LIVED_MS and gave a reading begins anew.
 * There is at most one process: one that is stuck is never joined by another.
 */
import type { ChildProcess } from 'node:child_process';
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import { type Command, excerpt, killTool, startTool, toolName } from './process.ts';

const BACKOFF_MS = 1000;
const BACKOFF_MS_MAX = 300_000;
const LIVED_MS = 60_000;
const BYTES_MAX = 32 * 2 ** 20;
/** What it says before a first reading is kept for the message, in characters. */
const SAID_MAX = 4096;
/** How long output may come after the end, in milliseconds. */
const LINGER_MS = 200;

/** What makes readings of the output. One serves every process of the stream in turn. */
export interface Reader {
  /** A new process begins: what is left of the one before is void. */
  start(): void;
  /** Takes what was written; says whether that completed a reading. Throws when it is not what the tool's format promises. */
  feed(text: string): boolean;
}

export interface StreamOptions {
  readonly command: Command;
  readonly reader: Reader;
  /** In milliseconds. */
  readonly silenceMs: number;
  /** How long the first reading of a process may take, where that is longer. */
  readonly firstMs?: number;
  readonly clock?: Clock;
  /** Told when it ends by itself; a command other than undefined is what to start instead, at once. */
  readonly onEnd?: (said: string) => Command | undefined;
}

export class ToolStream {
  #command: Command;
  readonly #options: StreamOptions;
  readonly #clock: Clock;
  readonly #first = Promise.withResolvers<string | undefined>();
  #child: ChildProcess | undefined;
  #stopped = false;
  #why: string | undefined;
  #readAt = 0;
  #startedAt = 0;
  #read = false;
  #killed = false;
  #bytes = 0;
  #said = '';
  #backoff = BACKOFF_MS;
  #cancel: () => void = () => {};

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#command = options.command;
    this.#clock = options.clock ?? systemClock;
    this.#start();
  }

  /** Resolves at the first reading with undefined, or at the first end without one with why. */
  get first(): Promise<string | undefined> {
    return this.#first.promise;
  }

  /** Why there is no process that reads, or undefined. */
  get fault(): string | undefined {
    return this.#why;
  }

  /** Ends the wait for a first reading; what comes later is read all the same. */
  giveUp(why: string): void {
    this.#first.resolve(`${toolName(this.#command)} ${why}`);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    if (this.#child) killTool(this.#child);
    this.#first.resolve('it was stopped');
  }

  #start(): void {
    this.#options.reader.start();
    this.#startedAt = this.#readAt = this.#clock.monotonic();
    this.#read = this.#killed = false;
    this.#bytes = 0;
    this.#said = '';
    const child = startTool(this.#command);
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(child, text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
    let over = false;
    const end = (how: string): void => {
      if (over) return;
      over = true;
      this.#ended(child, how);
    };
    child.on('error', (error) => end(`cannot be started: ${describe(error)}`));
    child.on('exit', (code, signal) => {
      const how = `ended with ${signal ?? `code ${code}`}`;
      const cancel = this.#clock.after(LINGER_MS, () => end(how));
      child.on('close', () => {
        cancel();
        end(how);
      });
    });
    this.#watch();
  }

  /** Kills what writes no reading for too long. One timer a silence, not one a reading. */
  #watch(): void {
    const { silenceMs, firstMs = 0 } = this.#options;
    const limit = this.#read ? silenceMs : Math.max(silenceMs, firstMs);
    const left = this.#readAt + limit - this.#clock.monotonic();
    this.#cancel = this.#clock.after(Math.max(1, left), () => {
      this.#bytes = 0;
      if (this.#clock.monotonic() - this.#readAt < limit) return this.#watch();
      this.#kill(`gave no reading for ${limit / 1000} s`);
    });
  }

  #take(child: ChildProcess, text: string): void {
    if (child !== this.#child || this.#killed) return;
    this.#bytes += text.length;
    if (!this.#read) this.#keep(text);
    if (this.#bytes > BYTES_MAX) return this.#kill(`wrote more than ${BYTES_MAX} bytes in ${this.#options.silenceMs / 1000} s`);
    try {
      if (!this.#options.reader.feed(text)) return;
    } catch (error) {
      return this.#kill(describe(error));
    }
    const isFirst = !this.#read;
    this.#read = true;
    this.#readAt = this.#clock.monotonic();
    this.#why = undefined;
    this.#first.resolve(undefined);
    if (!isFirst) return;
    this.#cancel();
    this.#watch();
  }

  #keep(text: string): void {
    if (this.#said.length < SAID_MAX) this.#said += text.slice(0, SAID_MAX);
  }

  #kill(why: string): void {
    this.#killed = true;
    this.#cancel();
    this.#fail(`${why}, and was killed`);
    if (this.#child) killTool(this.#child);
  }

  #fail(why: string): void {
    this.#why = `${toolName(this.#command)} ${why}`;
    this.#first.resolve(this.#why);
  }

  #ended(child: ChildProcess, how: string): void {
    this.#cancel();
    // Whatever it started ends with it.
    killTool(child);
    this.#child = undefined;
    if (this.#stopped) return;
    const instead = this.#read ? undefined : this.#options.onEnd?.(this.#said);
    if (instead) {
      this.#command = instead;
      return this.#start();
    }
    if (this.#why === undefined) this.#fail(`${how}${this.#read ? '' : excerpt(this.#said)}`);
    if (this.#read && this.#clock.monotonic() - this.#startedAt > LIVED_MS) this.#backoff = BACKOFF_MS;
    const pause = this.#backoff;
    this.#backoff = Math.min(pause * 2, BACKOFF_MS_MAX);
    this.#cancel = this.#clock.after(pause, () => this.#start());
  }
}
