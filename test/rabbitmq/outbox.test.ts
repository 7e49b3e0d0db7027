/** The memory of what the broker has is given back, and of nothing that is on its way. */
import { EventEmitter } from 'node:events';
import type { ConfirmChannel } from 'amqplib';
import { expect, test } from 'vitest';
import { Outbox } from '../../src/rabbitmq/outbox.ts';
import { messageOf } from './support.ts';

const LARGE = 100_000;

test('rabbitmq: chunks go when all of them has arrived', () => {
  const written: Buffer[] = [];
  const channel: EventEmitter = Object.assign(new EventEmitter(), { ch: 1, connection: {} });
  const connection = {
    channels: [null, { channel, buffer: { write: (chunk: Buffer) => written.push(chunk) > 0 } }],
    frameMax: 131_072,
  };
  Object.assign(channel, { connection });
  const outbox = new Outbox(channel as unknown as ConfirmChannel, 'exchange');
  const publish = (count: number): void => {
    for (let i = 0; i < count; i++) expect(outbox.add(messageOf(i, { body: Buffer.alloc(LARGE, 7) }), 'key')).toBe(true);
    outbox.flush();
  };
  publish(3);
  expect(written.map(({ length }) => length > LARGE)).toEqual([true, true, true]);
  outbox.arrived();
  publish(2);
  // What is written to last has room for more, and is not looked at before something else takes its place.
  expect(written.map(({ length }) => length > LARGE)).toEqual([false, false, true, true, true]);
  outbox.arrived();
  expect(written.map(({ length }) => length > LARGE)).toEqual([false, false, false, false, true]);
});
