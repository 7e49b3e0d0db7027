/** A connection that is given up while it is being ended: reset then, its socket would never close, and Node never end. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { ChannelModel } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { abandon } from '../../src/rabbitmq/amqp.ts';

const server = createServer((socket) => socket.on('error', () => {}));
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

it.each([true, false])('its socket closes, with an end before it: %s', async (ended) => {
  const stream = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(stream, 'connect');
  const errors: string[] = [];
  stream.on('error', ({ message }: Error) => errors.push(message));
  const closed = new Promise((resolve) => stream.once('close', resolve));
  if (ended) stream.end();
  abandon({ connection: { stream } } as unknown as ChannelModel, new Error('given up'));
  await closed;
  expect(errors).toEqual(['given up']);
});
