/**
 * `tidegate tap`: the events of a running service as they go by.
 *
 *   first stream ──▶ events ◀──(ends, breaks)──▶ away: tried again each RETRY_MS
 *
 * What goes by while nobody is there, or faster than it is taken, is not kept: the service says how many it left out, and that is said on
 * standard error. Nothing here holds the service up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DecodeError, decodeJson } from '../../codec/decode.ts';
import type { DecodedEvent } from '../../codec/format.ts';
import { describe, UsageError } from '../../errors.ts';
import { matcher } from '../../options.ts';
import type { Context } from '../context.ts';
import { type AddressOptions, addressOf } from '../live/address.ts';
import { countOf } from '../live/count.ts';
import { listenForEnd, writeAll } from '../live/ending.ts';
import { Away, LiveService, type Message, notThere } from '../live/service.ts';
import { jsonLine, shown, signsFor } from '../live/text.ts';
import { eventOf } from './event.ts';
import { asLine, asTable, type PrintOptions } from './print.ts';

const EXIT_USAGE = 64;
/** A service that went away is asked again after this, in milliseconds. */
const RETRY_MS = 1000;
/** How often it is said how many events were left out, in milliseconds. */
const SAY_EVERY_MS = 5000;

export interface TapOptions extends AddressOptions {
  readonly format: 'line' | 'table' | 'json';
  readonly sensor?: readonly string[];
  readonly count?: string;
  readonly rate?: string;
  readonly rows: string;
  /** False with `--no-color`. */
  readonly color: boolean;
}

export async function tap(patterns: readonly string[], options: TapOptions, context: Context): Promise<void> {
  checkPatterns(patterns);
  const count = countOf(options.count);
  const maxRows = countOf(options.rows, '--rows') as number;
  const rate = countOf(options.rate, '--rate');
  const address = addressOf(options, context.env);
  const service = new LiveService(address);
  const { signal, release } = listenForEnd(context.out);
  const taking = new Taking({ options, context, maxRows, count: count ?? Number.POSITIVE_INFINITY, signal });
  try {
    await follow(service, { patterns, sensors: options.sensor ?? [], rate, limit: count }, taking, signal);
  } catch (error) {
    if (!signal.aborted) throw notThere(error, address);
  } finally {
    taking.end();
    release();
  }
}

/** A pattern that is none is the operator's mistake, and not the service's to find. */
function checkPatterns(patterns: readonly string[]): void {
  try {
    matcher(patterns);
  } catch (error) {
    throw new UsageError(`not a name pattern: ${describe(error)}`, EXIT_USAGE);
  }
}

/** What the service is asked for: it leaves out what is not wanted, and what is more than the rate. */
function queryOf({ patterns, sensors, rate, limit }: Asked): URLSearchParams {
  const query = new URLSearchParams();
  for (const pattern of patterns) query.append('match', pattern);
  for (const sensor of sensors) query.append('sensor', sensor);
  if (rate !== undefined) query.set('rate', String(rate));
  if (limit !== undefined) query.set('limit', String(limit));
  return query;
}

/** Until enough is taken, or the signal aborts. Throws what asking again does not help, and `Away` where there was never a service. */
async function follow(service: LiveService, asked: Asked, taking: Taking, signal: AbortSignal): Promise<void> {
  let begun = false;
  while (!signal.aborted) {
    try {
      const limit = asked.limit === undefined ? undefined : asked.limit - taking.taken;
      const answered = (): void => {
        begun = true;
        taking.back();
      };
      for await (const message of service.events(queryOf({ ...asked, limit }), signal, answered)) {
        if (await taking.take(message)) return;
      }
    } catch (error) {
      if (!begun || !(error instanceof Away)) throw error;
      taking.away(error.message);
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

interface Asked {
  readonly patterns: readonly string[];
  readonly sensors: readonly string[];
  /** Events a second at most. */
  readonly rate: number | undefined;
  /** Events that are still to come. */
  readonly limit: number | undefined;
}

interface TakingParts {
  readonly options: TapOptions;
  readonly context: Context;
  readonly maxRows: number;
  /** Events that are wanted. */
  readonly count: number;
  readonly signal: AbortSignal;
}

class Taking {
  readonly #parts: TakingParts;
  readonly #signs;
  /** Events that were printed. */
  taken = 0;
  /** Since when the service is away, in milliseconds since 1970. */
  #since: number | undefined;
  /** Events that the service left out, which are not said yet. */
  #left = 0;
  #saying: NodeJS.Timeout | undefined;

  constructor(parts: TakingParts) {
    this.#parts = parts;
    this.#signs = signsFor(parts.context.env);
  }

  /** Prints what the message holds. True when that was the last. */
  async take({ event: name, data }: Message): Promise<boolean> {
    const { count, context, signal } = this.#parts;
    if (name !== 'event' && name !== 'message' && name !== 'missed') return false;
    let event: DecodedEvent;
    try {
      if (name === 'missed') {
        this.#missed(data);
        return false;
      }
      event = decodeJson(data);
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof SyntaxError)) throw error;
      this.#say(`an event cannot be read: ${error.message}`);
      return false;
    }
    this.taken++;
    await writeAll(context.out, this.#text(event, data), signal);
    return this.taken >= count;
  }

  away(why: string): void {
    if (this.#since === undefined) this.#say(`the service does not answer: ${why}. Waits for it`);
    this.#since ??= Date.now();
  }

  back(): void {
    if (this.#since !== undefined) {
      const seconds = Math.round((Date.now() - this.#since) / 1000);
      this.#say(`the service answers again, after ${seconds} s; what went by meanwhile is not shown`);
    }
    this.#since = undefined;
  }

  /** Says what was left out and is not said yet. */
  end(): void {
    clearTimeout(this.#saying);
    this.#saying = undefined;
    const { rate } = this.#parts.options;
    const what = this.#left === 1 ? '1 event is' : `${this.#left} events are`;
    if (this.#left > 0)
      this.#say(`${what} left out: more came than was taken${rate === undefined ? '' : `, or than --rate ${rate}`}`);
    this.#left = 0;
  }

  #text(event: DecodedEvent, data: string): string {
    const { options, context, maxRows } = this.#parts;
    if (options.format === 'json') return `${jsonLine(data)}\n`;
    const print: PrintOptions = {
      colours: context.paint.colours && options.color,
      signs: this.#signs,
      // A terminal that does not know its size says 0.
      columns: context.out.columns || Number.POSITIVE_INFINITY,
      maxRows,
    };
    return (options.format === 'table' ? asTable : asLine)(eventOf(event, this.#signs), print);
  }

  /** Counted for a while: with a rate there is one such message for each event. */
  #missed(data: string): void {
    const { events } = JSON.parse(data) as { events: number };
    this.#left += events;
    this.#saying ??= setTimeout(() => this.end(), SAY_EVERY_MS);
  }

  #say(text: string): void {
    const { err, paintErr } = this.#parts.context;
    err.write(`${paintErr.yellow(shown(text, this.#signs))}\n`);
  }
}
