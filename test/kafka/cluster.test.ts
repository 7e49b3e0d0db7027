/** A real cluster of three, whose leaders move while lanes are written: what was confirmed is there, all of it and in order. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOwn, KafkaCluster } from '../brokers/index.ts';
import { Lane, numbersIn } from './lane.ts';
import { message } from './messages.ts';
import { eventually, openSink } from './sink-support.ts';

const LANES = 4;
const BATCH = 20;
/** A lane that has sent nothing after this never will, in milliseconds. */
const GOES_ON_MS = 60_000;

describeOwn('Kafka', 'a cluster', () => {
  let kafka: KafkaCluster;
  beforeAll(async () => {
    kafka = await KafkaCluster.start({
      nodes: 3,
      properties: { 'min.insync.replicas': 2, 'offsets.topic.replication.factor': 3 },
    });
  });
  afterAll(async () => await kafka?.close());

  async function under(topic: string, trouble: () => Promise<void>): Promise<Lane[]> {
    await kafka.admin.createTopic(topic, { partitions: LANES, replication: 3 });
    const sink = openSink({ brokers: kafka.brokers, topic });
    const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(sink, lane, { batch: BATCH, deadline: 10_000 }));
    const goOn = async (): Promise<void> => {
      const before = lanes.map(({ confirmed }) => confirmed.length);
      const slowest = (): number => Math.min(...lanes.map(({ confirmed }, i) => confirmed.length - (before[i] as number)));
      await expect.poll(slowest, { timeout: GOES_ON_MS }).toBeGreaterThan(2 * BATCH);
    };
    for (const lane of lanes) lane.start();
    await goOn();
    await trouble();
    await goOn();
    await Promise.all(lanes.map(async (lane) => await lane.stop()));
    const records = (await kafka.admin.offsets(topic)).reduce((sum, each) => sum + each, 0);
    const there = await numbersIn(kafka.direct, topic, LANES, records);
    for (const [i, { confirmed }] of lanes.entries()) expect(there[i]).toEqual(confirmed);
    return lanes;
  }

  it('whose leaders are moved loses nothing, and goes on over the others', async () => {
    const lanes = await under('moved', async () => {
      const leaders = await kafka.admin.leaders('moved');
      for (const [partition, leader] of leaders.entries()) await kafka.admin.moveLeader('moved', partition, (leader % 3) + 1);
      expect(await kafka.admin.leaders('moved')).not.toEqual(leaders);
    });
    // None but while an election is not known to all, on a machine that takes longer for that than is waited for.
    for (const failure of lanes.flatMap(({ failures }) => failures)) expect(failure).toMatch(/leader/i);
  });

  it('of which one node is killed loses nothing (tulios/kafkajs#1303), and goes on without it', async () => {
    await under('killed', async () => await kafka.kill(1));
    await kafka.restart(1);
  });

  it('of which the first bootstrap broker is away is reached by the others', async () => {
    await kafka.kill(1);
    const sink = openSink({ brokers: kafka.brokers, topic: 'killed' });
    for (let i = 0; i < 3; i++) {
      const connection = await sink.connect(AbortSignal.timeout(10_000));
      // Until the others have noticed, a write is not confirmed by all that count as in sync.
      await eventually(async () => await (await sink.connect()).write([message(1)], AbortSignal.timeout(10_000)));
      await connection.close();
    }
    await kafka.restart(1);
  });
});
