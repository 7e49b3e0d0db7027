/**
 * A process with one delivery to a destination that fails seven calls in ten at random, half of them after it took the batch, so that its
 * answer is lost. It is offered half of what the remaining calls can carry. The stub takes a few milliseconds a call; delivery and its spool
 * are real. node flaky-child.ts prints the figures.
 */
import '../../src/v8-flags.ts';
import type { Broker, Message } from '../../src/broker.ts';
import { StreamChecker } from '../../src/consumer/checker.ts';
import { SinkError } from '../../src/errors.ts';
import { type Figure, memoryMiB, scratch, sleep } from '../measure.ts';
import { Driven } from './driven.ts';
import { EventMaker } from './events.ts';

const FAILS = 0.7;
const LOST_ANSWERS = 0.5;
const BATCH = 100;
const CALL_MS = 5;
const SECONDS = Number(process.env['BENCH_FLAKY_SECONDS'] ?? 60);
/** How long what is still under way may take when the offer has ended, in milliseconds. */
const REST_MS = 10_000;
const TICK_MS = 10;

class FlakyBroker implements Broker {
  readonly checker = new StreamChecker();
  calls = 0;
  failed = 0;

  async connect() {
    return { write: async (batch: readonly Message[]) => await this.#write(batch), close: async () => {} };
  }

  async close(): Promise<void> {}

  async #write(batch: readonly Message[]): Promise<void> {
    await sleep(CALL_MS);
    this.calls++;
    const fails = Math.random() < FAILS;
    if (!fails || Math.random() < LOST_ANSWERS)
      for (const { agent, seq, backfill } of batch) this.checker.feed({ agent, seq, backfill });
    if (!fails) return;
    this.failed++;
    throw new SinkError('transient', 'it fails at random');
  }
}

/** Events a second that a caller gets through that calls again at once and has a full batch at hand. */
async function capacity(): Promise<number> {
  const CALLS = 200;
  const began = performance.now();
  for (let i = 0; i < CALLS; i++) await sleep(CALL_MS);
  return ((1 - FAILS) * BATCH * CALLS * 1000) / (performance.now() - began);
}

async function flaky(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  const broker = new FlakyBroker();
  const driven = new Driven(() => broker, { folder, common: { batch: { max_events: BATCH } } });
  const maker = new EventMaker(1);
  const rss: number[] = [];
  try {
    const carries = await capacity();
    const began = performance.now();
    for (let passed = 0; passed < SECONDS; passed = (performance.now() - began) / 1000) {
      while (maker.made < (passed * carries) / 2) driven.publish(maker.next());
      if (rss.length < passed) rss.push(memoryMiB(process.pid));
      await sleep(TICK_MS);
    }
    const { ledger, health } = driven.status();
    await Promise.race([driven.until(({ ledger: { delivered } }) => delivered === maker.made, 50), sleep(REST_MS)]);
    const delivered = driven.status().ledger.delivered;
    const [stream] = broker.checker.report({ over: true });
    if (!stream) throw new Error('nothing arrived');
    const at = (share: number): number[] => rss.slice(Math.floor(rss.length * (share - 0.25)), Math.floor(rss.length * share));
    return [
      { what: `flaky for ${SECONDS} s: offered`, value: carries / 2, unit: 'events/s' },
      { what: 'flaky: calls that failed', value: (100 * broker.failed) / broker.calls, unit: '%' },
      {
        what: 'flaky: delivered when the offer ends, of the offer',
        value: (100 * ledger.delivered) / maker.made,
        unit: '%',
        atLeast: 95,
      },
      { what: `flaky: delivered ${REST_MS / 1000} s later`, value: (100 * delivered) / maker.made, unit: '%', atLeast: 100 },
      { what: 'flaky: the breaker is open when the offer ends', value: health.breaker === 'closed' ? 0 : 1, unit: '', atMost: 0 },
      { what: 'flaky: missing', value: maker.made - stream.arrived, unit: 'events', atMost: 0 },
      { what: 'flaky: out of order', value: stream.outOfOrder, unit: 'events', atMost: 0 },
      { what: 'flaky: repeats, of lost answers', value: stream.repeats, unit: 'events' },
      { what: 'flaky: RSS in the second quarter', value: Math.max(...at(0.5)), unit: 'MiB' },
      {
        what: 'flaky: RSS in the last quarter, above that',
        value: Math.max(...at(1)) - Math.max(...at(0.5)),
        unit: 'MiB',
        atMost: 10,
      },
    ];
  } finally {
    await driven.stop();
    remove();
  }
}

console.log(JSON.stringify(await flaky()));
