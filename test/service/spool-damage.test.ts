/** The service on a spool whose disk failed: files cut, changed or removed while it was stopped, and a disk that is full while it runs. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { describeShared, Proxy, sharedKafka } from '../brokers/index.ts';
import { readTopic } from '../kafka/read.ts';
import { configuration, onDisk, Service, sleep, verify } from './support.ts';

interface Outage {
  readonly running: Service;
  readonly proxy: Proxy;
  readonly topic: string;
  readonly data: string;
}

/** A service whose Kafka cannot be reached, with a few seconds of events in its spool. */
async function outage(state?: string): Promise<Outage> {
  const { brokers, admin } = await sharedKafka();
  const topic = `damage-${randomUUID()}`;
  await admin.createTopic(topic);
  // Kafka tells its own address, so the way to it is closed by a proxy before a port where nobody listens.
  const proxy = await Proxy.start(brokers[0]);
  await proxy.refuse(true);
  const sink = (address: string): string =>
    `k: { type: kafka, brokers: ["${address}"], topic: ${topic}, spool: { min_free: 0 }, queue: { max_events: 2000 } }`;
  const running = new Service(configuration([sink(proxy.address)]), state);
  await running.start();
  await running.says('the breaker opens');
  return { running, proxy, topic, data: join(running.state, 'spool', 'k', 'data') };
}

/** What arrives when Kafka is there again: the account of it, and the sequences. */
async function arrives({ running, proxy, topic }: Outage) {
  await proxy.refuse(false);
  await running.drained('k');
  await running.stop();
  await proxy.close();
  const { brokers, admin } = await sharedKafka();
  const { code, report } = await verify(`kafka://${brokers.join(',')}/${topic}`, '--over');
  const [records = 0] = await admin.offsets(topic);
  const arrived = new Set((await readTopic(brokers, topic, records)).map(({ headers }) => headers['tidegate-seq']));
  return { code, report, arrived };
}

const filesOf = (data: string, end: string): string[] =>
  readdirSync(data)
    .filter((file) => file.endsWith(end))
    .map((file) => join(data, file));

function flip(file: string): void {
  const bytes = readFileSync(file);
  for (let at = 1000; at < bytes.length; at += 40_000) bytes[at] = (bytes[at] as number) ^ 0x10;
  writeFileSync(file, bytes);
}

interface Damage {
  readonly how: string;
  readonly damage: (data: string) => void;
  /** How much of what was on disk must arrive, as a share. */
  readonly keeps: number;
  /** What the service says of it; nothing where it looks like a kill. */
  readonly says?: string;
}

const DAMAGES: readonly Damage[] = [
  {
    how: 'its log is cut',
    damage: (data) => filesOf(data, '.log').forEach((file) => truncateSync(file, statSync(file).size >> 1)),
    keeps: 0.2,
  },
  {
    how: 'bits of its files are flipped',
    damage: (data) => [...filesOf(data, '.log'), ...filesOf(data, '.ldb')].forEach(flip),
    keeps: 0,
    says: 'was damaged',
  },
  {
    how: 'the file that names the others is gone',
    damage: (data) => rmSync(join(data, 'CURRENT')),
    keeps: 1,
    says: 'was damaged',
  },
];

describeShared('Kafka', 'a spool that was damaged while the service was stopped', () => {
  async function stopped(): Promise<Outage & { before: string[] }> {
    const away = await outage();
    await away.running.until('k', ({ ledger }) => ledger.spooled > 1000);
    await away.running.stop();
    return { ...away, before: await onDisk(away.running, 'k') };
  }

  it.each(DAMAGES)('gives back what is intact, and tells what is lost, when $how', async ({ damage, keeps, says }) => {
    const { before, ...away } = await stopped();
    damage(away.data);
    await away.running.start();
    if (says) await away.running.says(says);
    const { code, report, arrived } = await arrives(away);
    expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
    expect(before.filter((seq) => arrived.has(seq)).length).toBeGreaterThanOrEqual(keeps * before.length);
  });

  it('begins anew when all of it is gone', async () => {
    const away = await stopped();
    rmSync(away.data, { recursive: true });
    await away.running.start();
    const { report } = await arrives(away);
    // Nobody is left who knows of what was before.
    expect(report.streams).toHaveLength(1);
    expect(report.streams[0]).toMatchObject({ outOfOrder: 0, unexplained: 0, lost: {} });
  });
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

describeShared('Kafka', 'a disk that is full while the service runs', () => {
  it.skipIf(!canMount)(
    `is no reason to end, and what was dropped is told${canMount ? '' : ' (skipped: only root may mount)'}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tidegate-full-'));
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tidegate', folder]).status).toBe(0);
      onTestFinished(() => {
        spawnSync('umount', ['-l', folder]);
        rmSync(folder, { recursive: true, force: true });
      });
      const away = await outage(folder);
      writeFileSync(join(folder, 'others'), Buffer.alloc(1));
      // Another program takes all that is left.
      spawnSync('sh', ['-c', `cat /dev/zero > ${join(folder, 'others')}`]);
      await away.running.says('the spool fails');
      await sleep(3000);
      rmSync(join(folder, 'others'));
      await away.running.says('the spool works again');
      const { code, report } = await arrives(away);
      expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict: expect.stringMatching(/^(complete|explained)$/) });
      for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
    },
  );
});
