/** What a consumer that uses the receiver sees: events once, losses, gaps, and bad messages that stop nothing. */
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/broker.ts';
import type { Loss } from '../../src/consumer/losses.ts';
import { type Gap, Receiver, type ReceiverOptions } from '../../src/consumer/receiver.ts';
import { FakeClock } from '../clock.ts';
import { envelope, lostMessage, sent } from './messages.ts';

const PATIENCE = 1000;

function receiving(options: ReceiverOptions = {}) {
  const clock = new FakeClock();
  const [ids, gaps, losses, bad]: [string[], Gap[], Loss[], string[]] = [[], [], [], []];
  const receiver = new Receiver({
    onGap: (gap) => gaps.push(gap),
    onLoss: (loss) => losses.push(loss),
    onBad: (error) => bad.push(error.message),
    patience: PATIENCE,
    clock,
    ...options,
  });
  const give = async (...messages: Message[]): Promise<void> => {
    for (const message of messages) await receiver.receive(envelope(message), ({ event }) => ids.push(event.id));
  };
  return { clock, receiver, ids, gaps, losses, bad, give };
}
const idsOf = (...numbers: number[]): string[] => numbers.map((n) => `edge-7/r1/disk/${n}`);

describe('events', () => {
  test('come once, from either encoding, with what their message says of them', async () => {
    const { receiver, ids, give } = receiving();
    await give(sent(1), sent(2, { format: 'msgpack' }), sent(1), sent(2));
    expect(ids).toEqual(idsOf(1, 2));
    await receiver.receive(envelope(sent(3, { backfill: true })), ({ event, sequence, backfill }) => {
      expect(event).toMatchObject({ type: 'test.value', host: 'host', labels: { env: 'test' } });
      expect({ sequence, backfill }).toEqual({ sequence: { run: 'r1', lane: 0, n: 3 }, backfill: true });
    });
    expect(receiver.counts).toEqual({ events: 3, repeats: 2, losses: 0, bad: 0 });
  });

  test('sent again under a new number, as dead letters are, are repeats', async () => {
    const { ids, give } = receiving();
    await give(sent(1), sent(2, { id: 1 }), sent(3, { id: 2 }));
    expect(ids).toEqual(idsOf(1, 2));
  });

  test('come again when their handler failed', async () => {
    const { receiver, ids, give } = receiving();
    const failing = receiver.receive(envelope(sent(1)), async () => await Promise.reject(new Error('the database is away')));
    await expect(failing).rejects.toThrow('the database is away');
    await give(sent(1), sent(1));
    expect(ids).toEqual(idsOf(1));
  });

  test('come together in a batch, without those that repeat within it or before it', async () => {
    const { receiver, give } = receiving();
    await give(sent(1));
    const batches: string[][] = [];
    const take = async (...numbers: number[]): Promise<void> =>
      await receiver.receiveAll(
        numbers.map((n) => envelope(sent(n))),
        (received) => batches.push(received.map(({ event }) => event.id)),
      );
    await take(1, 2, 3, 2);
    await take(2, 3);
    expect(batches).toEqual([idsOf(2, 3)]);
  });
});

describe('bad messages', () => {
  test('are told of, and stop nothing', async () => {
    const { receiver, ids, bad, give } = receiving();
    const broken: Message[] = [
      { ...sent(2), body: Buffer.from('{"v":1') },
      { ...sent(3), body: Buffer.alloc(0) },
      { ...sent(4), seq: 'nonsense' },
      { ...sent(5), body: Buffer.from(sent(5).body.toString().replace('edge-7/r1/disk/5', 'five')), id: 'five' },
    ];
    await give(sent(1), ...broken, sent(6));
    expect(ids).toEqual(idsOf(1, 6));
    expect(bad).toHaveLength(4);
    expect(bad[2]).toContain('tidegate-seq');
    expect(receiver.counts).toMatchObject({ events: 2, bad: 4 });
  });

  test('a loss that makes no sense is one', async () => {
    const { bad, losses, give } = receiving();
    await give(lostMessage([{ first: 5, last: 4 }]), lostMessage([{ first: 1 }]));
    expect(losses).toEqual([]);
    expect(bad).toHaveLength(2);
    expect(bad[0]).toContain('neither first, last and events nor first and window');
  });
});

describe('gaps', () => {
  test('are told of once, when they have lasted', async () => {
    const { clock, receiver, gaps, give } = receiving();
    await give(sent(1), sent(4), sent(6));
    await clock.advance(PATIENCE - 1);
    receiver.check();
    expect(gaps).toEqual([]);
    await clock.advance(1);
    await give(sent(7));
    const missing = [
      { first: 2, last: 3 },
      { first: 5, last: 5 },
    ];
    expect(gaps).toEqual([{ agent: 'edge-7', run: 'r1', lane: 0, events: 3, ranges: missing }]);
    await clock.advance(10 * PATIENCE);
    receiver.check();
    expect(gaps).toHaveLength(1);
    expect(receiver.report()).toMatchObject([{ unexplained: 3, holes: missing }]);
  });

  test('that are filled or explained in time are not told of; what of them is not, is', async () => {
    const { clock, receiver, gaps, losses, give } = receiving();
    await give(sent(1), sent(6));
    await clock.advance(PATIENCE / 2);
    await give(sent(2, { backfill: true }), lostMessage([{ first: 3, last: 4, reason: 'expired' }]));
    await clock.advance(PATIENCE / 2);
    receiver.check();
    expect(losses).toMatchObject([{ agent: 'edge-7', run: 'r1', lane: 0, reason: 'expired', first: 3, last: 4, events: 2 }]);
    expect(gaps).toMatchObject([{ events: 1, ranges: [{ first: 5, last: 5 }] }]);
  });

  test('before the first message are none, nor what another member of the group had', async () => {
    const { clock, receiver, ids, gaps, give } = receiving();
    await give(sent(500), sent(501));
    receiver.rebalanced();
    await give(sent(900), sent(501));
    await clock.advance(PATIENCE);
    receiver.check();
    expect(gaps).toEqual([]);
    // What has arrived is known all the same.
    expect(ids).toEqual(idsOf(500, 501, 900));
  });

  test('of a run that begins anew are counted from its own first number', async () => {
    const { clock, receiver, gaps, give } = receiving({ gaps: { from: 'start' } });
    await give(sent(1), sent(2, { run: 'r2' }));
    await clock.advance(PATIENCE);
    receiver.check();
    expect(gaps).toMatchObject([{ run: 'r2', ranges: [{ first: 1, last: 1 }] }]);
  });
});
