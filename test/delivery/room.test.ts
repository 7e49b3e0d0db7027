/** What gives way on disk: by the spool's size, by age; never what is in flight; and always told. */
import { expect, test } from 'vitest';
import { SinkError } from '../../src/errors.ts';
import { imbalance } from '../../src/ledger.ts';
import { Bench, numberOf, range, settingsOf } from './parts.ts';

const down = (): never => {
  throw new SinkError('transient', 'down');
};
/** An event's size on disk is its body's, a few hundred bytes, and what an entry costs beside it. */
const SPOOL_BYTES = 65_536;

const notices = ({ broker }: Bench): (number | string)[] => broker.numbers.filter((n) => typeof n === 'string');
const events = ({ broker }: Bench): (number | string)[] => broker.numbers.filter((n) => typeof n === 'number');

/** Publishes to a broker that is down, and lets everything go to disk. */
async function outage(when_full: 'drop_oldest' | 'drop_newest' | 'block', count: number): Promise<Bench> {
  const bench = new Bench(settingsOf({ spool: { max_bytes: SPOOL_BYTES, when_full } }));
  bench.broker.answer = down;
  for (let i = 0; i < count; i += 10) {
    bench.publish(10);
    await bench.clock.advance(100);
    expect(imbalance(bench.delivery.status().ledger)).toBe(0);
  }
  await bench.clock.advance(5000);
  expect(bench.delivery.status().spool.bytes).toBeLessThanOrEqual(SPOOL_BYTES);
  return bench;
}

async function heal(bench: Bench): Promise<void> {
  bench.broker.answer = () => {};
  await bench.clock.advance(10_000);
  expect(bench.broker.violations).toEqual([]);
}

test('a full spool drops its oldest, and the far end is told which', async () => {
  const bench = await outage('drop_oldest', 500);
  const { spool, ledger } = bench.delivery.status();
  expect(spool.events).toBeGreaterThan(50);
  expect(ledger.dropped).toEqual({ spool_full: 500 - spool.events });
  await heal(bench);
  const first = 501 - spool.events;
  expect([events(bench), notices(bench)]).toEqual([range(first, 500), [`spool_full 1-${first - 1}`]]);
  await bench.clock.until(bench.delivery.stop(1000));
});

test('a full spool drops its newest, and the far end is told which', async () => {
  const bench = await outage('drop_newest', 500);
  const { spool } = bench.delivery.status();
  await heal(bench);
  expect([events(bench), notices(bench)]).toEqual([range(1, spool.events), [`spool_full ${spool.events + 1}-500`]]);
  await bench.clock.until(bench.delivery.stop(1000));
});

test('a full spool that blocks leaves the rest in memory, and loses nothing', async () => {
  const bench = await outage('block', 500);
  const { spool, ledger } = bench.delivery.status();
  expect(ledger).toMatchObject({ queued: 500 - spool.events, spooled: spool.events, dropped: {} });
  await heal(bench);
  expect(bench.broker.numbers).toEqual(range(1, 500));
  await bench.clock.until(bench.delivery.stop(1000));
});

test('what is in flight does not give way', async () => {
  const bench = await outage('drop_oldest', 500);
  let take: () => void = () => {};
  bench.broker.answer = async () => {
    await new Promise<void>((resolve) => {
      take = resolve;
    });
  };
  const before = bench.broker.writes.length;
  for (let waited = 0; bench.broker.writes.length === before && waited < 5000; waited += 10) await bench.clock.advance(10);
  const flying = bench.broker.writes
    .at(-1)
    ?.messages.map(numberOf)
    .filter((n) => typeof n === 'number');
  expect(flying?.length).toBeGreaterThan(0);
  bench.publish(300);
  // Less than the deadline, more than `spool_after`.
  await bench.clock.advance(3000);
  expect(bench.delivery.status().ledger.dropped['spool_full']).toBeGreaterThan(200);
  bench.broker.answer = () => {};
  take();
  await bench.clock.advance(10_000);
  const arrived = events(bench);
  expect(arrived.slice(0, flying?.length)).toEqual(flying);
  expect(new Set(arrived).size).toBe(arrived.length);
  expect(arrived.at(-1)).toBe(800);
  await bench.clock.until(bench.delivery.stop(1000));
});

test('what is too old is dropped from the spool while the broker is away, and told as expired', async () => {
  const bench = new Bench(settingsOf({ spool: { max_age: '60s' } }));
  const { clock, delivery } = bench;
  bench.broker.answer = down;
  bench.publish(20);
  await clock.advance(40_000);
  bench.publish(20);
  await clock.advance(35_000);
  expect(delivery.status().ledger).toMatchObject({ spooled: 20, dropped: { expired: 20 } });
  await heal(bench);
  expect([events(bench), notices(bench)]).toEqual([range(21, 40), ['expired 1-20']]);
  await clock.until(delivery.stop(1000));
});
