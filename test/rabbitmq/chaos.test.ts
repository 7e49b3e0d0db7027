/**
 * The sink `rabbitmq` over a network that fails at random: four lanes over two connections, which are cut, cut in the middle of a frame, stalled in one
 * direction or both, refused; deadlines that are too short. Whatever happens, a consumer that removes repeats sees each lane whole and in order.
 * The order of faults comes from a seed, their moments from the machine: a seed that failed fails again often, not always.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import type { BrokerConnection, Message } from '../../src/broker.ts';
import { SinkError } from '../../src/errors.ts';
import { describeShared, Proxy, sharedRabbitmq } from '../brokers/index.ts';
import type { Direction } from '../brokers/proxy.ts';
import { SEED } from '../events.ts';
import { adminOf, freshName, idsIn, idsOf, messageOf, type Opened, openSink, optionsFor, withoutRepeats } from './support.ts';

const LANES = 4;
const EVENTS = 1500;
const FAULTS_MIN = 5;

/** Numbers from 0 to below 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const upTo = (random: () => number, max: number): number => Math.floor(random() * max);

/** What delivery does with one lane: a batch again until it is confirmed, without what is, on a new connection after each failure. */
async function deliverLane(opened: Opened, events: readonly Message[], random: () => number): Promise<void> {
  let connection: BrokerConnection | undefined;
  for (let next = 0; next < events.length; ) {
    const size = 1 + upTo(random, 400);
    let rest = events.slice(next, next + size);
    next += size;
    while (rest.length > 0) {
      const signal = AbortSignal.timeout(300 + upTo(random, 2000));
      try {
        connection ??= await opened.broker.connect(signal);
        await connection.write(rest, signal);
        rest = [];
      } catch (error) {
        if (!(error instanceof SinkError) || error.code !== 'transient') throw error;
        rest = rest.filter((_, index) => !error.confirmed?.has(index));
        await connection?.close();
        connection = undefined;
        await sleep(20);
      }
    }
  }
  await connection?.close();
}

/** One fault of the network, and its end. */
async function fault(proxy: Proxy, random: () => number): Promise<void> {
  const kind = upTo(random, 4);
  if (kind === 0) return proxy.cut();
  if (kind === 1) return proxy.cutAfter(upTo(random, 200_000), random() < 0.5 ? 'up' : 'down');
  if (kind === 2) {
    proxy.stall(true, [undefined, 'up', 'down'][upTo(random, 3)] as Direction | undefined);
    await sleep(upTo(random, 2000));
    return proxy.stall(false);
  }
  await proxy.refuse(true);
  await sleep(upTo(random, 300));
  await proxy.refuse(false);
}

describeShared('RabbitMQ', 'rabbitmq, over a network that fails at random', () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await sharedRabbitmq());
  });

  it(`loses nothing and keeps the order of each lane (seed ${SEED})`, async () => {
    const random = randomOf(SEED);
    const { channel } = await adminOf(url);
    const queue = freshName('queue');
    await channel.assertQueue(queue, { durable: true });
    const proxy = await Proxy.start((optionsFor(url)['hosts'] as [string])[0]);
    onTestFinished(async () => {
      await proxy.close();
      await channel.deleteQueue(queue);
    });
    const few = { connections: 2, connect_timeout: '1s', heartbeat: '1s', window: 1 + upTo(random, 300) };
    const opened = openSink({ ...optionsFor(url), hosts: [proxy.address], queue_name: queue, ...few });
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      Array.from({ length: EVENTS }, (_, n) =>
        messageOf(n, { id: `${lane}/${n}`, lane, body: Buffer.alloc(upTo(() => random() ** 4, 20_000)) }),
      ),
    );
    let delivering = true;
    let faults = 0;
    const failing = (async () => {
      // However fast the machine is, there are some.
      for (; delivering || faults < FAULTS_MIN; faults++) {
        await fault(proxy, random);
        await sleep(upTo(random, 500));
      }
    })();
    await Promise.all(lanes.map(async (events) => await deliverLane(opened, events, random))).finally(() => {
      delivering = false;
    });
    await failing;
    // What a stalled proxy still held of calls that were given up may come late, as repeats.
    await opened.broker.close();
    await proxy.close();
    const ids = withoutRepeats(await idsIn(channel, queue));
    for (const [lane, events] of lanes.entries()) {
      expect(
        ids.filter((id) => id.startsWith(`${lane}/`)),
        `lane ${lane}`,
      ).toEqual(idsOf(events));
    }
  });
});
