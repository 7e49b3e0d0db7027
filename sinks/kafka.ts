/**
 * Sends events to Kafka, as CloudEvents in binary mode.
 *
 * The records of a lane go to one partition of a topic, in order, each request after the one before it was answered, and count when all
 * replicas in sync have them. What happens when they do not is not decided here: delivery keeps and repeats them.
 */
import * as z from 'zod';
import { type Broker, type BrokerConnection, type BrokerContext, defineBroker } from '../src/broker.ts';
import { deliveryOptions } from '../src/delivery/options.ts';
import { openConnection, type Shared } from '../src/kafka/connection.ts';
import { clientShape, produceShape } from '../src/kafka/options.ts';
import { Template } from '../src/kafka/template.ts';
import { Topics } from '../src/kafka/topics.ts';

const options = z.strictObject({ ...deliveryOptions, ...clientShape, ...produceShape });

export type KafkaOptions = z.output<typeof options>;

class KafkaBroker implements Broker {
  readonly #shared: Shared;
  #turn = 0;

  constructor(context: BrokerContext, options: KafkaOptions) {
    this.#shared = {
      context,
      options,
      topic: new Template(options.topic),
      key: new Template(options.key),
      topics: new Topics(context.clock, options.max_request_bytes),
    };
  }

  async connect(signal: AbortSignal): Promise<BrokerConnection> {
    return await openConnection(this.#shared, this.#turn++, signal);
  }

  async close(): Promise<void> {}
}

/** Events to Kafka. */
export default defineBroker({
  name: 'kafka',
  summary:
    'Sends events to Kafka, as CloudEvents in binary mode: one partition for each lane, confirmed by all replicas in sync.',
  options,
  destinations: ({ brokers, topic }) => brokers.map((broker) => `${topic} of ${broker}`),
  openBroker: (context, options) => new KafkaBroker(context, options),
});
