/** `delivery-rabbitmq`: delivery and the sink against bare amqplib, one confirm channel and one durable queue each. */
import { connect } from 'amqplib';
import sink from '../../sinks/rabbitmq.ts';
import { Rabbitmq } from '../../test/brokers/rabbitmq.ts';
import type { Figure } from '../measure.ts';
import { bareRabbitmq } from '../rabbitmq.ts';
import { compareDelivery } from './compare.ts';

export async function deliveryRabbitmq(): Promise<Figure[]> {
  const server = await Rabbitmq.start();
  const { port, url } = server.first;
  const model = await connect(url, { noDelay: true });
  try {
    const admin = await model.createChannel();
    for (const queue of ['bare', 'ours']) await admin.assertQueue(queue, { durable: true });
    const bare = await bareRabbitmq(model, 'bare');
    const options = { hosts: [`127.0.0.1:${port}`], queue_name: 'ours' };
    const after = async (): Promise<void> => {
      for (const queue of ['bare', 'ours']) await admin.purgeQueue(queue);
    };
    return await compareDelivery({ client: 'amqplib', sink, options, bare, after });
  } finally {
    await model.close();
    await server.close();
  }
}
