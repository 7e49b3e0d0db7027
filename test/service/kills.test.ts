/**
 * The service killed again and again under load. With `always` nothing is lost and order is kept; with `on_failure` nothing is that was
 * accepted longer ago than `spool_after`, and what is lost is told.
 */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeShared, sharedKafka } from '../brokers/index.ts';
import { Random } from '../delivery/simulation/random.ts';
import { SEED } from '../events.ts';
import { configuration, Service, sleep, verify } from './support.ts';

const KILLS = 50;

async function killed(times: number, sink: (brokers: string, topic: string) => string): Promise<string> {
  const { brokers, admin } = await sharedKafka();
  const topic = `kills-${randomUUID()}`;
  await admin.createTopic(topic, { partitions: 1 });
  const random = new Random(SEED);
  const service = new Service(configuration([sink(brokers.join(', '), topic)]));
  for (let i = 0; i < times; i++) {
    await service.start();
    await sleep(random.below(600));
    await service.kill();
  }
  await service.start();
  await sleep(2500);
  await service.stop();
  return `kafka://${brokers.join(',')}/${topic}`;
}

describeShared('Kafka', `killed at random moments (SEED=${SEED})`, () => {
  it(`loses nothing in ${KILLS} kills, when everything is on disk first`, { timeout: 600_000 }, async () => {
    const source = await killed(
      KILLS,
      (brokers, topic) => `k: { type: kafka, brokers: ["${brokers}"], topic: ${topic}, spool: { mode: always, fsync: never } }`,
    );
    const { code, report } = await verify(source, '--over');
    expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0, lost: {} });
  });

  it('tells what it lost, when events wait in memory', { timeout: 300_000 }, async () => {
    const source = await killed(
      10,
      (brokers, topic) => `k: { type: kafka, brokers: ["${brokers}"], topic: ${topic}, spool: { mode: on_failure } }`,
    );
    const { code, report } = await verify(source, '--over');
    expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
  });
});
