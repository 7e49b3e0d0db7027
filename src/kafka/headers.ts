/**
 * CloudEvents in Kafka's binary mode: the attributes are headers, the event is the value.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
import { BACKFILL_HEADER, type Message, SEQ_HEADER, TRACE_HEADER } from '../broker.ts';

/** A pair as a record has it. */
export type Header = readonly [name: string, value: string];

/** Headers that all events of one kind share. */
export function constantHeaders({ type, agent, sensor, contentType }: Message): Header[] {
  return [
    ['ce_specversion', '1.0'],
    ['ce_type', type],
    ['ce_source', sourceOf(agent, sensor)],
    ['content-type', contentType],
  ];
}

/** What `constantHeaders` depends on. */
export const kindOf = ({ type, agent, sensor, contentType }: Message): string => `${type}\0${sensor}\0${contentType}\0${agent}`;

/** A URI reference: which agent, which of its sensors. With the id, it is the event's identity. */
const sourceOf = (agent: string, sensor: string): string =>
  `/${encodeURIComponent(agent.toWellFormed())}/${encodeURIComponent(sensor.toWellFormed())}`;

/** What RFC 3339 can write: the years 1 to 9999, in milliseconds. */
const TIME_MIN = -62_135_596_800_000;
export const TIME_MAX = 253_402_300_799_999;

/** RFC 3339. A time that it cannot write is left out rather than sent wrongly. */
export const timeOf = ({ time }: Message): string | undefined =>
  time >= TIME_MIN && time <= TIME_MAX ? new Date(time).toISOString() : undefined;

/** All headers of a message, in the order in which they are sent. */
export function headersOf(message: Message): Header[] {
  const time = timeOf(message);
  return [
    ...constantHeaders(message),
    ['ce_id', message.id],
    ...(time === undefined ? [] : [['ce_time', time] as const]),
    ...(message.seq === undefined ? [] : [[SEQ_HEADER, message.seq] as const]),
    ...(message.backfill ? [[BACKFILL_HEADER, 'true'] as const] : []),
    ...(message.traceparent === undefined ? [] : [[TRACE_HEADER, message.traceparent] as const]),
  ];
}
