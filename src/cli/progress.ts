/** Progress of what takes longer than a second: one line on a terminal, rewritten; nothing elsewhere. */
import type { Context } from './context.ts';

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 200;
const CLEAR = '\r\u001b[K';

export class Progress {
  readonly #context: Pick<Context, 'err' | 'paintErr'>;
  readonly #started = performance.now();
  #next = this.#started + FIRST_AFTER_MS;
  #shown = false;

  constructor(context: Pick<Context, 'err' | 'paintErr'>) {
    this.#context = context;
  }

  /** Shows a text, unless it is too early. */
  show(text: () => string): void {
    const { err, paintErr } = this.#context;
    const now = performance.now();
    if (!err.isTTY || now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#shown = true;
    err.write(`${CLEAR}${paintErr.dim(text().slice(0, (err.columns || 80) - 1))}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#context.err.write(CLEAR);
    this.#shown = false;
  }
}
