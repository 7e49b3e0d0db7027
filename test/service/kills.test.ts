/**
 * The service killed again and again under load. With `always` nothing is lost and order is kept; with `on_failure` nothing is that was
 * accepted longer ago than `spool_after`, and what is lost is told.
 */
import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { describeShared, Proxy, sharedKafka, sharedRabbitmq } from '../brokers/index.ts';
import { Random } from '../delivery/simulation/random.ts';
import { SEED } from '../events.ts';
import { readTopic } from '../kafka/read.ts';
import { adminOf, freshName, optionsFor, takeAll } from '../rabbitmq/support.ts';
import { configuration, onDisk, Service, sleep, verify } from './support.ts';

const KILLS = 50;
const ROUNDS = 3;

/** Kills a service at random moments; then lets it deliver what is left. */
async function killed(times: number, sink: (brokers: string, topic: string) => string) {
  const { brokers, admin } = await sharedKafka();
  const topic = `kills-${randomUUID()}`;
  await admin.createTopic(topic, { partitions: 1 });
  const random = new Random(SEED);
  const service = new Service(configuration([sink(brokers.join('", "'), topic)]));
  const kept = new Set<string>();
  for (let i = 0; i < times; i++) {
    await service.start();
    // From then on there is a spool to look into.
    if (i === 0) await service.until('k', ({ spool }) => spool?.ready === true);
    await sleep(random.below(600));
    await service.kill();
    for (const seq of await onDisk(service, 'k')) kept.add(seq);
  }
  await service.start();
  await service.drained('k');
  await service.stop();
  const { code, report } = await verify(`kafka://${brokers.join(',')}/${topic}`, '--over');
  expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
  // `verify` cannot miss what was behind the last that arrived of a run.
  const [records = 0] = await admin.offsets(topic);
  const arrived = new Set((await readTopic(brokers, topic, records)).map(({ headers }) => headers['tidegate-seq']));
  expect([...kept].filter((seq) => !arrived.has(seq))).toEqual([]);
  return { report, kept };
}

describeShared('Kafka', `killed at random moments (SEED=${SEED})`, () => {
  it(`loses nothing in ${KILLS} kills, when everything is on disk first`, { timeout: 600_000 }, async () => {
    const { report, kept } = await killed(
      KILLS,
      (brokers, topic) => `k: { type: kafka, brokers: ["${brokers}"], topic: ${topic}, spool: { mode: always, fsync: never } }`,
    );
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0, lost: {} });
    expect(kept.size).toBeGreaterThan(0);
  });

  it('tells what it lost, when events wait in memory', { timeout: 300_000 }, async () => {
    const { report } = await killed(
      10,
      (brokers, topic) => `k: { type: kafka, brokers: ["${brokers}"], topic: ${topic}, spool: { mode: on_failure } }`,
    );
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
  });
});

describeShared('RabbitMQ', 'killed while confirmations do not come', () => {
  it('has lost nothing that had waited for spool_after, and tells of the rest', { timeout: 600_000 }, async () => {
    const { url } = await sharedRabbitmq();
    const { channel } = await adminOf(url);
    const { hosts, ...login } = optionsFor(url);
    const proxy = await Proxy.start((hosts as string[])[0]);
    onTestFinished(async () => await proxy.close());
    for (let round = 0; round < ROUNDS; round++) {
      const queue = freshName('kills');
      await channel.assertQueue(queue, { durable: true });
      const options = { ...login, type: 'rabbitmq', hosts: [proxy.address], queue_name: queue, timeout: '60s', heartbeat: '60s' };
      const service = new Service(configuration([`r: ${JSON.stringify({ ...options, spool: { spool_after: '1s' } })}`]));
      await service.start();
      await service.until('r', ({ ledger }) => ledger.delivered > 0);
      proxy.stall(true, 'down');
      // Nothing fails: what goes to disk does so because it has waited. It counts as spooled when it begins to, and the next only after that.
      const due = (await service.sink('r')).ledger.published;
      let first = 0;
      await service.until('r', ({ ledger: { delivered, spooled } }) => {
        if (first === 0 && delivered + spooled >= due) first = delivered + spooled;
        return first > 0 && delivered + spooled > first;
      });
      expect(service.log).not.toContain('the sink fails');
      await service.kill();
      proxy.stall(false);
      await service.start();
      await service.drained('r');
      await service.stop();
      const { code, report } = await verify(`${url}?queue=${queue}`, '--over');
      expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
      for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
      expect(report.notices).toBeGreaterThan(0);
      const seqs = (await takeAll(channel, queue)).map(({ properties }) => String(properties.headers?.['tidegate-seq']));
      const [arrived, [run]] = [new Set(seqs), (seqs[0] as string).split('/')];
      const missing = Array.from({ length: due }, (_, i) => `${run}/0/${i + 1}`).filter((seq) => !arrived.has(seq));
      expect(missing).toEqual([]);
      await channel.deleteQueue(queue);
    }
  });
});
