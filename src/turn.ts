/**
 * What was read in this turn of the event loop.
 *
 * Sensors that are sampled in one round are called one after the other in one turn, which is one moment: what two of them want of the
 * machine is read once, and both are told the same. When the turn is over, everything is forgotten.
 */
export class Turn {
  readonly #kept = new Map<string, unknown>();

  /** What was kept under this key in this turn. */
  get(key: string): unknown {
    return this.#kept.get(key);
  }

  keep(key: string, value: unknown): void {
    // Microtasks run when the callback that the event loop called is over.
    if (this.#kept.size === 0) queueMicrotask(() => this.#kept.clear());
    this.#kept.set(key, value);
  }
}
