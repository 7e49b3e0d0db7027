/** A batch on its way: the entries, notices in front of them, and what of both is neither confirmed nor given up yet. */
import type { Message } from '../broker.ts';
import { Entry } from './entry.ts';

export class Flight {
  left: Message[];
  /** The entries that were given up. */
  failed: readonly Entry[] = [];
  /** Notices that are not confirmed yet. */
  #notices: number;

  constructor(notices: readonly Message[], entries: readonly Entry[], backfill: boolean) {
    this.#notices = notices.length;
    this.left = [...notices, ...(backfill ? entries.map((entry) => new Backfilled(entry)) : entries)];
  }

  /** The entries that are left. */
  get entries(): Entry[] {
    return entriesOf(this.left);
  }

  /** Whether a notice is left. */
  get tells(): boolean {
    return this.#notices > 0;
  }

  /** What is left has failed. */
  giveUp(): void {
    this.failed = this.entries;
    this.left = [];
  }

  /** Takes messages out of what is left; the rest of `piece`, the first of what is left, stays in front. Returns their entries. */
  done(piece: readonly Message[], isDone: (index: number) => boolean): Entry[] {
    const [out, rest]: [Message[], Message[]] = [[], []];
    for (const [i, message] of piece.entries()) (isDone(i) ? out : rest).push(message);
    this.left = rest.length === 0 ? this.left.slice(piece.length) : [...rest, ...this.left.slice(piece.length)];
    const entries = entriesOf(out);
    this.#notices -= out.length - entries.length;
    return entries;
  }
}

/** An entry that is sent beside newer ones. */
class Backfilled implements Message {
  readonly entry: Entry;
  readonly backfill = true;
  readonly id: string;
  readonly type: string;
  readonly time: number;
  readonly agent: string;
  readonly host: string;
  readonly sensor: string;
  readonly contentType: Message['contentType'];
  readonly body: Buffer;
  readonly lane: number;
  readonly seq: string;
  readonly traceparent: string | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
    this.id = entry.id;
    this.type = entry.type;
    this.time = entry.time;
    this.agent = entry.agent;
    this.host = entry.host;
    this.sensor = entry.sensor;
    this.contentType = entry.contentType;
    this.body = entry.body;
    this.lane = entry.lane;
    this.seq = entry.seq;
    this.traceparent = entry.traceparent;
  }
}

/** The entries among messages; a notice is none. */
function entriesOf(messages: readonly Message[]): Entry[] {
  const entries: Entry[] = [];
  for (const message of messages) {
    if (message instanceof Backfilled) entries.push(message.entry);
    else if (message instanceof Entry) entries.push(message);
  }
  return entries;
}
