/** The rate of the drain: reached, and never exceeded within any second, whatever holds it up. */
import { expect, it } from 'vitest';
import { Pacer } from '../../src/delivery/pacer.ts';
import { FakeClock } from '../clock.ts';
import { SEED } from '../events.ts';
import { Random } from './simulation/random.ts';

const MAX_EVENTS = 500;
const EVENT_BYTES = 600;

interface Sent {
  readonly at: number;
  readonly events: number;
}

/** Drains for `ms`; `holdUp` says how long each batch takes, in milliseconds. */
async function drain(rate: number, ms: number, holdUp: (now: number) => number): Promise<Sent[]> {
  const clock = new FakeClock();
  const pacer = new Pacer({ order: 'ordered', rate, byte_rate: 2 ** 30 }, clock);
  const sent: Sent[] = [];
  const began = clock.monotonic();
  while (clock.monotonic() - began < ms) {
    const wait = pacer.wait(MAX_EVENTS);
    if (wait > 0) {
      await clock.advance(Math.ceil(wait));
      continue;
    }
    const grant = pacer.grant(MAX_EVENTS, 2 ** 20);
    sent.push({ at: clock.monotonic(), events: grant.events });
    pacer.went(grant, grant.events, grant.events * EVENT_BYTES);
    await clock.advance(holdUp(clock.monotonic()));
  }
  return sent;
}

/** The most within any second that begins with a batch. */
function mostInASecond(sent: readonly Sent[]): number {
  let most = 0;
  for (const { at } of sent) {
    const within = sent.filter((one) => one.at >= at && one.at < at + 1000);
    most = Math.max(
      most,
      within.reduce((sum, { events }) => sum + events, 0),
    );
  }
  return most;
}

const total = (sent: readonly Sent[]): number => sent.reduce((sum, { events }) => sum + events, 0);

it('sends at the rate, and makes up for short stalls', async () => {
  for (const rate of [50, 1000, 10_000]) {
    const smooth = await drain(rate, 20_000, () => 1);
    expect(total(smooth) / 20 / rate).toBeGreaterThan(0.97);
    const stalled = await drain(rate, 20_000, (now) => (Math.floor(now / 500) % 2 === 0 ? 100 : 1));
    // A broker that takes 100 ms for a batch of 500 cannot be sent more than 5,000 a second.
    if (rate <= 1000) expect(total(stalled) / 20 / rate).toBeGreaterThan(0.95);
  }
});

it(`exceeds the rate in no second, however it is held up (SEED=${SEED})`, async () => {
  const random = new Random(SEED);
  for (const rate of [0.5, 7, 50, 1000, 10_000, 33_333]) {
    const sent = await drain(rate, 30_000, () => (random.below(20) === 0 ? random.below(1500) : random.below(10)));
    // A batch holds an event in any case.
    expect(mostInASecond(sent)).toBeLessThanOrEqual(Math.max(1, rate));
    expect(total(sent)).toBeGreaterThan(0);
  }
});
