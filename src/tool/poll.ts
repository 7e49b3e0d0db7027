/**
 * A tool that cannot stream, run beside the samples every `everyMs`: a sample takes what the last run said, however long a run takes.
 * A run has RUN_MS; one that fails is tried again after a pause that doubles from `everyMs` to BACKOFF_MS_MAX.
 */
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import { runTool } from './once.ts';
import { type Command, excerpt, toolName } from './process.ts';

const RUN_MS = 15_000;
const BACKOFF_MS_MAX = 600_000;

export interface PollOptions<T> {
  readonly command: Command;
  /** In milliseconds. */
  readonly everyMs: number;
  /** Throws when the output is not what the tool promises. */
  readonly parse: (output: string) => T;
  readonly clock?: Clock;
}

export class Poll<T> {
  /** What the last run said; undefined until one did, and while they fail. */
  latest: T | undefined;
  /** Why the last run said nothing. */
  fault: string | undefined;
  /** Resolves when the first run has ended. */
  readonly first: Promise<void>;
  readonly #options: PollOptions<T>;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #cancel: () => void = () => {};
  #failures = 0;

  constructor(options: PollOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.first = this.#run();
  }

  stop(): void {
    this.#cancel();
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { command, parse, everyMs } = this.#options;
    try {
      const { output, errors, code } = await runTool(command, {
        timeoutMs: RUN_MS,
        signal: this.#stop.signal,
        clock: this.#clock,
      });
      if (code !== 0) throw new Error(`${toolName(command)} ended with code ${code}${excerpt(errors || output)}`);
      this.latest = parse(output);
      this.fault = undefined;
      this.#failures = 0;
    } catch (error) {
      this.latest = undefined;
      this.fault = describe(error);
      this.#failures++;
    }
    if (this.#stop.signal.aborted) return;
    const pause = Math.min(everyMs * 2 ** Math.min(this.#failures, 20), Math.max(everyMs, BACKOFF_MS_MAX));
    this.#cancel = this.#clock.after(pause, () => void this.#run());
  }
}
