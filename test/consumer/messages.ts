/** Messages as a sink sends them, events and losses, and the same as clients hand them over. */
import type { Message } from '../../src/broker.ts';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import type { Envelope } from '../../src/consumer/message.ts';
import { loss } from '../../src/delivery/loss.ts';
import { createSource, TideEvent } from '../../src/event.ts';
import { valueSchema } from '../events.ts';

const TIME = 1_763_856_000_000.25;

export interface Sent {
  readonly agent?: string;
  readonly run?: string;
  readonly lane?: number;
  readonly sensor?: string;
  /** The event's own number; that of the sequence without it. */
  readonly id?: number;
  readonly backfill?: boolean;
  readonly format?: 'json' | 'msgpack';
}

function messageOf(event: TideEvent, about: Sent, seq: string | undefined): Message {
  const { source } = event;
  const json = about.format !== 'msgpack';
  const body = json ? new JsonEncoder().encode(event) : new MsgpackEncoder().encode(event);
  return {
    id: event.id,
    type: event.type,
    time: event.time,
    agent: source.agent,
    host: source.host,
    sensor: source.sensor,
    contentType: json ? 'application/json' : 'application/msgpack',
    body: Buffer.from(body),
    lane: about.lane ?? 0,
    seq,
    backfill: about.backfill ?? false,
  };
}

/** The nth event that a sink accepted in a lane. */
export function sent(n: number, about: Sent = {}): Message {
  const { agent = 'edge-7', run = 'r1', lane = 0, sensor = 'disk' } = about;
  const source = createSource({ agent, run, sensor, host: 'host', labels: { env: 'test' } });
  const table = valueSchema.table().add(['x'], { value: n }).seal();
  return messageOf(new TideEvent(source, about.id ?? n, TIME + n, table), about, `${run}/${lane}/${n}`);
}

export interface Lost {
  readonly reason?: string;
  readonly first: number;
  readonly last?: number;
  readonly events?: number;
  readonly window?: number;
}

/** What a sink tells of numbers that will not come; `id` counts its notices. */
export function lostMessage(rows: readonly Lost[], about: Sent = {}): Message {
  const { agent = 'edge-7', run = 'r1', lane = 0, id = 1 } = about;
  const source = createSource({ agent, run, sensor: 'loss', host: 'host', labels: {} });
  const table = loss.table();
  for (const { reason = 'spool_full', first, last, events, window } of rows) {
    const all = last === undefined ? undefined : (events ?? last - first + 1);
    table.add([run, String(lane), reason], { first, last, events: all, window });
  }
  return messageOf(new TideEvent(source, id, TIME, table.seal()), about, undefined);
}

/** A message as it arrives. */
export const envelope = ({ id, type, contentType, seq, backfill, body }: Message, place = 'telemetry/0'): Envelope => ({
  id,
  type,
  contentType,
  seq,
  backfill,
  body,
  place,
});
