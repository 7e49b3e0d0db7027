/** Delivery as a whole, over an in-memory disk and a broker whose every answer is chosen: what an operator relies on. */
import { expect, test } from 'vitest';
import { SinkError } from '../../src/errors.ts';
import { imbalance } from '../../src/ledger.ts';
import { Bench, numberOf, range, settingsOf } from './parts.ts';

const down = (): never => {
  throw new SinkError('transient', 'down');
};
const well = (): void => {};

/** Ends a delivery, and checks what holds for each. */
async function finish({ delivery, clock, broker }: Bench, ms = 5000): Promise<void> {
  await clock.until(delivery.stop(ms));
  expect(imbalance(delivery.status().ledger)).toBe(0);
  expect(broker.violations).toEqual([]);
}

test('order is kept through failures, and all is delivered once the broker is well', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery } = bench;
  broker.answer = down;
  for (let i = 0; i < 20; i++) {
    bench.publish(15);
    await clock.advance(700);
  }
  expect(broker.arrived).toEqual([]);
  broker.answer = well;
  await clock.advance(10_000);
  expect(broker.numbers).toEqual(range(1, 300));
  expect(delivery.status().ledger).toMatchObject({ delivered: 300, queued: 0, spooled: 0, in_flight: 0, dropped: {} });
  await finish(bench);
});

test('a batch that is full goes at once, by its events or by their bytes', async () => {
  const batch = { max_events: 100, max_bytes: 64_000, wait: 1000 };
  for (const [count, bytes, full] of [
    [1000, 400, 10],
    [40, 30_000, 20],
  ] as const) {
    const bench = new Bench(settingsOf({}, { batch }));
    const { broker, clock, delivery } = bench;
    bench.publish(1);
    await clock.advance(5000);
    bench.publish(count, { bytes });
    // Less than a second: what is not full would wait for longer.
    await clock.advance(900);
    expect(broker.writes).toHaveLength(1 + full);
    expect(delivery.status().ledger).toMatchObject({ delivered: 1 + count, spooled: 0 });
    await finish(bench);
  }
});

test('what was confirmed in part is not sent again', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock } = bench;
  let first = true;
  broker.answer = (batch) => {
    if (!first) return;
    first = false;
    // Not only the front of it: a broker confirms what it likes.
    throw new SinkError('transient', 'reset', { confirmed: new Set(batch.map((_, i) => i).filter((i) => i < 3 || i === 6)) });
  };
  bench.publish(10);
  await clock.advance(5000);
  expect(broker.numbers).toEqual([1, 2, 3, 7, 4, 5, 6, 8, 9, 10]);
  await finish(bench);
});

test('one poison event becomes a dead letter alone, the rest arrives in order, and the far end is told', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery, log } = bench;
  broker.answer = (batch) => {
    if (batch.some((message) => numberOf(message) === 37)) throw new SinkError('rejected', 'too large');
  };
  bench.publish(100);
  await clock.advance(5000);
  expect(broker.numbers.filter((n) => typeof n === 'number')).toEqual(range(1, 100).filter((n) => n !== 37));
  expect(broker.numbers.filter((n) => typeof n !== 'number')).toEqual(['dead_lettered 37-37']);
  expect(delivery.status()).toMatchObject({
    deadLetters: { events: 1 },
    failures: 0,
    ledger: { delivered: 99, dead_lettered: 1 },
  });
  const letters = [];
  for await (const letter of delivery.operations.deadLetters()) letters.push(letter);
  expect(letters).toMatchObject([{ reason: 'too large', entry: { n: 37 } }]);
  expect(log.lines.filter((line) => line.includes('dead letter'))).toHaveLength(1);
  await finish(bench);
});

test('a call that outlasts its deadline costs its connection, and its batch is sent again over another', async () => {
  const bench = new Bench(settingsOf({}, { timeout: 3000 }));
  const { broker, clock } = bench;
  let aborted = false;
  broker.answer = async (_, signal) => {
    if (broker.writes.length > 1) return;
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    await new Promise(() => {});
  };
  bench.publish(5);
  await clock.advance(2900);
  expect(broker.closed).toEqual([]);
  await clock.advance(5000);
  expect([aborted, broker.closed]).toEqual([true, [1]]);
  expect(broker.writes.map(({ connection }) => connection)).toEqual([1, 2]);
  expect(broker.numbers).toEqual(range(1, 5));
  await finish(bench);
});

test('while the broker asks to wait deadlines stand still and nothing new is written', async () => {
  const bench = new Bench(settingsOf({}, { timeout: 3000 }));
  const { broker, clock, delivery } = bench;
  let take: () => void = () => {};
  broker.answer = async () => {
    await new Promise<void>((resolve) => {
      take = resolve;
    });
  };
  bench.publish(5);
  await clock.advance(100);
  broker.contexts[0]?.blocked('memory alarm');
  bench.publish(5);
  await clock.advance(3_600_000);
  expect([broker.writes.length, broker.closed, delivery.status().failures]).toEqual([1, [], 0]);
  expect(delivery.status().reason).toBe('memory alarm');
  broker.contexts[0]?.blocked(undefined);
  broker.answer = well;
  take();
  await clock.advance(1000);
  expect(broker.numbers).toEqual(range(1, 10));
  await finish(bench);
});

test.each([1, 2])('a stop spools what the broker does not take, and the next run sends it first (lanes: %d)', async (lanes) => {
  const settings = settingsOf({ lanes, lane_by: 'sequence' });
  const bench = new Bench(settings);
  bench.broker.answer = down;
  bench.publish(50);
  await bench.clock.advance(500);
  bench.publish(50);
  await finish(bench);
  expect(bench.delivery.status().ledger).toMatchObject({ spooled: 100, dropped: {} });
  const next = new Bench(settings, bench, 'run2');
  next.publish(10);
  await next.clock.advance(3000);
  for (let lane = 0; lane < lanes; lane++) {
    const seqs = next.broker.arrived.filter((message) => message.lane === lane).map(({ seq }) => seq);
    const [old, fresh] = [100 / lanes, 10 / lanes];
    expect(seqs).toEqual([...range(1, old).map((n) => `run/${lane}/${n}`), ...range(1, fresh).map((n) => `run2/${lane}/${n}`)]);
  }
  await finish(next);
});

test('a reload keeps every event, and goes on over connections of its own', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery } = bench;
  broker.answer = down;
  bench.publish(200);
  await clock.advance(3000);
  await clock.until(delivery.reconfigure((context) => broker.open(context), settingsOf({ drain: { rate: 50_000 } })));
  expect(broker.contexts).toHaveLength(2);
  broker.answer = well;
  bench.publish(100);
  await clock.advance(60_000);
  expect(broker.numbers).toEqual(range(1, 300));
  await finish(bench);
});

test('on_failure writes nothing while all is well; always has each event on disk before it is sent', async () => {
  for (const mode of ['on_failure', 'always'] as const) {
    const bench = new Bench(settingsOf({ spool: { mode } }));
    const { broker, clock, disk } = bench;
    await clock.advance(100);
    const before = disk.writes;
    const sizes: number[] = [];
    const empty = disk.size;
    broker.answer = (batch) => {
      sizes.push(disk.size - empty - batch.length);
    };
    for (let i = 0; i < 50; i++) {
      bench.publish(3);
      await clock.advance(100);
    }
    expect(broker.numbers).toEqual(range(1, 150));
    if (mode === 'on_failure') expect(disk.writes).toBe(before);
    else expect(Math.min(...sizes)).toBeGreaterThanOrEqual(0);
    await finish(bench);
  }
});

test('backfill sends new events first and marks the old ones', async () => {
  const bench = new Bench(settingsOf({ drain: { order: 'backfill', rate: 20 } }));
  const { broker, clock } = bench;
  broker.answer = down;
  bench.publish(100);
  await clock.advance(1900);
  broker.answer = well;
  await clock.advance(1000);
  bench.publish(10);
  await clock.advance(1000);
  const sent = (backfill: boolean): (number | string)[] =>
    broker.arrived.filter((message) => message.backfill === backfill).map(numberOf);
  expect(sent(false)).toEqual(range(101, 110));
  expect(sent(true).length).toBeLessThan(60);
  await clock.advance(10_000);
  expect(sent(true)).toEqual(range(1, 100));
  await finish(bench);
});

test('a fixed rate below the measured peak is warned about once, with the numbers', async () => {
  const bench = new Bench(settingsOf({ drain: { rate: 20 } }));
  for (let i = 0; i < 10; i++) {
    bench.publish(30);
    await bench.clock.advance(1000);
  }
  const said = bench.log.lines.flatMap((line, i) => (line.includes('drain.rate') ? [bench.log.facts[i]] : []));
  expect(said).toEqual([
    expect.objectContaining({ rate: expect.objectContaining({ events: 20 }), peak: expect.objectContaining({ events: 30 }) }),
  ]);
  await finish(bench);
});
