/**
 * The terminal while `tidegate top` has it.
 *
 *   ours ──enter──▶ alternate screen, no cursor, no wrapping, keys raw ──leave──▶ as it was
 *
 * It is given back however the process ends: by a key, a signal that can be caught, an error, or `process.exit`. Only lines that changed are
 * written, and nothing while the terminal has not taken what was written before: one that stands still holds up nothing.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import type { Output } from '../../output.ts';
import { type Line, lineText } from '../live/line.ts';
import type { Size } from './screenful.ts';

// DEC private modes, as xterm has them: 1049 alternate screen, 25 cursor, 7 wrapping.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
/** CAN ends a sequence that was cut off. */
const LEAVE = '\x18\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
const STDOUT_FD = 1;
/** How long the terminal may take for what was written before it is given back, in milliseconds. */
const DRAIN_MS = 500;
/** Of a terminal that does not know its own. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

export interface ScreenParts {
  /** Where it is written to, which never blocks. */
  readonly output: Output;
  /** Who knows the size. */
  readonly terminal: { readonly columns?: number; readonly rows?: number };
  /** Where keys come from; none where that is no terminal. */
  readonly keys: NodeJS.ReadStream | undefined;
  readonly colours: boolean;
}

export class Screen {
  readonly #parts: ScreenParts;
  #before: string[] = [];
  #entered = false;
  readonly #leave = (): void => this.leave();

  constructor(parts: ScreenParts) {
    this.#parts = parts;
    // A terminal that is closed is told by its keys' end and by SIGHUP.
    parts.output.on('error', () => {});
  }

  get size(): Size {
    const { columns, rows } = this.#parts.terminal;
    return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows };
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    process.on('exit', this.#leave);
    this.#parts.keys?.setRawMode(true).resume();
    this.#parts.output.write(ENTER);
    this.forget();
  }

  /** Gives the terminal back when it has taken what was written, or soon. */
  async close(): Promise<void> {
    const { output } = this.#parts;
    if (output.writableLength > 0) await once(output, 'drain', { signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => {});
    this.leave();
    output.destroy();
  }

  /** Gives the terminal back at once. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    process.off('exit', this.#leave);
    try {
      this.#parts.keys?.setRawMode(false).pause();
      writeSync(STDOUT_FD, LEAVE);
    } catch {
      // It is gone, and there is nothing to give back.
    }
  }

  /** Makes the next screenful be written whole. */
  forget(): void {
    this.#before = [];
  }

  /** Shows these lines, the first at the top; what was there is gone. */
  show(lines: readonly Line[]): void {
    const { output, colours } = this.#parts;
    if (!this.#entered || output.writableNeedDrain) return;
    const texts = lines.map((line) => lineText(line, colours));
    let text = this.#before.length === 0 ? '\x1b[2J' : '';
    for (let i = 0; i < Math.max(texts.length, this.#before.length); i++) {
      const line = texts[i] ?? '';
      // Erased first: behind a line of full width the cursor is still on its last sign.
      if (this.#before[i] !== line) text += `\x1b[${i + 1};1H\x1b[2K${line}`;
    }
    this.#before = texts;
    if (text !== '') output.write(text);
  }
}

/** What keys do. */
export type Action = 'quit' | 'suspend' | 'redraw' | 'sort' | 'view' | 'pause' | 'up' | 'down' | 'page-up' | 'page-down' | 'home';

const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ...(['q', 'Q', '\x03', '\x04'] as const).map((key) => [key, 'quit'] as const),
  ['\x1a', 'suspend'],
  ['\x0c', 'redraw'],
  ['s', 'sort'],
  ['\t', 'view'],
  ['v', 'view'],
  ['p', 'pause'],
  [' ', 'pause'],
  ['k', 'up'],
  ['\x1b[A', 'up'],
  ['\x1bOA', 'up'],
  ['j', 'down'],
  ['\x1b[B', 'down'],
  ['\x1bOB', 'down'],
  ['\x1b[5~', 'page-up'],
  ['\x1b[6~', 'page-down'],
  ['g', 'home'],
  ['\x1b[H', 'home'],
]);

/** What was typed, as it came from a raw terminal; what means nothing is left out. */
export const actionsOf = (typed: string): Action[] =>
  // oxlint-disable-next-line no-control-regex
  [...typed.matchAll(/\x1b[[O][0-9;]*[A-Za-z~]|[^]/g)].flatMap(([key]) => ACTIONS.get(key) ?? []);
