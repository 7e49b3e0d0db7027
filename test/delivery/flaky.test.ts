/** A destination that fails most calls at random is not a dead one: what it can carry is delivered, in order. */
import { expect, test } from 'vitest';
import { SinkError } from '../../src/errors.ts';
import { imbalance } from '../../src/ledger.ts';
import { SEED } from '../events.ts';
import { Bench, range, settingsOf } from './parts.ts';
import { Random } from './simulation/random.ts';

const FAILING = 0.7;
const CALL_MS = 5;
const BATCH = 20;
const SECONDS = 60;
/** Half of what the calls that do not fail carry, in events a second: 600. */
const OFFER = Math.round(((1 - FAILING) * BATCH * 1000) / CALL_MS / 2);
/** The longest that what is offered may lie there before it is delivered, in seconds. */
const BACKLOG_S = 5;

const title = `half of what a broker can carry that fails 70 % of calls is delivered in order (SEED=${SEED})`;
test(title, { timeout: 60_000 }, async () => {
  const random = new Random(SEED);
  const batch = { max_events: BATCH, max_bytes: 2 ** 20, wait: 0 };
  const bench = new Bench(settingsOf({}, { batch }), undefined, 'run', () => random.next());
  const { clock, broker, delivery } = bench;
  broker.answer = async () => {
    await new Promise<void>((resolve) => clock.after(CALL_MS, resolve));
    if (random.chance(FAILING)) throw new SinkError('transient', 'not now');
  };
  let most = 0;
  for (let ms = 0; ms < SECONDS * 1000; ms += 10) {
    bench.publish(OFFER / 100);
    await clock.advance(10);
    const { ledger } = delivery.status();
    expect(imbalance(ledger)).toBe(0);
    most = Math.max(most, ledger.published - ledger.delivered);
  }
  expect(most).toBeLessThan(BACKLOG_S * OFFER);
  await clock.advance(1000 * BACKLOG_S);
  expect(broker.numbers).toEqual(range(1, bench.published));
  expect(delivery.status().ledger.delivered).toBe(bench.published);
  expect(broker.violations).toEqual([]);
  await clock.until(delivery.stop(1000));
});
