/**
 * Prints events on standard output: as tables on a terminal, as NDJSON into a pipe or a file.
 *
 * A batch is delivered when the kernel has all of it. What was handed to the stream cannot be taken back, so a batch whose write was
 * aborted may be printed twice. When the reader has gone, it has gone for good.
 */
import * as z from 'zod';
import { abortable } from '../src/abort.ts';
import { JsonEncoder } from '../src/codec/json.ts';
import { describe, errno, SinkError } from '../src/errors.ts';
import type { TideEvent } from '../src/event.ts';
import { DescriptorStream, type Output, standardOutput } from '../src/output.ts';
import { pretty } from '../src/pretty.ts';
import { defineSink, type Sink, type SinkContext } from '../src/sink.ts';

const options = z.strictObject({
  format: z
    .enum(['auto', 'pretty', 'ndjson'])
    .default('auto')
    .describe('Tables for people, one JSON object a line, or the first on a terminal and the second elsewhere.'),
  max_rows: z.int().positive().default(20).describe('Rows of a table that are shown to people. NDJSON always has all.'),
});

type ConsoleOptions = z.output<typeof options>;

/** What a test replaces. */
export interface ConsoleParts {
  readonly open?: () => Output;
  readonly env?: NodeJS.ProcessEnv;
}

/** The stream outlives a sink that is opened anew, and so must what keeps a late EPIPE from ending the process. */
const guarded = new WeakSet<Output>();

export class ConsoleSink implements Sink {
  readonly #context: SinkContext;
  readonly #options: ConsoleOptions;
  readonly #open: () => Output;
  readonly #env: NodeJS.ProcessEnv;
  readonly #encoder = new JsonEncoder();
  #stream: Output | undefined;
  #render: (event: TideEvent) => string = () => '';
  #gone: SinkError | undefined;

  constructor(context: SinkContext, options: ConsoleOptions, parts: ConsoleParts = {}) {
    this.#context = context;
    this.#options = options;
    this.#open = parts.open ?? standardOutput;
    this.#env = parts.env ?? process.env;
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.#usable(signal);
    if (this.#stream) return;
    const stream = this.#opened();
    if (stream.destroyed || stream.writableEnded) throw this.#lose('it is closed');
    if (!guarded.has(stream)) {
      guarded.add(stream);
      stream.on('error', () => {});
    }
    const { format, max_rows: maxRows } = this.#options;
    const terminal = stream.isTTY === true;
    if (format === 'ndjson' || (format === 'auto' && !terminal)) this.#render = (event) => `${this.#encoder.encode(event)}\n`;
    else {
      const colours = terminal && !this.#env['NO_COLOR'] && this.#env['TERM'] !== 'dumb';
      this.#render = (event) => pretty(event, { colours, maxRows, columns: stream.columns });
    }
    this.#stream = stream;
  }

  async write(batch: readonly TideEvent[], signal: AbortSignal): Promise<void> {
    this.#usable(signal);
    const stream = this.#stream;
    if (!stream) throw new SinkError('transient', 'standard output is not open');
    if (batch.length === 0) return;
    const text = this.#text(batch);
    try {
      await abortable(print(stream, text, signal), signal);
    } catch (error) {
      // EPIPE is a pipe whose reader has ended, EIO a terminal that was closed.
      const gone = errno(error) === 'EPIPE' || (errno(error) === 'EIO' && stream.isTTY === true);
      throw gone ? this.#lose(describe(error), error) : failure(error);
    }
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream instanceof DescriptorStream) stream.destroy();
  }

  #opened(): Output {
    try {
      return this.#open();
    } catch (error) {
      throw failure(error);
    }
  }

  #text(batch: readonly TideEvent[]): string {
    let text = '';
    for (const event of batch) {
      try {
        text += this.#render(event);
      } catch (error) {
        throw new SinkError('rejected', `an event of ${event.type} cannot be printed: ${describe(error)}`, { cause: error });
      }
    }
    return text;
  }

  #usable(signal: AbortSignal): void {
    if (this.#gone) throw this.#gone;
    if (signal.aborted) throw failure(signal.reason);
  }

  /** Says once that nobody reads any more. */
  #lose(why: string, cause?: unknown): SinkError {
    if (!this.#gone) {
      this.#gone = new SinkError('misconfigured', `nobody reads standard output any more: ${why}`, { cause });
      this.#context.warn(this.#gone.message);
    }
    return this.#gone;
  }
}

/** Hands text to the stream when that has room, and resolves when the kernel has it. */
async function print(stream: Output, text: string, signal: AbortSignal): Promise<void> {
  if (stream.writableNeedDrain) await drained(stream, signal);
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

function drained(stream: Output, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      stream.off('drain', resume).off('close', closed).off('error', settle);
      signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve();
    };
    const resume = (): void => settle();
    const closed = (): void => settle(new Error('it was closed'));
    const abort = (): void => settle(signal.reason as Error);
    stream.on('drain', resume).on('close', closed).on('error', settle);
    signal.addEventListener('abort', abort, { once: true });
  });
}

const failure = (error: unknown): SinkError =>
  new SinkError('transient', `cannot write standard output: ${describe(error)}`, { cause: error });

/** Events on standard output. */
export default defineSink({
  name: 'console',
  summary: 'Prints events on standard output: as tables on a terminal, as NDJSON into a pipe or a file.',
  options,
  open: (context, options) => new ConsoleSink(context, options),
});
