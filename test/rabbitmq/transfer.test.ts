/** A batch on its way, against a broker that answers at random: together or one by one, late, with refusals and returns. */
import type { Message as Returned } from 'amqplib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { Transfer } from '../../src/rabbitmq/transfer.ts';
import { LaneWindow } from '../../src/rabbitmq/window.ts';
import { SEED } from '../events.ts';
import { messageOf, messagesOf } from './support.ts';

type Fate = 'take' | 'refuse' | 'return' | 'unfit';

const returnOf = (message: Message): Returned =>
  ({ fields: { routingKey: 'k' }, properties: { headers: { cloudEvents_id: message.id } } }) as unknown as Returned;

/** A broker that has been sent some messages: it answers for them by delivery tag. */
class Far {
  readonly got: Message[] = [];
  readonly taken = new Set<string>();
  readonly #fates: ReadonlyMap<string, Fate>;
  #answered = 0;

  constructor(fates: ReadonlyMap<string, Fate>) {
    this.#fates = fates;
  }

  get unanswered(): number {
    return this.got.length - this.#answered;
  }

  /** Answers for up to `count` messages of one fate, in order, in one confirm when there are more than one. */
  answer(transfer: Transfer, firstTag: number, count: number): void {
    const fate = this.#fates.get((this.got[this.#answered] as Message).id) as Fate;
    let last = this.#answered;
    for (; last < this.got.length && last < this.#answered + count; last++) {
      const message = this.got[last] as Message;
      const own = this.#fates.get(message.id) as Fate;
      // What is returned is confirmed like what is taken.
      if ((own === 'refuse') !== (fate === 'refuse')) break;
      if (own === 'return') transfer.giveBack(returnOf(message));
      if (own === 'take') this.taken.add(message.id);
    }
    const several = last - this.#answered > 1;
    this.#answered = last;
    if (fate === 'refuse') transfer.nack(firstTag + last - 1, several);
    else transfer.ack(firstTag + last - 1, several);
  }
}

const fates = fc.array(fc.constantFrom<Fate>('take', 'take', 'take', 'take', 'refuse', 'return', 'unfit'), {
  minLength: 1,
  maxLength: 60,
});

describe('rabbitmq: a transfer', () => {
  it(`ends with exactly what the broker took, never exceeds its window, and sends in order (seed ${SEED})`, () => {
    const property = fc.property(
      fates,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 400 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 8 })),
      (plan, size, bytes, passReturned, counts) => {
        const batch = plan.map((_, n) => messageOf(n, { body: Buffer.alloc((n * 37) % 100) }));
        const fateOf = new Map(batch.map(({ id }, n) => [id, plan[n] as Fate]));
        const far = new Far(fateOf);
        const window = new LaneWindow(size);
        let done = false;
        const transfer: Transfer = new Transfer(
          batch,
          41,
          { window: () => window.size, bytes, passReturned },
          {
            ready: () => true,
            published: () => {},
            publish(message) {
              if (fateOf.get(message.id) === 'unfit') return 'unfit';
              const bytesOut = far.got.slice(far.got.length - far.unanswered).reduce((sum, { body }) => sum + body.length, 0);
              expect(transfer.inFlight).toBeLessThan(size);
              expect(transfer.inFlight === 0 || bytesOut + message.body.length <= bytes).toBe(true);
              far.got.push(message);
              return true;
            },
            confirmed: (count) => window.confirmed(count),
            refused: () => window.refused(),
            done() {
              done = true;
            },
          },
        );
        transfer.pump();
        while (far.unanswered > 0) {
          expect(done).toBe(false);
          far.answer(transfer, 42, counts.next().value as number);
        }
        expect(done).toBe(true);
        const order = far.got.map(({ id }) => batch.findIndex((message) => message.id === id));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        const { confirmed, refused, returned, unfit } = transfer.outcome();
        expect([...confirmed].map((index) => batch[index]?.id)).toEqual([...far.taken]);
        expect(transfer.complete).toBe(far.taken.size === batch.length);
        expect(refused || returned !== undefined || unfit !== undefined).toBe(!transfer.complete);
        expect(transfer.lastTag).toBe(41 + far.got.length);
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });

  it('sends nothing after a refusal, and goes on after a return that is dead-lettered', () => {
    for (const [fate, passReturned, sent] of [
      ['refuse', true, 2],
      ['return', false, 2],
      ['return', true, 4],
    ] as const) {
      const far = new Far(new Map(messagesOf(4).map(({ id }, n) => [id, n === 0 ? fate : 'take'])));
      const transfer = new Transfer(
        messagesOf(4),
        0,
        { window: () => 2, bytes: 1000, passReturned },
        {
          ready: () => true,
          published: () => {},
          publish: (message) => far.got.push(message) > 0,
          confirmed: () => {},
          refused: () => {},
          done: () => {},
        },
      );
      transfer.pump();
      while (far.unanswered > 0) far.answer(transfer, 1, 1);
      expect(far.got).toHaveLength(sent);
    }
  });

  it('hears no confirm of what it did not send, and none twice', () => {
    const confirms: number[] = [];
    const transfer = new Transfer(
      messagesOf(3),
      10,
      { window: () => 10, bytes: 1000, passReturned: false },
      {
        ready: () => true,
        publish: () => true,
        published: () => {},
        confirmed: (count) => confirms.push(count),
        refused: () => {},
        done: () => {},
      },
    );
    transfer.pump();
    for (const [tag, multiple] of [
      [5, false],
      [10, true],
      [12, false],
      [12, false],
      [99, true],
      [99, true],
    ] as const) {
      transfer.ack(tag, multiple);
    }
    expect(confirms).toEqual([0, 0, 1, 0, 2, 0]);
    expect(transfer.complete).toBe(true);
  });
});

describe('rabbitmq: the window of a lane', () => {
  it('is one message after a refusal, and grows back by doubling while things go well', () => {
    const window = new LaneWindow(100);
    window.confirmed(5000);
    expect(window.size).toBe(100);
    window.refused();
    const sizes = new Set([window.size]);
    for (let i = 0; i < 2000; i++) {
      window.confirmed(1);
      sizes.add(window.size);
    }
    expect([...sizes]).toEqual([1, 2, 4, 8, 16, 32, 64, 100]);
    window.refused();
    expect(window.size).toBe(1);
    // One confirm now and then does not make it grow.
    for (let i = 0; i < 50; i++) window.confirmed(1);
    expect(window.size).toBe(1);
  });
});
