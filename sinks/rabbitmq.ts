/** Publishes events to a RabbitMQ exchange over AMQP 0-9-1: persistent, mandatory, with publisher confirms. */
import { defineBroker } from '../src/broker.ts';
import { RabbitBroker } from '../src/rabbitmq/broker.ts';
import { destinations, options } from '../src/rabbitmq/options.ts';

export default defineBroker({
  name: 'rabbitmq',
  summary: 'Publishes events to a RabbitMQ exchange over AMQP 0-9-1, each confirmed by the broker, as JSON or MessagePack.',
  options,
  destinations,
  openBroker: (context, options) => new RabbitBroker(context, options),
});
