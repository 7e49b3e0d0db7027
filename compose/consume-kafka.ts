/** Prints what arrives on a Kafka topic, once each, and what is missing: `node compose/consume-kafka.ts BROKER TOPIC`. */
import kafkajs from 'kafkajs';
import { fromKafka, Receiver } from '../src/consumer.ts';

const [broker = '127.0.0.1:9092', topic = 'telemetry'] = process.argv.slice(2);

const receiver = new Receiver({
  onGap: ({ agent, lane, events }) => console.error(`${agent}, lane ${lane}: ${events} events are missing`),
  onLoss: ({ agent, reason, events }) => console.warn(`${agent} lost ${events ?? 'some'} events: ${reason}`),
  onBad: (error, { place }) => console.warn(`${place}: ${error.message}`),
});
const kafka = new kafkajs.Kafka({
  brokers: [broker],
  logLevel: kafkajs.logLevel.ERROR,
  retry: { retries: 30, maxRetryTime: 5000 },
});
const consumer = kafka.consumer({ groupId: 'tidegate-compose' });
consumer.on(consumer.events.GROUP_JOIN, () => receiver.rebalanced());
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  eachMessage: async (payload) => {
    await receiver.receive(fromKafka(payload), ({ event }) => {
      console.log(`${new Date(event.time).toISOString()} ${event.host} ${event.type} ${event.rows} rows, kafka, ${event.id}`);
    });
  },
});
