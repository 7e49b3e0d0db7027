/** What an operator may do to a running delivery, over a simulated disk and broker. */
import { describe, expect, it } from 'vitest';
import { Delivery } from '../../src/delivery/delivery.ts';
import { imbalance } from '../../src/ledger.ts';
import { silent } from '../../src/log.ts';
import { FakeClock } from '../clock.ts';
import { eventOf } from '../events.ts';
import { SimulatedBroker } from './simulation/broker.ts';
import { SimulatedDisk } from './simulation/disk.ts';
import { Random } from './simulation/random.ts';
import { randomSettings } from './simulation/settings.ts';

function setup() {
  const [clock, random] = [new FakeClock(), new Random(1)];
  const [disk, broker] = [new SimulatedDisk(clock, random), new SimulatedBroker(clock, random)];
  const some = randomSettings(random);
  const { spool, drain } = some.delivery;
  const delivery = {
    ...some.delivery,
    lanes: 1,
    spool: { ...spool, max_bytes: 1e7, max_age: 1e9, mode: 'on_failure' as const },
    drain: { ...drain, order: 'ordered' as const, rate: 'auto' as const },
    dead_letters: { max_bytes: 1e6 },
  };
  const queue = { max_events: 1000, max_bytes: 1e7, when_full: 'drop_oldest' as const };
  const openStore = async () => ({ store: await disk.open(), remarks: [] });
  const parts = { name: 'sink', agent: 'agent', host: 'host', run: 'run1', clock, log: silent, random: () => 0.5, openStore };
  const made = new Delivery(parts, (context) => broker.open(context), { ...some, queue, delivery });
  return { clock, broker, delivery: made };
}

async function numbersOf(delivery: Delivery): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of delivery.actions.deadLetters()) numbers.push(number);
  return numbers;
}

describe('an operator', () => {
  it('retries a dead letter at the end of its lane, with a new number, and discards another', async () => {
    const { clock, broker, delivery } = setup();
    broker.poison = 3;
    for (let n = 1; n <= 6; n++) delivery.publish(eventOf(n, { time: clock.wall() }));
    await clock.advance(5000);
    expect(await numbersOf(delivery)).toEqual([0, 1]);
    broker.poison = 0;
    expect(await delivery.actions.retry([0, 99])).toBe(1);
    expect(delivery.actions.discard([1, 99])).toBe(1);
    expect(imbalance(delivery.status().ledger)).toBe(0);
    await clock.advance(5000);
    expect(await numbersOf(delivery)).toEqual([]);
    expect(broker.arrived.at(-1)).toMatchObject({ seq: 'run1/0/7', id: expect.stringMatching(/\/3$/) });
    expect(delivery.status().ledger).toMatchObject({ delivered: 5, dead_lettered: 0, queued: 0, spooled: 0 });
    expect(imbalance(delivery.status().ledger)).toBe(0);
    await clock.until(delivery.stop(1000));
  });

  it('pauses a sink, whose events wait on disk, and resumes it', async () => {
    const { clock, broker, delivery } = setup();
    await clock.advance(100);
    delivery.pause();
    for (let n = 1; n <= 5; n++) delivery.publish(eventOf(n, { time: clock.wall() }));
    await clock.advance(10_000);
    expect(broker.arrived).toEqual([]);
    expect(delivery.status()).toMatchObject({ paused: true, ledger: { spooled: 5 } });
    delivery.resume();
    await clock.advance(5000);
    expect(broker.arrived.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5].map((n) => `run1/0/${n}`));
    await clock.until(delivery.stop(1000));
  });
});
