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
import { shown, signsFor } from '../live/text.ts';
import { eventOf } from './event.ts';
import { asLine, asTable, type PrintOptions } from './print.ts';
import { RateLimit } from './rate-limit.ts';

const EXIT_USAGE = 64;
/** A service that went away is asked again after this, in milliseconds. */
const RETRY_MS = 1000;

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
  const wanted = wantedOf(patterns, options.sensor ?? []);
  const count = countOf(options.count) ?? Number.POSITIVE_INFINITY;
  const maxRows = countOf(options.rows, '--rows') as number;
  const rate = countOf(options.rate, '--rate');
  const address = addressOf(options, context.env);
  const service = new LiveService(address);
  const { signal, release } = listenForEnd(context.out);
  const taking = new Taking({ options, context, maxRows, wanted, count, rate, signal });
  try {
    await follow(service, patterns, taking, signal);
  } catch (error) {
    if (!signal.aborted) throw notThere(error, address);
  } finally {
    taking.end();
    release();
    await service.close();
  }
}

/** Whether an event is asked for. Throws `UsageError` where a pattern is none. */
function wantedOf(patterns: readonly string[], sensors: readonly string[]): (event: DecodedEvent) => boolean {
  const test = (what: readonly string[], name: string): ((text: string) => boolean) => {
    try {
      return what.length === 0 ? () => true : matcher(what);
    } catch (error) {
      throw new UsageError(`${name}: not a name pattern: ${describe(error)}`, EXIT_USAGE);
    }
  };
  const [type, sensor] = [test(patterns, 'pattern'), test(sensors, '--sensor')];
  return (event) => type(event.type) && sensor(event.sensor);
}

/** Until enough is taken, or the signal aborts. Throws what asking again does not help, and `Away` where there was never a service. */
async function follow(service: LiveService, patterns: readonly string[], taking: Taking, signal: AbortSignal): Promise<void> {
  // One pattern is matched where the events are; several, which may exclude each other, here.
  const [match, ...more] = patterns;
  const query = new URLSearchParams(match !== undefined && more.length === 0 && !match.startsWith('!') ? { match } : {});
  let begun = false;
  while (!signal.aborted) {
    try {
      for await (const message of service.events(query, signal)) {
        begun = true;
        taking.back();
        if (await taking.take(message)) return;
      }
    } catch (error) {
      if (!begun || !(error instanceof Away)) throw error;
      taking.away(error.message);
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

interface TakingParts {
  readonly options: TapOptions;
  readonly context: Context;
  readonly maxRows: number;
  readonly wanted: (event: DecodedEvent) => boolean;
  readonly count: number;
  /** Events a second at most. */
  readonly rate: number | undefined;
  readonly signal: AbortSignal;
}

class Taking {
  readonly #parts: TakingParts;
  readonly #signs;
  readonly #limit: RateLimit | undefined;
  #taken = 0;
  /** Since when the service is away, in milliseconds since 1970. */
  #since: number | undefined;

  constructor(parts: TakingParts) {
    this.#parts = parts;
    this.#signs = signsFor(parts.context.env);
    const { rate } = parts;
    if (rate !== undefined)
      this.#limit = new RateLimit(rate, (left) =>
        this.#say(`${left} events are left out: more than --rate ${rate} came in a second`),
      );
  }

  /** Prints what the message holds. True when that was the last. */
  async take({ event: name, data }: Message): Promise<boolean> {
    const { wanted, count, context, signal } = this.#parts;
    if (name === 'missed') this.#missed(data);
    if (name !== 'event') return false;
    let event: DecodedEvent;
    try {
      event = decodeJson(data);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#say(`an event cannot be read: ${error.message}`);
      return false;
    }
    if (!wanted(event) || this.#limit?.take() === false) return false;
    this.#taken++;
    await writeAll(context.out, this.#text(event, data), signal);
    return this.#taken >= count;
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

  end(): void {
    this.#limit?.end();
  }

  #text(event: DecodedEvent, data: string): string {
    const { options, context, maxRows } = this.#parts;
    // A message of several lines is one line here.
    if (options.format === 'json') return `${data.replaceAll('\n', ' ')}\n`;
    const print: PrintOptions = {
      colours: context.paint.colours && options.color,
      signs: this.#signs,
      // A terminal that does not know its size says 0.
      columns: context.out.columns || Number.POSITIVE_INFINITY,
      maxRows,
    };
    return (options.format === 'table' ? asTable : asLine)(eventOf(event, this.#signs), print);
  }

  #missed(data: string): void {
    let events: unknown;
    try {
      ({ events } = JSON.parse(data) as { events?: unknown });
    } catch {
      events = undefined;
    }
    this.#say(`${typeof events === 'number' ? events : 'some'} events went by faster than they were taken`);
  }

  #say(text: string): void {
    const { err, paintErr } = this.#parts.context;
    err.write(`${paintErr.yellow(shown(text, this.#signs))}\n`);
  }
}
