/** `tidegate check --connect`: what each destination says. */
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeShared, sharedKafka, sharedRabbitmq } from '../brokers/index.ts';
import { adminOf, freshName, optionsFor } from '../rabbitmq/support.ts';
import { type Ended, serve, tidegate, until, workplace } from './process-support.ts';

async function check(sinks: Readonly<Record<string, object>>): Promise<Ended & { work: string }> {
  const { work, state } = workplace();
  const file = join(work, 'tidegate.yaml');
  writeFileSync(file, JSON.stringify({ sensors: { load: {} }, sinks }));
  return { ...(await tidegate(['--state', state, 'check', '--connect', '-c', file], { cwd: work })), work };
}

describe('check --connect', () => {
  it('opens a file, and says why another cannot be', async () => {
    const { code, out, work } = await check({
      good: { type: 'file', path: 'good.ndjson' },
      bad: { type: 'file', path: '/dev/null' },
    });
    expect(code).toBe(78);
    expect(out).toMatch(/^connected: good: good\.ndjson \(\d+ ms\)$/m);
    expect(out).toMatch(/^not connected: bad: \/dev\/null: .*use a sink of type console.*$/m);
    expect(existsSync(join(work, 'good.ndjson'))).toBe(true);
  });

  it('says that nobody answers, and gives up on one that never does', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const { code, out } = await check({
      gone: { type: 'rabbitmq', hosts: ['127.0.0.1:1'], exchange: 'e', user: 'u', password: 'very-secret' },
      silent: { type: 'rabbitmq', hosts: [`127.0.0.1:${port}`], exchange: 'e', timeout: '1s' },
    });
    expect(code).toBe(69);
    expect(out).toMatch(/^not connected: gone: rabbitmq at 127\.0\.0\.1:1, exchange e: .*ECONNREFUSED.*is it running/m);
    expect(out).toMatch(/^not connected: silent: .*took longer than 1000 ms/m);
    expect(out).not.toContain('very-secret');
  });

  it('says what a file lacks, where no folder can be made', async () => {
    const { code, out } = await check({ out: { type: 'file', path: '/proc/nothing/events.ndjson' } });
    expect(code).toBe(69);
    expect(out).toMatch(/^not connected: out: .*mkdir '\/proc.*make it writable, or name another place/m);
  });

  it('leaves a file to the service that writes to it', async () => {
    const { service, work, state } = serve(
      (folder) =>
        `interval: 100ms\nsensors: { load: {} }\nsinks:\n  archive: { type: file, path: ${join(folder, 'e.ndjson')} }\n`,
    );
    await until('wrote', () => existsSync(join(work, 'e.ndjson')), service);
    const { code, out } = await tidegate(['--state', state, 'check', '--connect', '-c', join(work, 'tidegate.yaml')]);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('(the running service writes to it)') });
    service.child.kill('SIGTERM');
    await service.ended;
  });
});

describeShared('RabbitMQ', 'check --connect to a RabbitMQ', () => {
  it('is in, or is told what is wrong', async () => {
    const { url } = await sharedRabbitmq();
    const { channel } = await adminOf(url);
    const queue_name = freshName('check');
    await channel.assertQueue(queue_name);
    const sink = { type: 'rabbitmq', ...optionsFor(url) };
    const good = await check({ broker: { ...sink, queue_name } });
    expect(good).toMatchObject({
      code: 0,
      out: expect.stringMatching(new RegExp(`connected: broker: rabbitmq at .*queue ${queue_name}`)),
    });
    const bad = await check({
      nowhere: { ...sink, exchange: 'not-there' },
      stranger: { ...sink, queue_name, user: 'u', password: 'wrong-one' },
    });
    expect(bad.code).toBe(78);
    expect(bad.out).toMatch(/not connected: nowhere: .*not-there/);
    expect(bad.out).toMatch(/not connected: stranger: /);
    expect(bad.out).not.toContain('wrong-one');
    await channel.deleteQueue(queue_name);
  });
});

describeShared('Kafka', 'check --connect to a Kafka', () => {
  it('is in, or is told that there is no such topic', async () => {
    const { brokers, admin } = await sharedKafka();
    const topic = freshName('check');
    await admin.createTopic(topic);
    const good = await check({ broker: { type: 'kafka', brokers, topic } });
    expect(good).toMatchObject({ code: 0, out: expect.stringContaining(`topic ${topic}`) });
    const bad = await check({ broker: { type: 'kafka', brokers, topic: freshName('not-there') } });
    expect(bad).toMatchObject({ code: 78, out: expect.stringContaining('not connected: broker: kafka at') });
  });
});
