/**
 * What amqplib would be given to publish a message as the sink does: the naive model of `src/rabbitmq/frames.ts`.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
import type { Options } from 'amqplib';
import { BACKFILL_HEADER, type Message, SEQ_HEADER, TRACE_HEADER } from '../../src/broker.ts';
import { ID_HEADER } from '../../src/rabbitmq/frames.ts';
import { isShort } from '../../src/rabbitmq/template.ts';

/** What RFC 3339 can write: the years 1 to 9999, in milliseconds. */
const TIME_MIN = -62_135_596_800_000;
const TIME_MAX = 253_402_300_799_999;

/** What a message is published with: persistent, and mandatory so that the broker says when no queue takes it. */
export function propertiesOf(message: Message): Options.Publish {
  const { id, type, time } = message;
  const headers: Record<string, string> = {
    cloudEvents_specversion: '1.0',
    [ID_HEADER]: id,
    cloudEvents_type: type,
    cloudEvents_source: sourceOf(message),
  };
  const properties: Options.Publish = {
    persistent: true,
    mandatory: true,
    contentType: message.contentType,
    appId: 'tidegate',
    headers,
  };
  if (isShort(id)) properties.messageId = id;
  if (isShort(type)) properties.type = type;
  if (time >= TIME_MIN && time <= TIME_MAX) {
    headers['cloudEvents_time'] = new Date(time).toISOString();
    // Seconds, and unsigned on the wire.
    if (time >= 0) properties.timestamp = Math.floor(time / 1000);
  }
  if (message.seq !== undefined) headers[SEQ_HEADER] = message.seq;
  if (message.backfill) headers[BACKFILL_HEADER] = 'true';
  if (message.traceparent !== undefined) headers[TRACE_HEADER] = message.traceparent;
  return properties;
}

/** CloudEvents `source`, a URI reference: which agent, which of its sensors. With the id, it is the event's identity. */
function sourceOf({ agent, sensor }: Message): string {
  return `/${encodeURIComponent(agent.toWellFormed())}/${encodeURIComponent(sensor.toWellFormed())}`;
}
