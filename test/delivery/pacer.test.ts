/** The rate of the drain: reached, and never exceeded within any second, whatever holds it up. */
import { expect, it, vi } from 'vitest';
import { Pacer, type Rate } from '../../src/delivery/pacer.ts';
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
  const pacer = new Pacer({ rate, byte_rate: 2 ** 30 }, clock);
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
    pacer.end(grant);
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

it('sends at the rate through a broker that takes most of a second for a batch', async () => {
  for (const answer of [150, 230, 300, 400, 510, 800, 950]) {
    const sent = await drain(500, 60_000, () => answer);
    expect(total(sent) / 60 / 500, `${answer} ms`).toBeGreaterThan(0.95);
    expect(mostInASecond(sent), `${answer} ms`).toBeLessThanOrEqual(500);
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

const pacerOf = (rate: number | 'auto', byteRate: number | 'auto' = 'auto') => {
  const [clock, slow] = [new FakeClock(), vi.fn<(rate: Rate, peak: Rate) => void>()];
  const pacer = new Pacer({ rate, byte_rate: byteRate }, clock, slow);
  /** Lets `events` come in at once, and a second go by. */
  const second = async (events: number): Promise<void> => {
    for (let i = 0; i < events; i++) pacer.came(EVENT_BYTES);
    await clock.advance(1000);
  };
  return { clock, pacer, slow, second };
};

it('saves up nothing while there is nothing to send, nor while a timer is late', async () => {
  const { clock, pacer } = pacerOf(1000, 2 ** 30);
  for (const idle of [0, 3_600_000, 201, 60_000]) {
    await clock.advance(idle);
    await clock.advance(Math.ceil(pacer.wait(MAX_EVENTS)));
    // A batch of what the rate allows in 20 ms, not of all that would have been.
    const grant = pacer.grant(MAX_EVENTS, 2 ** 20);
    expect(grant.events).toBeLessThanOrEqual(20);
    pacer.end(grant);
  }
  await clock.advance(120);
  expect(pacer.grant(MAX_EVENTS, 2 ** 20).events).toBeLessThanOrEqual(120);
});

it(`holds to the bytes a second where they are the narrower limit (SEED=${SEED})`, async () => {
  const { clock, pacer } = pacerOf(10_000, 60_000);
  const random = new Random(SEED);
  const sent: Sent[] = [];
  while (clock.monotonic() < 20_000) {
    await clock.advance(Math.ceil(pacer.wait(MAX_EVENTS)));
    const grant = pacer.grant(MAX_EVENTS, 2 ** 20);
    // A batch holds one event in any case.
    const events = Math.max(1, Math.floor(grant.bytes / EVENT_BYTES));
    pacer.went(grant, events, events * EVENT_BYTES);
    sent.push({ at: clock.monotonic(), events });
    await clock.advance(random.below(5));
  }
  expect(mostInASecond(sent) * EVENT_BYTES).toBeLessThanOrEqual(60_000);
  expect((total(sent) * EVENT_BYTES) / 20).toBeGreaterThan(0.95 * 60_000);
});

it('gives back what a batch did not use', async () => {
  const { clock, pacer } = pacerOf(1000, 2 ** 30);
  await clock.advance(1000);
  const grant = pacer.grant(MAX_EVENTS, 2 ** 20);
  expect(pacer.wait(MAX_EVENTS)).toBeGreaterThan(0);
  pacer.went(grant, 5, 5 * EVENT_BYTES);
  pacer.went(grant, 0, 0);
  expect(pacer.wait(MAX_EVENTS)).toBe(0);
  expect(pacer.grant(MAX_EVENTS, 2 ** 20).events).toBe(grant.events);
});

it('is twice the peak by itself, and never below its least', async () => {
  const { pacer, second } = pacerOf('auto');
  expect(pacer.rate).toEqual({ events: 1000, bytes: 4 * 2 ** 20 });
  await second(300);
  expect(pacer.rate).toEqual({ events: 1000, bytes: 4 * 2 ** 20 });
  await second(8000);
  await second(100);
  expect(pacer.peak).toEqual({ events: 8000, bytes: 8000 * EVENT_BYTES });
  expect(pacer.rate).toEqual({ events: 16_000, bytes: 2 * 8000 * EVENT_BYTES });
});

it('forgets a peak when ten minutes of seconds in which something came in are over, and no sooner', async () => {
  const { clock, pacer, second } = pacerOf('auto');
  await second(5000);
  // Silence makes nothing forgotten.
  await clock.advance(86_400_000);
  for (let i = 0; i < 599; i++) await second(7);
  expect(pacer.peak.events).toBe(5000);
  await second(9);
  await second(8);
  expect(pacer.peak).toEqual({ events: 9, bytes: 9 * EVENT_BYTES });
});

it('measures what comes in over the last minute', async () => {
  const { pacer, second } = pacerOf('auto');
  for (let i = 0; i < 100; i++) await second(400);
  expect(pacer.inflow / 400).toBeCloseTo(1, 1);
  for (let i = 0; i < 62; i++) await second(1);
  expect(pacer.inflow).toBeLessThan(2);
});

it('lets a new rate hold within a second, whatever is owed at the old one', async () => {
  const { clock, pacer } = pacerOf(0.01, 2 ** 30);
  const grant = pacer.grant(MAX_EVENTS, 2 ** 20);
  pacer.went(grant, 1, EVENT_BYTES);
  expect(pacer.wait(MAX_EVENTS)).toBeGreaterThan(90_000);
  pacer.configure({ rate: 1000, byte_rate: 2 ** 30 });
  await clock.advance(1000);
  expect(pacer.wait(MAX_EVENTS)).toBe(0);
});

it('says once that a fixed rate is below the peak, and again when it is changed to one that is', async () => {
  const { pacer, slow, second } = pacerOf(50);
  for (let i = 0; i < 3; i++) await second(50);
  expect(slow).not.toHaveBeenCalled();
  for (let i = 0; i < 10; i++) await second(60 + i);
  expect(slow).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ events: 50 }), { events: 60, bytes: 60 * EVENT_BYTES });
  pacer.configure({ rate: 50, byte_rate: 'auto' });
  expect(slow).toHaveBeenCalledOnce();
  pacer.configure({ rate: 'auto', byte_rate: 'auto' });
  await second(70);
  expect(slow).toHaveBeenCalledOnce();
  pacer.configure({ rate: 'auto', byte_rate: 2048 });
  expect(slow).toHaveBeenCalledTimes(2);
});
