/**
 * Whether the broker may be called now: the breaker, the delays between attempts, and the broker's own wish to wait.
 *
 *   closed ──`failures` in a row, and none went well for `after`──▶ open ──delay──▶ half open ──success──▶ closed
 *                                                                    ▲                  │
 *                                                                    └─────failure──────┘
 *
 * While closed, an attempt after a failure waits for a share of the time since anything went well: next to nothing for a broker that is
 * flaky, exponentially more for one that is dead. While open, one probe at a time is made, after delays that double up to `probe_max`.
 * The state machine is cockatiel's. When to probe is decided here, on the monotonic clock: cockatiel goes by the wall clock, and one that
 * is set back would keep the breaker open for as long. What is no failure of the broker (a rejected event) counts as an answer.
 */
import { type CircuitBreakerPolicy, CircuitState, circuitBreaker, handleWhen } from 'cockatiel';
import type { Clock } from '../clock.ts';
import { codeOf, describe } from '../errors.ts';
import type { Log } from '../log.ts';
import type { DeliveryOptions } from './options.ts';

/** The share of the time since the last success that the next attempt waits. */
const DELAY_SHARE = 0.1;
/** The least delay after a failure, in milliseconds. */
const DELAY_MIN_MS = 2;

export interface HealthOptions {
  readonly breaker: DeliveryOptions['breaker'];
  readonly backoff: { readonly initial: number; readonly max: number };
}

export interface HealthStatus {
  readonly breaker: 'closed' | 'open' | 'half_open';
  /** When it opened or closed last, as Unix time in milliseconds; undefined while it never has. */
  readonly since: number | undefined;
  /** How often it has opened and closed, and how many probes were made meanwhile. */
  readonly changes: { readonly opened: number; readonly closed: number; readonly probes: number };
  /** Failures since the last success. */
  readonly failures: number;
  /** When it began to fail, while it does, as Unix time in milliseconds. */
  readonly failingSince: number | undefined;
  /** What the last failure was, while it lasts. */
  readonly reason: string | undefined;
  /** Why the broker asked to wait, while it does. */
  readonly blocked: string | undefined;
  /** Since when it does, as Unix time in milliseconds. */
  readonly blockedSince: number | undefined;
  /** Since when nothing is wrong with it, while nothing is, as Unix time in milliseconds. */
  readonly wellSince: number | undefined;
  /** Milliseconds until the next attempt; undefined when nothing is waited for. */
  readonly nextProbe: number | undefined;
}

export class Health {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: () => number;
  #options: HealthOptions;
  readonly #breaker: CircuitBreakerPolicy;
  #open = false;
  #since: number | undefined;
  readonly #changes = { opened: 0, closed: 0, probes: 0 };
  #failures = 0;
  #lastSuccess: number;
  #failingSince: number | undefined;
  #reason: string | undefined;
  #retryAt = 0;
  #delay = 0;
  #probing = false;
  #blocked: string | undefined;
  #blockedSince: number | undefined;
  #wellSince: number;
  readonly #onChange: () => void;

  /** `onChange` is called when what waits should look again. */
  constructor(name: string, options: HealthOptions, clock: Clock, log: Log, random: () => number, onChange: () => void) {
    this.#name = name;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#random = random;
    this.#onChange = onChange;
    this.#lastSuccess = clock.monotonic();
    this.#wellSince = clock.wall();
    this.#breaker = circuitBreaker(
      handleWhen((error) => isFailure(error)),
      {
        halfOpenAfter: ALWAYS,
        breaker: { state: undefined, success: () => {}, failure: () => this.#trips() },
      },
    );
    // It also opens anew after each probe that failed, which is no news.
    this.#breaker.onBreak(() => {
      if (this.#open) return;
      this.#log.warn({ sink: this.#name, reason: this.#reason }, 'the breaker opens');
      this.#open = true;
      this.#changes.opened++;
      this.#since = clock.wall();
    });
    this.#breaker.onHalfOpen(() => {
      this.#changes.probes++;
    });
    this.#breaker.onReset(() => {
      this.#open = false;
      this.#changes.closed++;
      this.#since = clock.wall();
      this.#log.info({ sink: this.#name }, 'the breaker closes');
    });
  }

  configure(options: HealthOptions): void {
    this.#options = options;
  }

  get healthy(): boolean {
    return this.#failures === 0 && this.#blocked === undefined;
  }

  /** Whether the broker asked to wait: deadlines stand still. */
  get isBlocked(): boolean {
    return this.#blocked !== undefined;
  }

  status(): HealthStatus {
    const { state } = this.#breaker;
    const waits = this.#failures > 0 ? Math.max(0, this.#retryAt - this.#clock.monotonic()) : undefined;
    return {
      breaker: state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half_open' : 'open',
      since: this.#since,
      changes: { ...this.#changes },
      failures: this.#failures,
      failingSince: this.#failingSince,
      reason: this.#reason,
      blocked: this.#blocked,
      blockedSince: this.#blockedSince,
      wellSince: this.healthy ? this.#wellSince : undefined,
      nextProbe: waits,
    };
  }

  /** How long until a call may be made, in milliseconds: 0 is now, undefined until something changes. */
  get wait(): number | undefined {
    if (this.#blocked !== undefined) return undefined;
    // One probe at a time: cockatiel would let others wait for its result.
    if (this.#breaker.state !== CircuitState.Closed && this.#probing) return undefined;
    return this.#failures === 0 ? 0 : Math.max(0, this.#retryAt - this.#clock.monotonic());
  }

  /** Makes the next attempt due at once: an operator asks for it, or the service is about to end. */
  probe(): void {
    this.#retryAt = 0;
    this.#onChange();
  }

  /** Runs one call, which `wait` has allowed, and learns from how it ends. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    const probe = this.#breaker.state !== CircuitState.Closed;
    if (probe) this.#probing = true;
    try {
      const result = await this.#breaker.execute(async () => await this.#watched(work));
      this.#succeeded();
      return result;
    } catch (error) {
      if (codeOf(error) === 'rejected') this.#succeeded();
      throw error;
    } finally {
      if (probe) {
        this.#probing = false;
        this.#onChange();
      }
    }
  }

  async #watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // Before the breaker judges it, so that it knows of this failure.
      if (codeOf(error) !== 'rejected') this.#failed(error);
      throw error;
    }
  }

  blocked(reason: string | undefined): void {
    if (reason === this.#blocked) return;
    if (reason === undefined) this.#log.info({ sink: this.#name }, 'the broker takes events again');
    else this.#log.warn({ sink: this.#name, reason }, 'the broker asks to wait');
    this.#blocked = reason;
    if (reason === undefined) this.#blockedSince = undefined;
    else this.#blockedSince ??= this.#clock.wall();
    this.#wellSince = this.#clock.wall();
    this.#onChange();
  }

  #succeeded(): void {
    if (this.#failures > 0) {
      this.#log.info({ sink: this.#name, failures: this.#failures }, 'the sink works again');
      this.#wellSince = this.#clock.wall();
    }
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#reason = undefined;
    this.#delay = 0;
    this.#lastSuccess = this.#clock.monotonic();
  }

  #failed(error: unknown): void {
    const [reason, code] = [describe(error), codeOf(error)];
    const say = code === 'misconfigured' ? 'error' : 'warn';
    if (reason !== this.#reason) this.#log[say]({ sink: this.#name, code, reason }, 'the sink fails; its events wait');
    this.#failures++;
    this.#failingSince ??= this.#clock.wall();
    this.#reason = reason;
    this.#retryAt = this.#clock.monotonic() + this.#nextDelay(code);
  }

  /** Each made up to half shorter at random, so that many agents do not come at once. */
  #nextDelay(code: string): number {
    const { backoff, breaker } = this.#options;
    const jitter = 1 - this.#random() / 2;
    if (code === 'misconfigured' || code === 'blocked') return backoff.max * jitter;
    if (this.#breaker.state === CircuitState.Closed && !this.#trips()) {
      const since = this.#clock.monotonic() - this.#lastSuccess;
      return Math.max(DELAY_MIN_MS, Math.min(backoff.initial, DELAY_SHARE * since) * jitter);
    }
    this.#delay = Math.min(this.#delay === 0 ? backoff.initial : 2 * this.#delay, breaker.probe_max);
    return Math.max(DELAY_MIN_MS, this.#delay * jitter);
  }

  #trips(): boolean {
    const { failures, after } = this.#options.breaker;
    return this.#failures >= failures && this.#clock.monotonic() - this.#lastSuccess >= after;
  }
}

/** A rejected event is an answer; everything else that is thrown counts against the broker, but for its own wish to wait. */
const isFailure = (error: unknown): boolean => codeOf(error) !== 'rejected' && codeOf(error) !== 'blocked';

/** An open breaker lets a call through whenever it is asked: when that is, is decided above. */
const ALWAYS = { duration: Number.NEGATIVE_INFINITY, next: () => ALWAYS };
