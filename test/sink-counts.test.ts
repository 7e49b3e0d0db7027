/** What is counted of a sink's calls, alone and by those who count: the runner and delivery. */
import { describe, expect, test } from 'vitest';
import { DeadlineExceeded } from '../src/deadline.ts';
import { SinkError } from '../src/errors.ts';
import { Histogram } from '../src/histogram.ts';
import { LATENCY_BOUNDS_MS, SinkCounts } from '../src/sink-counts.ts';
import { Bench, settingsOf } from './delivery/parts.ts';
import { setup } from './runner-setup.ts';

const at = (...times: number[]) => times.map((time) => ({ time }));

test('a value is in the first bucket whose bound it does not exceed', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11]) histogram.add(value);
  histogram.add(5, 3);
  expect(histogram.view()).toEqual({ bounds: [1, 10], counts: [2, 5, 1], count: 8, sum: 38.5 });
});

describe('counts', () => {
  test('of a batch: an event of each moment, and the call once', () => {
    const counts = new SinkCounts();
    counts.wrote(at(1000, 1000, 1970, 2005), 2000, 7);
    const { latency, writes } = counts.view();
    expect(latency).toMatchObject({ count: 4, sum: 2030 });
    const bucketOf = (ms: number): number | undefined => latency.counts[LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound)];
    expect([1000, 30, 0].map(bucketOf)).toEqual([2, 1, 1]);
    expect(writes).toMatchObject({ count: 1, sum: 7 });
  });

  test('of a failure: its cause, what was not taken, and what was confirmed all the same', () => {
    const counts = new SinkCounts();
    counts.failed(new DeadlineExceeded('late'), at(1, 2), 10);
    counts.failed(new SinkError('blocked', 'full', { confirmed: new Set([1]) }), at(1, 2, 3), 10);
    counts.failed(undefined, [], 10);
    const { failed, latency } = counts.view();
    expect(failed).toEqual({
      timeout: { attempts: 1, events: 2 },
      blocked: { attempts: 1, events: 2 },
      transient: { attempts: 1, events: 0 },
      rejected: { attempts: 0, events: 0 },
      misconfigured: { attempts: 0, events: 0 },
    });
    expect(latency).toMatchObject({ count: 1, sum: 8 });
  });
});

describe('a runner', () => {
  test('counts how long events took, and what failed; its successor goes on with it', async () => {
    const { clock, runner, create, publish, to } = setup();
    publish(1);
    await clock.advance(10);
    to.answers.write = 'hang';
    publish(5);
    await clock.advance(2000);
    const { oldest, counts } = runner.status();
    expect(oldest).toBe(clock.wall() - 2000);
    expect(counts.failed.timeout).toMatchObject({ attempts: 1, events: 5 });
    to.answers.write = 'ok';
    const next = create();
    await clock.until(next.adopt(runner));
    await clock.advance(5000);
    expect(next.status()).toMatchObject({ oldest: undefined, ledger: { delivered: 6 } });
    expect(next.status().counts.latency.count).toBe(6);
    expect(next.status().counts.failed.timeout.attempts).toBeGreaterThan(0);
  });
});

describe('delivery', () => {
  test('knows how old what waits is, in memory and on disk, also what was on disk before it began', async () => {
    const bench = new Bench(settingsOf());
    const { clock, broker, delivery } = bench;
    broker.answer = () => {
      throw new SinkError('transient', 'down');
    };
    const began = clock.wall();
    bench.publish(2);
    await clock.advance(5000);
    bench.publish(2);
    await clock.advance(20);
    expect(delivery.status()).toMatchObject({ spool: { events: 2, oldest: began }, oldest: began + 5000 });
    await clock.until(delivery.stop(100));
    const next = new Bench(
      settingsOf({ drain: { rate: 1 } }, { batch: { max_events: 1, max_bytes: 1e6, wait: 0 } }),
      bench,
      'next',
    );
    await clock.advance(100);
    expect(next.delivery.status().spool.oldest).toBe(began);
    await clock.advance(1500);
    const { spool, ledger, counts } = next.delivery.status();
    expect(ledger.delivered).toBeGreaterThan(0);
    expect(spool.oldest).toBe(began);
    expect(counts.latency.count).toBe(ledger.delivered);
    await clock.advance(10_000);
    expect(next.delivery.status()).toMatchObject({ spool: { events: 0, oldest: undefined }, ledger: { delivered: 4 } });
    await clock.until(next.delivery.stop(100));
  });

  test('does not count what it tells of losses as events', async () => {
    const bench = new Bench(settingsOf({}, { queue: { max_events: 2, max_bytes: 1e6, when_full: 'drop_newest' } }));
    bench.publish(10);
    await bench.clock.advance(2000);
    const { ledger, counts } = bench.delivery.status();
    expect(bench.broker.numbers).toContain('queue_full 3-10');
    expect(counts.latency.count).toBe(ledger.delivered);
    await bench.clock.until(bench.delivery.stop(100));
  });
});
