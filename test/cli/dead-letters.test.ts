/** Dead letters of a real RabbitMQ's sink: looked at, sent again once the limit was raised, live and offline, and accounted for at the far end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel } from 'amqplib';
import { expect, it } from 'vitest';
import { decodeEvent } from '../../src/consumer.ts';
import { describeShared, sharedRabbitmq } from '../brokers/index.ts';
import { adminOf, freshName, optionsFor, takeAll } from '../rabbitmq/support.ts';
import { verify } from '../service/support.ts';
import { type Started, start, tidegate, until, workplace } from './process-support.ts';

/** Longer than the least limit that a sink may have, 1 KiB. */
const NOTE = 'n'.repeat(1000);

interface Place {
  readonly state: string;
  readonly queue: string;
  readonly url: string;
  readonly channel: Channel;
  configure(limit: string, more?: string): void;
  start(): Promise<Started>;
}

async function place(): Promise<Place> {
  const { url } = await sharedRabbitmq();
  const { channel } = await adminOf(url);
  const queue = freshName('dead-letters');
  await channel.assertQueue(queue);
  const { machine, work, state } = workplace();
  const file = join(work, 'tidegate.yaml');
  return {
    state,
    queue,
    url,
    channel,
    configure: (limit, more = '') => {
      const sink = JSON.stringify({ type: 'rabbitmq', ...optionsFor(url), queue_name: queue, max_message_bytes: limit });
      const big = `big: { type: load, labels: { note: ${NOTE}, more: ${NOTE} }${more} }`;
      writeFileSync(file, `interval: 200ms\nsensors:\n  small: { type: load }\n  ${big}\nsinks:\n  broker: ${sink}\n`);
    },
    async start() {
      const service = start(['--state', state, 'run', '--host', machine, '-c', file]);
      await until('ran', () => service.written.err.includes('"msg":"runs"'), service);
      return service;
    },
  };
}

const spool = async (state: string, ...args: string[]): Promise<Record<string, unknown>[]> => {
  const { code, out, err } = await tidegate(['--state', state, 'spool', 'broker', ...args, '--format', 'json']);
  if (code !== 0) throw new Error(err);
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

/** Waits until there are so many dead letters, and lists them. */
async function deadLetters(state: string, least: number): Promise<Record<string, unknown>[]> {
  for (let tries = 0; tries < 60; tries++) {
    const dead = await spool(state, 'list', '--dead', '--limit', '0');
    if (dead.length >= least) return dead;
  }
  throw new Error(`there were never ${least} dead letters`);
}

/** Waits until the running service has nothing spooled any more. */
async function drained(state: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) if ((await spool(state))[0]?.['events'] === 0) return;
  throw new Error('the spool never emptied');
}

async function stop({ child, ended }: Started): Promise<string> {
  child.kill('SIGTERM');
  const { code, err } = await ended;
  expect(code).toBe(0);
  return err;
}

describeShared('RabbitMQ', 'dead letters', () => {
  it('are shown with their reason, forgotten, and sent again by the running service', async () => {
    const { state, queue, url, channel, configure, start } = await place();
    configure('1KiB');
    const service = await start();
    const [first] = await deadLetters(state, 3);
    expect(first).toMatchObject({
      number: 0,
      type: 'system.cpu.load_average',
      sensor: 'big',
      reason: expect.stringMatching(/max_message_bytes/),
    });
    expect((await spool(state, 'show', '0'))[0]).toMatchObject({ event: { labels: { note: NOTE } } });
    expect(await spool(state, 'discard', '0')).toEqual([{ action: 'discard', source: 'service', events: 1, missing: 0 }]);

    // Reasons that differ in names and numbers alone are told as one.
    expect((await spool(state))[0]).toMatchObject({
      dead: { reasons: [{ reason: expect.stringMatching(/^the event … has … bytes/) }] },
    });

    configure('1MiB', ', enabled: false');
    service.child.kill('SIGHUP');
    await until('reloaded', () => service.written.err.includes('the configuration is reloaded'), service);
    const dead = await deadLetters(state, 2);
    expect(dead.map(({ number }) => number)).not.toContain(0);
    expect(await spool(state, 'retry', '--all')).toEqual([
      { action: 'retry', source: 'service', events: dead.length, missing: 0 },
    ]);
    expect(await spool(state, 'list', '--dead')).toEqual([]);
    const said = await stop(service);
    const last = said.split('\n').find((line) => line.includes('"msg":"stopped"')) ?? '';
    expect(JSON.parse(last)).toMatchObject({ dead_lettered: 0, spooled: 0, dropped: { discarded: 1 } });

    const { code, report } = await verify(`${url}?queue=${queue}`);
    expect(code).toBe(0);
    expect(report).toMatchObject({ verdict: 'explained' });
    const ids = (await takeAll(channel, queue)).map(({ content }) => decodeEvent(content)).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(dead.map(({ id }) => id)));
    expect(ids).not.toContain(first?.['id']);
    await channel.deleteQueue(queue);
  });

  it('are sent again at the next start, when nobody runs', async () => {
    const { state, queue, url, channel, configure, start } = await place();
    configure('1KiB');
    const service = await start();
    await deadLetters(state, 3);
    await stop(service);
    const dead = await spool(state, 'list', '--dead', '--limit', '0');
    const [kept, again] = [dead[0], dead.slice(1)];
    const numbers = again.map(({ number }) => String(number));
    expect(await spool(state, 'retry', ...numbers, '99999')).toEqual([
      { action: 'retry', source: 'folder', events: again.length, missing: 1 },
    ]);
    expect((await spool(state))[0]).toMatchObject({ events: again.length, dead: { events: 1 } });
    expect((await spool(state, 'list')).map(({ id }) => id)).toEqual(again.map(({ id }) => id));

    configure('1MiB', ', enabled: false');
    const next = await start();
    await drained(state);
    await stop(next);
    const { code, report } = await verify(`${url}?queue=${queue}`);
    expect({ code, report }).toMatchObject({ code: 0, report: { verdict: 'explained' } });
    const ids = (await takeAll(channel, queue)).map(({ content }) => decodeEvent(content)).map(({ id }) => id);
    expect(ids.filter((id) => again.some((item) => item['id'] === id))).toEqual(again.map(({ id }) => id));
    expect(ids).not.toContain(kept?.['id']);
    await channel.deleteQueue(queue);
  });
});
