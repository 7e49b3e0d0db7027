/** Prints what arrives in a RabbitMQ queue, once each, and what is missing: `node compose/consume-rabbitmq.ts URL QUEUE`. */
import { connect } from 'amqplib';
import { fromAmqp, Receiver } from '../src/consumer.ts';

const [url = 'amqp://127.0.0.1', queue = 'telemetry'] = process.argv.slice(2);

const receiver = new Receiver({
  onGap: ({ agent, lane, events }) => console.error(`${agent}, lane ${lane}: ${events} events are missing`),
  onLoss: ({ agent, reason, events }) => console.warn(`${agent} lost ${events ?? 'some'} events: ${reason}`),
  onBad: (error, { place }) => console.warn(`${place}: ${error.message}`),
});
const connection = await connect(url);
const channel = await connection.createChannel();
await channel.prefetch(100);
await channel.consume(queue, (message) => {
  if (!message) return;
  receiver
    .receive(fromAmqp(message, queue), ({ event }) => {
      console.log(`${new Date(event.time).toISOString()} ${event.host} ${event.type} ${event.rows} rows, rabbitmq, ${event.id}`);
    })
    .then(() => channel.ack(message))
    .catch((error: unknown) => console.error(error));
});
