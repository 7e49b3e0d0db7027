/**
 * The size of filesystems that may never answer, asked through one helper process.
 *
 * Limits: `THREADS` filesystems are asked at once, each for `timeoutMs`. One that has not answered by then is hung: the helper is
 * killed, a new one goes on with the others, and the hung one is left alone until `retryMs` have gone by or its line in mountinfo
 * changes. The helper starts when it is first needed. One that breaks is replaced once in a round of questions; what is not
 * answered then has failed, in this sample.
 */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../clock.ts';
import { HelperProcess, THREADS } from './helper-process.ts';
import type { Place } from './mount-table.ts';
import type { Answer } from './size.ts';

/** As `Answer`, or hung. */
export type RemoteAnswer = Answer | { readonly hung: true };

export interface RemoteOptions {
  readonly timeoutMs: number;
  readonly retryMs: number;
  readonly clock?: Clock;
  /** The helper's file and arguments. */
  readonly command?: readonly [string, ...string[]];
}

const ATTEMPTS_MAX = 2;
/** The file beside this one: `.ts` from source, `.js` in the published build. */
const HELPER = fileURLToPath(new URL(`helper${extname(import.meta.url)}`, import.meta.url));
const HUNG: RemoteAnswer = { hung: true };

export class RemoteSizes {
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  readonly #clock: Clock;
  readonly #command: readonly [string, ...string[]];
  /** Mounts that did not answer, by their line in mountinfo, and since when. */
  readonly #hung = new Map<string, number>();
  #helper: HelperProcess | undefined;
  #closed = false;

  constructor({ timeoutMs, retryMs, clock = systemClock, command = [process.execPath, HELPER] }: RemoteOptions) {
    this.#timeoutMs = timeoutMs;
    this.#retryMs = retryMs;
    this.#clock = clock;
    this.#command = command;
  }

  /** An answer for each of all remote mounts, by path. */
  async ask(places: readonly Place[], signal: AbortSignal): Promise<Map<string, RemoteAnswer>> {
    const answers = this.resting(places);
    const lines = new Map(places.map(({ path, line }) => [path, line]));
    const paths = [...lines.keys()].filter((path) => !answers.has(path));
    for (let first = 0; first < paths.length; first += THREADS)
      await this.#askRound(paths.slice(first, first + THREADS), answers, signal);
    for (const path of paths) if (answers.get(path) === HUNG) this.#hung.set(lines.get(path) as string, this.#clock.monotonic());
    return answers;
  }

  /** Those of all remote mounts that are hung and are not asked now, by path. */
  resting(places: readonly Place[]): Map<string, RemoteAnswer> {
    const lines = new Set(places.map(({ line }) => line));
    for (const line of this.#hung.keys()) if (!lines.has(line)) this.#hung.delete(line);
    return new Map(places.filter(({ line }) => this.#rests(line)).map(({ path }) => [path, HUNG]));
  }

  close(): void {
    this.#closed = true;
    this.#helper?.kill();
  }

  #rests(line: string): boolean {
    const since = this.#hung.get(line);
    return since !== undefined && this.#clock.monotonic() - since < this.#retryMs;
  }

  /** Asks paths that a helper can ask at once; afterwards each has an answer. */
  async #askRound(paths: readonly string[], answers: Map<string, RemoteAnswer>, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX && !this.#closed && !signal.aborted; attempt++) {
      const open = paths.filter((path) => !answers.has(path));
      if (open.length === 0) return;
      this.#helper ??= new HelperProcess(this.#command, this.#clock);
      const { end } = await this.#helper.ask(open, this.#timeoutMs, (path, answer) => answers.set(path, answer), signal);
      if (end === 'answered') return;
      this.#helper.kill();
      this.#helper = undefined;
      if (end === 'hung') for (const path of open) if (!answers.has(path)) answers.set(path, HUNG);
    }
    for (const path of paths) if (!answers.has(path)) answers.set(path, { error: 'EPIPE' });
  }
}
