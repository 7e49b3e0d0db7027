/** The service on a spool whose disk failed: files cut, changed or removed while it was stopped, and a disk that is full while it runs. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { describeShared, Proxy, sharedKafka } from '../brokers/index.ts';
import { configuration, Service, sleep, verify } from './support.ts';

interface Outage {
  readonly running: Service;
  readonly proxy: Proxy;
  readonly source: string;
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
  return { running, proxy, source: `kafka://${brokers.join(',')}/${topic}`, data: join(running.state, 'spool', 'k', 'data') };
}

/** What arrives when Kafka is there again. */
async function arrives({ running, proxy, source }: Outage) {
  await proxy.refuse(false);
  if (running.log.includes('the breaker opens')) await running.says('the sink works again');
  await sleep(4000);
  await running.stop();
  await proxy.close();
  return await verify(source, '--over');
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

describeShared('Kafka', 'a spool that was damaged while the service was stopped', () => {
  it.each([
    ['its log is cut', (data: string) => filesOf(data, '.log').forEach((file) => truncateSync(file, statSync(file).size >> 1))],
    ['bits of its files are flipped', (data: string) => [...filesOf(data, '.log'), ...filesOf(data, '.ldb')].forEach(flip)],
    ['the file that names the others is gone', (data: string) => rmSync(join(data, 'CURRENT'))],
    ['all of it is gone', (data: string) => rmSync(data, { recursive: true })],
  ])('gives back what is intact, and tells what is lost, when %s', async (_, damage) => {
    const away = await outage();
    await sleep(3000);
    await away.running.stop();
    damage(away.data);
    await away.running.start();
    const { report } = await arrives(away);
    // What was not on disk any more is missing or told; what arrived is in order, and the new run is whole.
    expect(report.streams.length).toBeGreaterThan(0);
    for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0 });
    expect(report.streams.at(-1)).toMatchObject({ unexplained: 0 });
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
