/** `tidegate top`: what a running service does, on a terminal as it changes, in a pipe one snapshot a period. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../errors.ts';
import { formatDuration, parseDuration } from '../../options.ts';
import { time, timeOfDay } from '../../words.ts';
import type { Context } from '../context.ts';
import { type AddressOptions, addressOf } from '../live/address.ts';
import { countOf } from '../live/count.ts';
import { listenForEnd, writeAll } from '../live/ending.ts';
import { lineText } from '../live/line.ts';
import { Away, LiveService, notThere } from '../live/service.ts';
import { jsonLine, shown, signsFor } from '../live/text.ts';
import type { Looking } from './looking.ts';
import { snapshot } from './screenful.ts';

const EXIT_USAGE = 64;
/** From one look to the next, in milliseconds. */
const [INTERVAL_MIN_MS, INTERVAL_MAX_MS] = [100, 3_600_000];

export interface TopOptions extends AddressOptions {
  readonly format: 'table' | 'json';
  readonly interval: string;
  readonly count?: string;
  readonly once?: boolean;
  /** False with `--no-color`. */
  readonly color: boolean;
}

export async function top(options: TopOptions, context: Context): Promise<void> {
  const { out, env, paint } = context;
  const intervalMs = intervalOf(options.interval);
  const count = options.once ? 1 : countOf(options.count);
  const address = addressOf(options, env);
  const service = new LiveService(address);
  const looking: Looking = { service, address, intervalMs, colours: paint.colours && options.color, context };
  const screen = out.isTTY && env['TERM'] !== 'dumb' && count === undefined && options.format === 'table';
  if (screen) return await (await import('./watch.ts')).watch(looking);
  await printSnapshots(looking, options.format, count ?? Number.POSITIVE_INFINITY);
}

function intervalOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < INTERVAL_MIN_MS || ms > INTERVAL_MAX_MS)
    throw new UsageError(
      `--interval ${text}: expected a duration from ${formatDuration(INTERVAL_MIN_MS)} to ${formatDuration(INTERVAL_MAX_MS)}, such as 2s`,
      EXIT_USAGE,
    );
  return ms;
}

/** One snapshot a period. A service that goes away is waited for; that there is none at all ends it. */
async function printSnapshots(looking: Looking, format: TopOptions['format'], count: number): Promise<void> {
  const { service, address, intervalMs, colours, context } = looking;
  const { out, err, env } = context;
  const signs = signsFor(env);
  const { signal, release } = listenForEnd(out);
  let [printed, since] = [0, undefined as number | undefined];
  try {
    while (!signal.aborted && printed < count) {
      const next = performance.now() + intervalMs;
      try {
        const status = await service.status(signal);
        if (since !== undefined) err.write(`the service answers again, after ${time(Date.now() - since)}\n`);
        since = undefined;
        const text =
          format === 'json'
            ? `${jsonLine(JSON.stringify(status))}\n`
            : `${printed > 0 ? '\n' : ''}${snapshot(status, signs)
                .map((line) => `${lineText(line, colours)}\n`)
                .join('')}`;
        await writeAll(out, text, signal);
        printed++;
      } catch (error) {
        if (signal.aborted) break;
        if (printed === 0 || !(error instanceof Away)) throw notThere(error, address);
        if (since === undefined)
          err.write(`${shown(`the service does not answer since ${timeOfDay(Date.now())}: ${error.message}`, signs)}\n`);
        since ??= Date.now();
      }
      if (printed < count) await sleep(Math.max(0, next - performance.now()), undefined, { signal }).catch(() => {});
    }
  } finally {
    release();
  }
}
