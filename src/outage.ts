/** The failures of a sink in a row: counted, said once, and how long to wait after each. */
import { ExponentialBackoff, halfJitterGenerator, type IBackoff } from 'cockatiel';
import type { Clock } from './clock.ts';
import { codeOf, describe } from './errors.ts';
import type { Log } from './log.ts';
import type { RunnerOptions } from './runner-types.ts';

export class Outage {
  readonly #sink: string;
  readonly #backoff: RunnerOptions['backoff'];
  readonly #clock: Clock;
  readonly #log: Log;
  #failures = 0;
  #since: number | undefined;
  #reason: string | undefined;
  #delays: IBackoff<unknown> | undefined;

  constructor(sink: string, backoff: RunnerOptions['backoff'], clock: Clock, log: Log) {
    this.#sink = sink;
    this.#backoff = backoff;
    this.#clock = clock;
    this.#log = log;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** When it began to fail, while it does, as Unix time in milliseconds. */
  get since(): number | undefined {
    return this.#since;
  }

  /** What the last failure was, while it lasts. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** One more failure. Returns how long to wait, in milliseconds. */
  failed(error: unknown): number {
    const [reason, code] = [describe(error), codeOf(error)];
    const say = code === 'misconfigured' ? 'error' : 'warn';
    if (reason !== this.#reason) this.#log[say]({ sink: this.#sink, code, reason }, 'the sink fails; its events wait');
    this.#failures++;
    this.#since ??= this.#clock.wall();
    this.#reason = reason;
    const { initial, max } = this.#backoff;
    const backoff = new ExponentialBackoff({ initialDelay: initial, maxDelay: max, generator: halfJitterGenerator });
    this.#delays = this.#delays ? this.#delays.next(undefined) : backoff.next();
    return code === 'misconfigured' ? max : this.#delays.duration;
  }

  ended(): void {
    if (this.#failures > 0) this.#log.info({ sink: this.#sink, failures: this.#failures }, 'the sink works again');
    this.#failures = 0;
    this.#since = undefined;
    this.#reason = undefined;
    this.#delays = undefined;
  }
}
