/** Headers as clients hand them over; `fixtures/headers/v1.json`, written by hand, is what release 1 sends, and stays readable for ever. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { arrivalOf, eventOf } from '../../src/consumer/message.ts';
import { DecodeError, fromAmqp, fromKafka, parseId } from '../../src/consumer.ts';
import { headersOf } from '../../src/kafka/headers.ts';
import { propertiesOf } from '../rabbitmq/properties.ts';
import { REPOSITORY } from '../support.ts';
import { envelope, lostMessage, sent } from './messages.ts';

interface Fixture {
  readonly message: Omit<Message, 'body'>;
  readonly kafka: Record<string, string>;
  readonly amqp: { readonly headers: Record<string, string> };
}
const fixture = JSON.parse(readFileSync(join(REPOSITORY, 'fixtures/headers/v1.json'), 'utf8')) as Fixture;
const body = Buffer.from('{}');
const { id, type, contentType, seq } = fixture.message;
const expected = { id, type, contentType, seq, backfill: true, body };

describe('what release 1 sends', () => {
  test('is what the sinks send now', () => {
    expect(Object.fromEntries(headersOf({ ...fixture.message, body }))).toEqual(fixture.kafka);
    expect(propertiesOf({ ...fixture.message, body })).toMatchObject(fixture.amqp);
  });

  test('is read from Kafka, as bytes, as text, and as one of several of a name', () => {
    const bytes = Object.fromEntries(Object.entries(fixture.kafka).map(([name, value]) => [name, Buffer.from(value)]));
    const several = { ...bytes, ce_id: ['another', Buffer.from(id)] };
    for (const headers of [bytes, fixture.kafka, several]) {
      expect(fromKafka({ topic: 't', partition: 3, message: { value: body, headers } })).toEqual({ ...expected, place: 't/3' });
    }
  });

  test('is read from RabbitMQ, also under the other name that the AMQP binding has, and by messageId alone', () => {
    expect(fromAmqp({ content: body, properties: fixture.amqp }, 'q')).toEqual({ ...expected, place: 'q' });
    const { cloudEvents_id: _, cloudEvents_type: __, ...rest } = fixture.amqp.headers;
    const other = { ...fixture.amqp, headers: { ...rest, 'cloudEvents:type': type } };
    expect(fromAmqp({ content: body, properties: other }, 'q')).toEqual({ ...expected, place: 'q' });
  });
});

test('the trace context of a sample goes with its events, where there is one', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = { ...fixture.message, body, traceparent };
  const headers = Object.fromEntries(headersOf(traced));
  expect(fromKafka({ topic: 't', partition: 3, message: { value: body, headers } }).traceparent).toBe(traceparent);
  expect(fromAmqp({ content: body, properties: propertiesOf(traced) }).traceparent).toBe(traceparent);
  expect(fromKafka({ topic: 't', partition: 3, message: { value: body, headers: fixture.kafka } }).traceparent).toBeUndefined();
});

test('a message without headers, without a value, is read as far as it goes', () => {
  const bare = fromKafka({ topic: 't', partition: 0, message: { value: null } });
  expect(bare).toMatchObject({ id: undefined, type: undefined, seq: undefined, backfill: false });
  expect(() => eventOf(bare)).toThrow(DecodeError);
  expect(fromAmqp({ content: body, properties: {} })).toMatchObject({ id: undefined, seq: undefined, place: '' });
});

test('of a message without an id in its headers the event says it; of a loss, what is lost', () => {
  const { id: _, ...rest } = envelope(sent(5));
  expect(arrivalOf({ ...rest, id: undefined })).toMatchObject({ agent: 'edge-7', seq: 'r1/0/5', losses: [] });
  expect(
    arrivalOf(
      envelope(
        lostMessage([
          { first: 2, last: 9, events: 3 },
          { first: 4, window: 7 },
        ]),
      ),
    ),
  ).toMatchObject({
    seq: undefined,
    losses: [
      { run: 'r1', lane: 0, reason: 'spool_full', first: 2, last: 9, events: 3, window: undefined },
      { first: 4, last: undefined, events: undefined, window: 7 },
    ],
  });
});

test('the content type says how to decode, and without one that says so the first byte does', () => {
  const json = envelope(sent(1));
  const msgpack = envelope(sent(1, { format: 'msgpack' }));
  for (const one of [
    json,
    msgpack,
    { ...json, contentType: undefined },
    { ...msgpack, contentType: 'application/octet-stream' },
  ]) {
    expect(eventOf(one)).toMatchObject({ id: 'edge-7/r1/disk/1', type: 'test.value' });
  }
  expect(() => eventOf({ ...json, contentType: 'application/msgpack' })).toThrow(DecodeError);
});

test('an id has four parts', () => {
  expect(parseId(id)).toEqual({ agent: 'edge-7', run: 'mwtyynzse0deda', sensor: 'disk', n: 17 });
});
