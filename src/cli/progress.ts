/** Progress of what takes longer than a second: one line on a terminal, rewritten; nothing elsewhere. */
import type { Context } from './context.ts';

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 200;
const CLEAR = '\r\u001b[K';

export class Progress {
  readonly #context: Pick<Context, 'err' | 'paintErr'>;
  readonly #text: () => string;
  readonly #timer: NodeJS.Timeout | undefined;
  #next = performance.now() + FIRST_AFTER_MS;
  #shown = false;

  /** Begins to show a text, which is asked for each time. */
  constructor(context: Pick<Context, 'err' | 'paintErr'>, text: () => string) {
    this.#context = context;
    this.#text = text;
    if (context.err.isTTY) this.#timer = setInterval(() => this.show(), EVERY_MS).unref();
  }

  /** Shows it unless it is too early: for work that leaves timers little room. */
  show(): void {
    const { err, paintErr } = this.#context;
    const now = performance.now();
    if (!err.isTTY || now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#shown = true;
    err.write(`${CLEAR}${paintErr.dim(this.#text().slice(0, (err.columns || 80) - 1))}`);
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#shown) this.#context.err.write(CLEAR);
    this.#shown = false;
  }
}
