/** `tidegate verify` against a real RabbitMQ: what a sink would have sent is in a queue, and the command judges it. */
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { openRabbitmq } from '../../src/verify/rabbitmq.ts';
import { describeShared, sharedRabbitmq } from '../brokers/index.ts';
import { tidegate } from '../cli/process-support.ts';
import { lostMessage, sent } from '../consumer/messages.ts';
import { propertiesOf } from '../rabbitmq/properties.ts';
import { range, unique, verifyJson } from './support.ts';

describeShared('RabbitMQ', 'verify amqp://', () => {
  let base = '';
  let model: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    base = (await sharedRabbitmq()).url;
    model = await connect(base);
  });
  afterAll(async () => await model.close());

  const url = (queue: string): string => {
    const at = new URL(base);
    at.searchParams.set('queue', queue);
    return at.href;
  };
  async function filled(messages: readonly Message[], type = 'classic'): Promise<string> {
    const queue = unique('verify');
    const channel = await model.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
    for (const message of messages) channel.sendToQueue(queue, message.body, propertiesOf(message));
    await channel.waitForConfirms();
    await channel.close();
    return queue;
  }
  async function count(queue: string): Promise<number> {
    const channel = await model.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    await channel.close();
    return messageCount;
  }

  it.each(['classic', 'quorum'])('reads a %s queue and leaves it as it was', async (type) => {
    const queue = await filled(
      [...range(1, 2500).map((n) => sent(n)), lostMessage([{ first: 2501, last: 2510 }]), sent(2511)],
      type,
    );
    for (let again = 0; again < 2; again++) {
      expect(await verifyJson([url(queue)])).toMatchObject({
        code: 0,
        verdict: 'explained',
        events: 2501,
        repeats: 0,
        totals: { arrived: 2501, lost: 10, disorder: 0 },
      });
    }
    await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(2502);
  });

  it('takes what it read out of the queue when it is told to', async () => {
    const queue = await filled(range(1, 1200).map((n) => sent(n)));
    expect(await verifyJson([url(queue), '--drain'])).toMatchObject({ code: 0, verdict: 'complete', events: 1200 });
    expect(await count(queue)).toBe(0);
    expect(await verifyJson([url(queue)])).toMatchObject({ code: 66, verdict: 'empty' });
  });

  it.each(['classic', 'quorum'])('reads more of a %s queue than one consumer may hold', async (type) => {
    const queue = await filled(
      range(1, 1050).map((n) => sent(n)),
      type,
    );
    // Twice, for what was read must be back in its order.
    for (let again = 0; again < 2; again++) {
      await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(1050);
      const reading = await openRabbitmq({ url: base, queue }, { drain: false, window: 100 });
      const came: (string | undefined)[] = [];
      try {
        await reading.read(
          ({ seq }) => came.push(seq),
          () => {},
          new AbortController().signal,
        );
      } finally {
        await reading.close();
      }
      expect(reading.whole()).toBe(true);
      expect(came).toEqual(range(1, 1050).map((n) => `r1/0/${n}`));
    }
  });

  it('is told the limit of a queue that throws away what comes back too often, and stops at half of it', async () => {
    const queue = await filled(
      range(1, 50).map((n) => sent(n)),
      'quorum',
    );
    const limit = ['--delivery-limit', '2'];
    expect(await verifyJson([url(queue), ...limit])).toMatchObject({ code: 0, verdict: 'complete', events: 50 });
    await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(50);
    const refused = await tidegate(['verify', url(queue), ...limit]);
    expect(refused).toMatchObject({ code: 69, out: '', err: expect.stringContaining('came back 1 times') as string });
    expect(refused.err).toContain('--drain');
    await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(50);
    expect(await verifyJson([url(queue), ...limit, '--drain'])).toMatchObject({ verdict: 'complete', events: 50 });
    expect(await tidegate(['verify', url(queue), '--delivery-limit', 'x'])).toMatchObject({ code: 64 });
  });

  it('loses nothing, however often it reads a quorum queue', async () => {
    const queue = await filled(
      range(1, 3).map((n) => sent(n)),
      'quorum',
    );
    const read = async (): Promise<string> => {
      await expect.poll(async () => await count(queue), { timeout: 20_000 }).toBe(3);
      const reading = await openRabbitmq({ url: base, queue }, { drain: false });
      const ignore = (): void => {};
      const reads = reading.read(ignore, ignore, new AbortController().signal);
      const why = await reads.then(() => '', String);
      await reading.close();
      return why;
    };
    const said: string[] = [];
    // RabbitMQ 4 throws away what comes back for the 21st time.
    while (said.length < 22 && (said.at(-1) ?? '') === '') said.push(await read());
    const { version } = (model.connection as unknown as { serverProperties: { version: string } }).serverProperties;
    const refused = said.filter((why) => why.includes('--delivery-limit'));
    expect(refused.length).toBe(version.startsWith('3.') ? 0 : 1);
  });

  it('finds what is missing and out of order', async () => {
    const queue = await filled([1, 2, 5, 4, 7].map((n) => sent(n)));
    expect(await verifyJson([url(queue)])).toMatchObject({
      code: 1,
      totals: { unexplained: 2, disorder: 1 },
      streams: [
        {
          holes: [
            { first: 3, last: 3 },
            { first: 6, last: 6 },
          ],
        },
      ],
    });
  });

  it('says that another consumer has some of it', async () => {
    const queue = await filled(range(1, 10).map((n) => sent(n)));
    const channel = await model.createChannel();
    await channel.prefetch(4);
    await channel.consume(queue, () => {});
    await expect.poll(async () => await count(queue)).toBe(6);
    const found = await verifyJson([url(queue)]);
    // It holds the first four, which are missing here.
    expect(found).toMatchObject({ code: 1, verdict: 'faulty', totals: { arrived: 6, unexplained: 4 } });
    expect(found.remarks.join(' ')).toContain('1 other consumers');
    await channel.close();
  });

  it('does not take for whole what another consumer took meanwhile', async () => {
    const queue = await filled(range(1, 10).map((n) => sent(n)));
    const reading = await openRabbitmq({ url: base, queue }, { drain: false });
    const channel = await model.createChannel();
    for (let n = 1; n <= 4; n++) await channel.get(queue, { noAck: true });
    const came: (string | undefined)[] = [];
    await reading.read(
      ({ seq }) => came.push(seq),
      () => {},
      new AbortController().signal,
    );
    await reading.close();
    await channel.close();
    expect(came).toEqual(range(5, 10).map((n) => `r1/0/${n}`));
    expect(reading.whole()).toBe(false);
    expect(reading.remarks().join(' ')).toContain('4 of the 10 messages did not come');
  });

  it('says that there is no such queue, or virtual host, or user', async () => {
    const missing = await tidegate(['verify', url('nothing-here')]);
    expect(missing).toMatchObject({ code: 66, out: '' });
    expect(missing.err).toContain('there is no queue nothing-here');
    const at = new URL(url('nothing-here'));
    at.pathname = '/no-such-vhost';
    expect(await tidegate(['verify', at.href])).toMatchObject({
      code: 69,
      err: expect.stringContaining('no-such-vhost') as string,
    });
    at.pathname = '';
    at.password = 'wrong';
    const refused = await tidegate(['verify', at.href]);
    expect(refused).toMatchObject({ code: 69, err: expect.stringContaining('403') as string });
    expect(refused.err).not.toContain('wrong@');
  });
});

describe('verify where nobody listens', () => {
  it.each(['kafka://127.0.0.1:1/t', 'amqp://guest:guest@127.0.0.1:1/?queue=q'])(
    '%s is said to be unreachable',
    async (source) => {
      const { code, out, err } = await tidegate(['verify', source]);
      expect({ code, out }).toEqual({ code: 69, out: '' });
      expect(err).toContain('is a broker running there');
    },
  );
});
