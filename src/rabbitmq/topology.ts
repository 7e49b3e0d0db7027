/** Checks that exchange and queue exist, or declares them, on a channel that is thrown away: a refusal closes the channel it came on. */
import type { Channel, ChannelModel } from 'amqplib';
import { topologyError } from './classify.ts';
import { bindingKey, type RabbitOptions } from './options.ts';

export async function ensureTopology(model: ChannelModel, options: RabbitOptions): Promise<void> {
  const { declare, exchange, queue_name: queue } = options;
  if (declare === 'none' || (exchange === '' && queue === undefined)) return;
  const channel = await model.createChannel();
  // The refusal also rejects the call that it answers.
  channel.on('error', () => {});
  const create = declare === 'create';
  if (exchange !== '') {
    await step(`the exchange ${JSON.stringify(exchange)}`, create, () =>
      create ? channel.assertExchange(exchange, options.exchange_type, { durable: true }) : channel.checkExchange(exchange),
    );
  }
  if (queue !== undefined) {
    await step(`the queue ${JSON.stringify(queue)}`, create, () =>
      create ? declareQueue(channel, queue, options) : channel.checkQueue(queue),
    );
  }
  // Nothing depends on the answer, which never comes when the connection is lost.
  channel.close().catch(() => {});
}

async function declareQueue(channel: Channel, queue: string, options: RabbitOptions): Promise<void> {
  const { queue_type, exchange } = options;
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': queue_type } });
  if (exchange !== '') await channel.bindQueue(queue, exchange, bindingKey(options) ?? '');
}

async function step(what: string, create: boolean, call: () => PromiseLike<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    throw topologyError(what, create, error);
  }
}
