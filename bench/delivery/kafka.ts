/** `delivery-kafka`: delivery and the sink against bare kafkajs, one topic of one partition each, all replicas, one connection. */
import sink from '../../sinks/kafka.ts';
import { KafkaCluster } from '../../test/brokers/kafka.ts';
import { bareKafka } from '../kafka.ts';
import type { Figure } from '../measure.ts';
import { compareDelivery } from './compare.ts';

export async function deliveryKafka(): Promise<Figure[]> {
  const cluster = await KafkaCluster.start();
  try {
    const { brokers, admin } = cluster;
    for (const topic of ['bare', 'ours']) await admin.createTopic(topic, { partitions: 1 });
    const bare = await bareKafka(brokers, 'bare');
    const options = { brokers, topic: 'ours' };
    const figures = await compareDelivery({ client: 'kafkajs', sink, options, bare: async (batch) => await bare.send(batch) });
    await bare.close();
    const [[alone], [ours]] = [await admin.offsets('bare'), await admin.offsets('ours')];
    // The bare client sends each round twice.
    if (alone !== 2 * (ours ?? 0)) throw new Error(`${alone} records from the bare client, ${ours} from delivery`);
    return figures;
  } finally {
    await cluster.close();
  }
}
