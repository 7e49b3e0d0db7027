/**
 * Whether a target is up, from one ping after the other.
 *
 * States: unknown, up, down. What is up becomes down after `downAfter` failures in a row, what is down becomes up after `upAfter` successes;
 * what is unknown becomes up with the first success, for nothing speaks against it, and down after `downAfter` failures. A state begins with the
 * first ping of the row that led to it, which is before it is known.
 */

export type State = 'unknown' | 'up' | 'down';

/** What is kept from one run to the next. `since` is Unix time in seconds. */
export interface Kept {
  readonly state: 'up' | 'down';
  readonly since: number;
}

export interface Transition {
  readonly before: State;
  readonly state: 'up' | 'down';
  readonly since: number;
  /** How long the state before lasted, in seconds; undefined when it was not known. */
  readonly lasted: number | undefined;
}

export interface Patience {
  readonly downAfter: number;
  readonly upAfter: number;
}

export class TargetState {
  readonly #patience: Patience;
  #kept: Kept | undefined;
  /** Results in a row of one kind, and when the first was. */
  #row: { up: boolean; count: number; since: number } | undefined;

  constructor(patience: Patience, kept: Kept | undefined) {
    this.#patience = patience;
    this.#kept = kept;
  }

  get kept(): Kept | undefined {
    return this.#kept;
  }

  get state(): State {
    return this.#kept?.state ?? 'unknown';
  }

  /** How many failures there were in a row, up to now. */
  get failures(): number {
    return this.#row && !this.#row.up ? this.#row.count : 0;
  }

  /** How long it has been in its state at that time, in seconds. A clock that went back makes it 0. */
  lasted(time: number): number | undefined {
    return this.#kept && Math.max(0, time - this.#kept.since);
  }

  /** A ping's result, and the transition that it makes. `time` is Unix time in seconds. */
  tell(up: boolean, time: number): Transition | undefined {
    this.#row = this.#row?.up === up ? { ...this.#row, count: this.#row.count + 1 } : { up, count: 1, since: time };
    const before = this.state;
    const state = up ? 'up' : 'down';
    if (before === state) return undefined;
    const { downAfter, upAfter } = this.#patience;
    const needed = up ? (before === 'unknown' ? 1 : upAfter) : downAfter;
    if (this.#row.count < needed) return undefined;
    const { since } = this.#row;
    const lasted = this.lasted(since);
    this.#kept = { state, since };
    return { before, state, since, lasted };
  }
}

/** A kept state with what it is of, so that a name that was given to another target begins anew. */
export interface KeptTarget extends Kept {
  readonly target: string;
}

/** What of a kept value is right; the rest is forgotten. */
export function keptOf(value: unknown): Map<string, KeptTarget> {
  const targets = typeof value === 'object' && value !== null ? (value as { targets?: unknown }).targets : undefined;
  const kept = new Map<string, KeptTarget>();
  if (typeof targets !== 'object' || targets === null) return kept;
  for (const [name, one] of Object.entries(targets)) {
    const { state, since, target } = (one ?? {}) as { state?: unknown; since?: unknown; target?: unknown };
    const right = (state === 'up' || state === 'down') && typeof since === 'number' && Number.isFinite(since);
    if (right && typeof target === 'string') kept.set(name, { state, since, target });
  }
  return kept;
}
