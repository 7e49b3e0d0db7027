/** What an operator gets wrong about brokers and spools: a clear word that says what to do, and the data kept. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeShared, sharedKafka, sharedRabbitmq } from '../brokers/index.ts';
import { tidegate } from '../cli/process-support.ts';
import { temporaryFolder } from '../temporary.ts';
import { configuration, judge, Service } from './support.ts';

it('a rate of 0 is refused, with what it would mean', async () => {
  const file = join(temporaryFolder(), 'tidegate.yaml');
  writeFileSync(file, configuration(['k: { type: kafka, brokers: ["127.0.0.1:9092"], topic: t, drain: { rate: 0 } }'], 1));
  const { code, err } = await tidegate(['check', '-c', file]);
  expect(code).toBe(78);
  expect(err).toMatch(/tidegate\.yaml:\d+:\d+: sinks\.k\.drain\.rate: expected auto, or events a second above 0/);
  expect(err).toMatch(/spool SINK pause/);
});

describeShared('Kafka', 'a Kafka that is not as the configuration says', () => {
  it('an unknown topic is said, with what to do; the events are kept until it is there', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = `absent-${randomUUID()}`;
    const running = new Service(
      configuration([`k: { type: kafka, brokers: ["${brokers.join('", "')}"], topic: ${topic}, backoff: { max: 1s } }`]),
    );
    await running.start();
    await running.says('"code":"misconfigured"');
    expect(running.log).toMatch(new RegExp(`${topic}.*create_topics`));
    await running.until('k', ({ ledger }) => ledger.spooled > 0);
    await admin.createTopic(topic);
    await running.says('the sink works again');
    await judge(running, 'k', `kafka://${brokers.join(',')}/${topic}`);
  });

  it('a second instance with the same state folder is refused, with what to do, and the first loses nothing', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = `locked-${randomUUID()}`;
    await admin.createTopic(topic);
    const yaml = configuration([`k: { type: kafka, brokers: ["${brokers.join('", "')}"], topic: ${topic} }`]);
    const first = new Service(yaml);
    await first.start();
    const file = join(temporaryFolder(), 'tidegate.yaml');
    writeFileSync(file, yaml);
    const second = await tidegate(['--state', first.state, 'run', '-c', file]);
    expect(second).toMatchObject({ code: 69, err: expect.stringMatching(/--state/) });
    await judge(first, 'k', `kafka://${brokers.join(',')}/${topic}`);
  });

  it('a spool of a newer release is refused, and kept', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = `newer-${randomUUID()}`;
    const running = new Service(
      configuration([`k: { type: kafka, brokers: ["${brokers.join('", "')}"], topic: ${topic}, backoff: { max: 1s } }`]),
    );
    await running.start();
    await running.until('k', ({ ledger }) => ledger.spooled > 0);
    await running.stop();
    const { left } = running.account('k');
    expect(left).toBeGreaterThan(0);
    const format = join(running.state, 'spool', 'k', 'format');
    writeFileSync(format, '99\n');
    await running.start();
    await running.says('"msg":"the spool fails');
    expect(running.log).toMatch(/format 99.*run the release that wrote it/);
    await running.stop();
    writeFileSync(format, '1\n');
    await admin.createTopic(topic);
    await running.start();
    await running.until('k', ({ ledger }) => ledger.delivered >= left);
    await judge(running, 'k', `kafka://${brokers.join(',')}/${topic}`);
  });
});

describeShared('RabbitMQ', 'a RabbitMQ that is not as the configuration says', () => {
  it('wrong credentials are said loudly, never shown, and the events are kept until they are right', async () => {
    const { host } = new URL((await sharedRabbitmq()).url.replace('amqp:', 'http:'));
    const queue = `credentials-${randomUUID()}`;
    const sink = (password: string): string =>
      `r: { type: rabbitmq, hosts: ["${host}"], user: guest, password: ${password}, queue_name: ${queue}, queue_type: classic, declare: create, backoff: { max: 1s } }`;
    const running = new Service(configuration([sink('wr0ng-secret')]));
    await running.start();
    await running.says('"code":"misconfigured"');
    expect(running.log).not.toContain('wr0ng-secret');
    running.configure(configuration([sink('guest')]));
    running.reload();
    await running.says('the sink works again');
    await judge(running, 'r', `amqp://guest:guest@${host}/?queue=${queue}`);
  });
});
