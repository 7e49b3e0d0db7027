/** The service beside a Kafka that is away, killed, frozen, or behind a network that fails: everything arrives, once it can, in order. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeOwn, KafkaCluster, Proxy } from '../brokers/index.ts';
import { configuration, judge, Service, sleep } from './support.ts';

const TOPIC = 'outage';
/** Twice what comes in, so that the spool empties. */
const RATE = 1000;
const TIMEOUT = '{ timeout: 2s';

let proxy: Proxy;
let kafka: KafkaCluster;
beforeAll(async () => {
  proxy = await Proxy.start();
  kafka = await KafkaCluster.start({ advertise: [proxy.port] });
  proxy.forwardTo(kafka.direct[0] as string);
});
afterAll(async () => {
  await kafka.close();
  await proxy.close();
});
let topic = TOPIC;
let turn = 0;
beforeEach(async () => {
  topic = `${TOPIC}-${++turn}`;
  await kafka.admin.createTopic(topic, { partitions: 2 });
});

const service = (more = ''): Service =>
  new Service(
    configuration([
      `k: ${TIMEOUT}, type: kafka, brokers: ["${proxy.address}"], topic: ${topic}, drain: { rate: ${RATE} }${more} }`,
    ]),
  );

const arrives = async (running: Service): Promise<void> => await judge(running, 'k', `kafka://${kafka.direct[0]}/${topic}`);

/** Size of a folder, in bytes. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

describeOwn('Kafka', 'a service beside Kafka', () => {
  it('waits for one that is absent at its start', async () => {
    await proxy.refuse(true);
    const running = service();
    await running.start();
    await running.says('the breaker opens');
    await proxy.refuse(false);
    await running.says('the sink works again');
    await arrives(running);
  });

  it('outlives one that is killed, and keeps no more disk than before', async () => {
    const running = service();
    await running.start();
    await sleep(1000);
    const before = sizeOf(running.state);
    await kafka.kill();
    await running.says('the breaker opens');
    await sleep(3000);
    await kafka.restart();
    await running.says('the sink works again');
    await arrives(running);
    expect(sizeOf(running.state) - before).toBeLessThan(4 * 2 ** 20);
  });

  it('outlives one that hangs for longer than every deadline', async () => {
    const running = service();
    await running.start();
    await sleep(1000);
    kafka.freeze();
    await running.says('took longer than');
    await running.says('the breaker opens');
    kafka.thaw();
    await running.says('the sink works again');
    await arrives(running);
  });

  it('outlives a network that swallows everything, and one that resets connections', async () => {
    const running = service();
    await running.start();
    await sleep(1000);
    proxy.stall(true);
    await running.says('took longer than');
    proxy.stall(false);
    await running.says('the sink works again');
    for (let i = 0; i < 10; i++) {
      await sleep(150);
      proxy.cut();
    }
    await arrives(running);
  });

  it('spools the rest when it is stopped during an outage, and delivers it after its next start', async () => {
    const running = service();
    await running.start();
    await sleep(1000);
    await proxy.refuse(true);
    proxy.cut();
    await running.says('the breaker opens');
    await running.stop();
    await proxy.refuse(false);
    await running.start();
    await arrives(running);
  });
});
