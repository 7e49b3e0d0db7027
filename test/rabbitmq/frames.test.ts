/** The frames of a message hold what amqplib would have written of it, read with amqplib's own decoder. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Channel } from 'amqplib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { FRAME_OVERHEAD, FrameEncoder } from '../../src/rabbitmq/frames.ts';
import { isShort } from '../../src/rabbitmq/template.ts';
import { SEED } from '../events.ts';
import { propertiesOf } from './properties.ts';
import { messageOf } from './support.ts';

const require = createRequire(import.meta.url);
/** Beside the documented interface. */
const internal = (name: string): unknown => require(join(dirname(require.resolve('amqplib')), 'lib', name));
interface Frame {
  readonly rest: Buffer;
}
const frames = internal('frame.js') as {
  parseFrame(bytes: Buffer, max: number): Frame;
  decodeFrame(frame: Frame): object;
};
const { Channel: AmqpChannel } = internal('channel_model.js') as {
  readonly Channel: { readonly prototype: Pick<Channel, 'publish'> };
};
const { Connection } = internal('connection.js') as {
  readonly Connection: { readonly prototype: { sendMessage(...all: unknown[]): boolean } };
};

const CHANNEL = 513;

function decoded(bytes: Buffer, frameBytes: number): object[] {
  const all: object[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const frame = frames.parseFrame(rest, frameBytes - FRAME_OVERHEAD);
    all.push(frames.decodeFrame(frame));
    rest = frame.rest;
  }
  return all;
}

/** What amqplib puts on the wire for the same message. */
function byAmqplib(message: Message, exchange: string, key: string, frameMax: number): Buffer {
  const chunks: Buffer[] = [];
  const buffer = { write: (chunk: Buffer) => chunks.push(chunk) > 0 };
  const connection = Object.assign(Object.create(Connection.prototype), { channels: { [CHANNEL]: { buffer } }, frameMax });
  const channel = Object.assign(Object.create(AmqpChannel.prototype), { ch: CHANNEL, connection });
  AmqpChannel.prototype.publish.call(channel, exchange, key, message.body, propertiesOf(message));
  return Buffer.concat(chunks);
}

function byUs(message: Message, exchange: string, key: string, frameBytes: number): Buffer {
  const encoder = new FrameEncoder(CHANNEL, exchange);
  const size = encoder.sizeOf(message, key, frameBytes);
  // What is before and behind is another's.
  const chunk = Buffer.alloc(size + 20, 0xaa);
  const end = encoder.write(chunk, 10, message, key, frameBytes);
  expect(end).toBeLessThanOrEqual(10 + size);
  for (const at of [0, 9, end, size + 19]) expect(chunk[at]).toBe(0xaa);
  return chunk.subarray(10, end);
}

const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength });
const shortText = text(255).filter(isShort);
const messages: fc.Arbitrary<Message> = fc
  .record({
    id: text(300),
    type: text(300),
    time: fc.oneof(
      fc.double(),
      fc.constantFrom(0, -1, -5000.5, 1_763_856_000_000.25, 253_402_300_799_999, 8_640_000_000_000_001),
    ),
    agent: text(40),
    sensor: text(40),
    body: fc.uint8Array({ maxLength: 10_000 }).map((bytes) => Buffer.from(bytes)),
    seq: fc.option(text(100), { nil: undefined }),
    backfill: fc.boolean(),
    traceparent: fc.option(text(60), { nil: undefined }),
    contentType: fc.constantFrom('application/json' as const, 'application/msgpack' as const),
  })
  .map((changes) => messageOf(1, changes));

describe('rabbitmq: frames', () => {
  test(`hold what amqplib would write (seed ${SEED})`, () => {
    const sizes = fc.constantFrom(4096, 8192, 131_072);
    fc.assert(
      fc.property(messages, shortText, shortText, sizes, (message, exchange, key, frameBytes) => {
        const expected = decoded(byAmqplib(message, exchange, key, frameBytes), frameBytes);
        expect(decoded(byUs(message, exchange, key, frameBytes), frameBytes)).toEqual(expected);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('are none when the headers do not fit in one', () => {
    const encoder = new FrameEncoder(1, '');
    const message = messageOf(1, { id: 'x'.repeat(5000) });
    const chunk = Buffer.alloc(encoder.sizeOf(message, 'key', 4096));
    expect(encoder.write(chunk, 0, message, 'key', 4096)).toBe(-1);
    expect(encoder.write(chunk, 0, message, 'key', 8192)).toBeGreaterThan(5000);
  });

  test('of many kinds of events are each of their own kind', () => {
    const encoder = new FrameEncoder(CHANNEL, '');
    for (let n = 0; n < 2500; n++) {
      const message = messageOf(n, { type: `type.${n % 1250}` });
      const chunk = Buffer.alloc(encoder.sizeOf(message, 'key', 4096));
      const end = encoder.write(chunk, 0, message, 'key', 4096);
      expect(decoded(chunk.subarray(0, end), 4096)).toEqual(decoded(byAmqplib(message, '', 'key', 4096), 4096));
    }
  });
});
