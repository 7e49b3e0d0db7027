/** The service beside a RabbitMQ that is killed, stops its application, raises alarms, or refuses: everything arrives, once it can. */
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { describeOwn, Rabbitmq, type RabbitmqNode } from '../brokers/index.ts';
import { configuration, judge, Service, sleep } from './support.ts';

let rabbitmq: Rabbitmq;
let node: RabbitmqNode;
let queue: string;
let turn = 0;
beforeAll(async () => {
  rabbitmq = await Rabbitmq.start();
  node = rabbitmq.first;
});
afterAll(async () => {
  await rabbitmq.close();
});
beforeEach(() => {
  queue = `telemetry${++turn}`;
});

const service = (more = '', change = (yaml: string): string => yaml): Service =>
  new Service(
    change(
      configuration([
        `r: { timeout: 3s, type: rabbitmq, hosts: ["127.0.0.1:${node.port}"], queue_name: ${queue}, queue_type: classic, declare: create, drain: { rate: 1000 }${more} }`,
      ]),
    ),
  );

const arrives = async (running: Service, verdict?: string): Promise<void> =>
  await judge(running, 'r', `${node.url}?queue=${queue}`, verdict);

describeOwn('RabbitMQ', 'a service beside RabbitMQ', () => {
  it('outlives a node that is killed', async () => {
    const running = service();
    await running.start();
    await sleep(1500);
    await node.kill();
    await running.says('the breaker opens');
    await node.restart();
    await running.says('the sink works again');
    await arrives(running);
  });

  it('outlives a node that hangs for longer than every deadline', async () => {
    const running = service();
    await running.start();
    await running.until('r', ({ ledger }) => ledger.delivered > 0);
    node.freeze();
    onTestFinished(() => node.thaw());
    await running.says('took longer than');
    await running.says('the breaker opens');
    node.thaw();
    await running.says('the sink works again');
    await arrives(running);
  });

  it('outlives an application that is stopped, and connections that are closed by force', async () => {
    const running = service();
    await running.start();
    await sleep(1500);
    await node.stopApp();
    await running.says('the breaker opens');
    await node.startApp();
    await running.says('the sink works again');
    await node.ctl('close_all_connections', 'maintenance');
    await arrives(running);
  });

  it('waits while there is a memory alarm, and takes it for no failure', async () => {
    const running = service();
    await running.start();
    await sleep(1500);
    await node.memoryAlarm(true);
    await running.says('the broker asks to wait');
    // Longer than every deadline.
    await sleep(5000);
    await node.memoryAlarm(false);
    await running.says('the broker takes events again');
    await arrives(running);
    expect(running.log).not.toContain('the breaker opens');
  });

  it('keeps what is too large as dead letters, tells of it, and goes on', async () => {
    const large = `sensors:\n  large: { type: load, labels: { pad: ${'x'.repeat(1000)} } }`;
    const running = service(', max_message_bytes: 1KiB', (yaml) => yaml.replace('sensors:', large));
    await running.start();
    await running.says('kept as a dead letter', 5);
    await arrives(running, 'explained');
  });
});
