/** Loss notices: what a lane will not deliver, as a message in that lane. See `loss.ts` for what a row says. */
import type { Message } from '../broker.ts';
import { createSource, type Source, TideEvent } from '../event.ts';
import { type ContentType } from './entry.ts';
import { loss } from './loss.ts';
import type { LossRange } from './losses.ts';

/** Ranges in one notice at most. */
const RANGES_MAX = 200;

export interface NoticeParts {
  /** The sink's name; a notice comes from `loss:NAME`, which no sensor can be called. */
  readonly sink: string;
  readonly agent: string;
  readonly host: string;
  readonly run: string;
  readonly encode: (event: TideEvent) => { contentType: ContentType; body: Buffer };
}

export class Notices {
  readonly #source: Source;
  readonly #encode: NoticeParts['encode'];
  #n = 0;

  constructor({ sink, agent, host, run, encode }: NoticeParts) {
    this.#source = createSource({ agent, run, sensor: `loss:${sink}`, host, labels: {} });
    this.#encode = encode;
  }

  /** Notices of these ranges. `time` is Unix time in milliseconds. */
  make(lane: number, ranges: readonly LossRange[], time: number): Message[] {
    const notices: Message[] = [];
    for (let from = 0; from < ranges.length; from += RANGES_MAX) {
      notices.push(this.#one(lane, ranges.slice(from, from + RANGES_MAX), time));
    }
    return notices;
  }

  #one(lane: number, ranges: readonly LossRange[], time: number): Message {
    const table = loss.table();
    for (const { run, reason, first, last, events, window } of ranges) {
      table.add([run, String(lane), reason], { first, last, events, window });
    }
    const event = new TideEvent(this.#source, ++this.#n, time, table.seal());
    const { agent, host, sensor } = this.#source;
    const { contentType, body } = this.#encode(event);
    return {
      id: event.id,
      type: event.type,
      time,
      agent,
      host,
      sensor,
      contentType,
      body,
      lane,
      seq: undefined,
      backfill: false,
    };
  }
}
