/**
 * CloudEvents in Kafka's binary mode: the attributes are headers, the event is the value.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
import { BACKFILL_HEADER, type Message, SEQ_HEADER, TRACE_HEADER } from '../broker.ts';
import { sourceOf, timeOf } from '../cloud-events.ts';

/** A pair as a record has it. */
export type Header = readonly [name: string, value: string];

/** Headers that all events of one kind share. */
export function constantHeaders(message: Message): Header[] {
  const { type, contentType } = message;
  return [
    ['ce_specversion', '1.0'],
    ['ce_type', type],
    ['ce_source', sourceOf(message)],
    ['content-type', contentType],
  ];
}

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
