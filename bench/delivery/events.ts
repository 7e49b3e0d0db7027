/** Events for the benches of delivery: of the size that is asked for, all of one layout, with values that change, as a service samples them. */
import { randomBytes } from 'node:crypto';
import type { Message } from '../../src/broker.ts';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import { counter, createSource, defineSchema, type Layout, TideEvent } from '../../src/event.ts';

const schema = defineSchema({
  type: 'system.disk',
  doc: 'Disks.',
  attributes: ['system.device', 'disk.io.direction'],
  fields: { io: counter('By', ''), operations: counter('{operation}', ''), operation_time: counter('s', '') },
});

export type Format = 'json' | 'msgpack';

/** Makes events of a source of its own, one after the other. */
export class EventMaker {
  readonly run: string;
  readonly #source: TideEvent['source'];
  readonly #rows: number;
  #layout: Layout | undefined;
  #n = 0;

  /** 16 rows are about a kilobyte of JSON, 1 row some 400 bytes. */
  constructor(rows: number, run = randomBytes(6).toString('hex')) {
    this.run = run;
    this.#rows = rows;
    this.#source = createSource({ agent: 'edge-7', run, sensor: 'disk', host: 'edge-7.example', labels: {} });
  }

  get made(): number {
    return this.#n;
  }

  next(time = Date.now()): TideEvent {
    const n = ++this.#n;
    const table = schema.table();
    for (let row = 0; row < this.#rows; row++) {
      table.add([`sd${String.fromCodePoint(97 + (row >> 1))}`, row % 2 === 0 ? 'read' : 'write'], {
        io: 512 * (n * 7919 + row * 104_729),
        operations: n * 31 + row,
        operation_time: (n * 17 + row) / 1000,
      });
    }
    const sealed = table.seal(this.#layout);
    this.#layout = sealed.layout;
    return new TideEvent(this.#source, n, time, sealed);
  }

  many(count: number): TideEvent[] {
    return Array.from({ length: count }, () => this.next());
  }
}

/** The messages that delivery makes of events, for a bare client. */
export function messagesOf(events: readonly TideEvent[], format: Format = 'json'): Message[] {
  const encode = encoderOf(format);
  return events.map((event, i) => messageOf(event, encode(event), i + 1, format));
}

/** A body of its own for each event. */
export function encoderOf(format: Format): (event: TideEvent) => Buffer {
  const [json, msgpack] = [new JsonEncoder(), new MsgpackEncoder()];
  return format === 'json' ? (event) => Buffer.from(json.encodeBytes(event)) : (event) => Buffer.from(msgpack.encode(event));
}

export function messageOf(event: TideEvent, body: Buffer, n: number, format: Format): Message {
  const { agent, run, sensor, host } = event.source;
  return {
    id: event.id,
    type: event.type,
    time: event.time,
    agent,
    host,
    sensor,
    body,
    contentType: format === 'json' ? 'application/json' : 'application/msgpack',
    lane: 0,
    seq: `${run}/0/${n}`,
    backfill: false,
  };
}
