/** What every way to ping has: how long each phase took, what came of it, and why not. */
import type { Clock } from '../clock.ts';

export const PHASES = ['dns', 'connect', 'tls', 'first_byte', 'total'] as const;
export type Phase = (typeof PHASES)[number];

/** What a ping came to. */
export interface Ping {
  /** Undefined when it was reached. */
  readonly failure: PingFailure | undefined;
  /** How long each phase took, in seconds; those that were not reached, or that there are not, are absent. */
  readonly phases: ReadonlyMap<Phase, number>;
  /** What was learnt on the way, of a failed one too. */
  readonly seen: Seen;
}

export interface Seen {
  /** Status of an HTTP answer. */
  status?: number;
  /** End of the certificate's validity, as Unix time in seconds. */
  notAfter?: number;
  /** How many answers DNS had. */
  answers?: number;
}

export type PingKind =
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'protocol'
  | 'status'
  | 'body'
  | 'answer'
  | 'credentials'
  | 'unavailable';

/** Why a target was not reached. `unavailable`: it could not be tried, which says nothing of the target. */
export class PingFailure extends Error {
  override readonly name = 'PingFailure';
  readonly kind: PingKind;

  constructor(kind: PingKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Measures phases that follow one another. */
export class Stopwatch {
  readonly phases = new Map<Phase, number>();
  readonly #clock: Clock;
  readonly #began: number;
  #last: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
    this.#last = this.#began;
  }

  /** A phase has ended; the next one begins. */
  mark(phase: Phase): void {
    const now = this.#clock.monotonic();
    this.phases.set(phase, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** All is done; what took long is the sum of the phases, unless it was measured elsewhere, in seconds. */
  end(seconds = (this.#clock.monotonic() - this.#began) / 1000): void {
    this.phases.set('total', seconds);
  }

  /** The last phase that has ended, for what is said when the next one is given up. */
  get reached(): Phase | undefined {
    return [...this.phases.keys()].at(-1);
  }
}
