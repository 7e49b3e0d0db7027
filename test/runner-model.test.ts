/**
 * The runner under random actions, against what must hold whatever happens: the account, the limits, the order, and that no event is lost
 * or made up.
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { imbalance, type LedgerView } from '../src/ledger.ts';
import { silent } from '../src/log.ts';
import { Runner } from '../src/runner.ts';
import type { RunnerOptions } from '../src/runner-types.ts';
import { FakeClock, settled } from './clock.ts';
import { EVENT_BYTES_MIN, eventOf, SEED } from './events.ts';
import { ANSWERS, type Answer, Destination } from './scripted-sink.ts';

const TIMEOUT = 1000;
const RUNS = 700;

type Action =
  | { do: 'publish'; count: number; bytes: number }
  | { do: 'advance'; ms: number }
  | { do: 'answer'; method: 'open' | 'connect' | 'write' | 'close'; answer: Answer }
  | { do: 'poison'; every: number }
  | { do: 'heal' }
  | { do: 'flush'; ms: number }
  | { do: 'jump'; ms: number }
  | { do: 'adopt'; options: RunnerOptions };

const options: fc.Arbitrary<RunnerOptions> = fc.record({
  queue: fc.record({
    max_events: fc.integer({ min: 1, max: 30 }),
    max_bytes: fc.integer({ min: 1000, max: 12_000 }),
    max_age: fc.constantFrom(undefined, undefined, 5000),
    when_full: fc.constantFrom('drop_oldest' as const, 'drop_newest' as const, 'block' as const),
  }),
  batch: fc.record({
    max_events: fc.integer({ min: 1, max: 12 }),
    max_bytes: fc.integer({ min: 300, max: 5000 }),
    wait: fc.constantFrom(0, 5, 200),
  }),
  timeout: fc.constant(TIMEOUT),
  backoff: fc.constantFrom({ initial: 20, max: 300 }, { initial: 100, max: 100 }),
});

const is = <K extends Action['do']>(name: K) => ({ do: fc.constant(name) });
const answer = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Answer[]>('ok', 'slow') },
  { weight: 10, arbitrary: fc.constantFrom(...ANSWERS) },
);
const action = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      ...is('publish'),
      count: fc.integer({ min: 1, max: 8 }),
      bytes: fc.constantFrom(EVENT_BYTES_MIN, 400, 1500, 6000),
    }),
  },
  { weight: 40, arbitrary: fc.record({ ...is('advance'), ms: fc.constantFrom(0, 1, 10, 100, 500, 1000, 3000) }) },
  {
    weight: 20,
    arbitrary: fc.record({ ...is('answer'), method: fc.constantFrom('connect', 'write', 'write', 'write', 'close'), answer }),
  },
  { weight: 1, arbitrary: fc.record({ ...is('answer'), method: fc.constant('open'), answer: fc.constantFrom('ok', 'throw') }) },
  { weight: 3, arbitrary: fc.record({ ...is('poison'), every: fc.integer({ min: 2, max: 9 }) }) },
  { weight: 6, arbitrary: fc.record({ ...is('heal') }) },
  { weight: 5, arbitrary: fc.record({ ...is('flush'), ms: fc.constantFrom(0, 100, 5000) }) },
  { weight: 2, arbitrary: fc.record({ ...is('jump'), ms: fc.constantFrom(-3_600_000, -3000, 3000, 3_600_000) }) },
  { weight: 5, arbitrary: fc.record({ ...is('adopt'), options }) },
) as fc.Arbitrary<Action>;

/** A run: a runner, then its successors, to one destination; and all that is known of what they should have done. */
class World {
  readonly clock = new FakeClock();
  readonly to = new Destination(this.clock, TIMEOUT);
  runner: Runner;
  limits: RunnerOptions['queue'];
  published = 0;
  handovers = 0;

  constructor(first: RunnerOptions) {
    this.runner = this.create(first);
    this.limits = first.queue;
    this.clock.onTurn = () => this.check();
  }

  create(of: RunnerOptions): Runner {
    const runner: Runner = new Runner('sink', () => this.to.open(() => runner, of.batch), of, this.clock, silent);
    return runner;
  }

  async act(step: Action): Promise<void> {
    if (step.do === 'publish')
      for (let i = 0; i < step.count; i++)
        this.runner.publish(eventOf(++this.published, { bytes: step.bytes, time: this.clock.wall() }));
    else if (step.do === 'advance') await this.clock.advance(step.ms);
    else if (step.do === 'answer') this.to.answers[step.method] = step.answer;
    else if (step.do === 'poison') this.to.poison = (n) => n % step.every === 0;
    else if (step.do === 'heal') this.heal();
    else if (step.do === 'flush') void this.runner.flush(step.ms);
    else if (step.do === 'jump') this.clock.jump(step.ms);
    else this.adopt(step.options);
    await settled();
    this.check();
  }

  adopt(of: RunnerOptions): void {
    const next = this.create(of);
    this.handovers++;
    void next.adopt(this.runner).then(() => {
      this.handovers--;
    });
    this.runner = next;
    this.limits = of.queue;
  }

  heal(): void {
    this.to.answers = { open: 'ok', connect: 'ok', write: 'ok', close: 'ok' };
    this.to.poison = () => false;
  }

  /** What holds at any moment. */
  check(): void {
    const { ledger, queuedBytes } = this.runner.status();
    expect(this.to.violations).toEqual([]);
    expect(imbalance(ledger)).toBe(0);
    const { published, dropped, ...places } = ledger;
    for (const [place, events] of Object.entries({ ...places, ...dropped })) expect(events, place).toBeGreaterThanOrEqual(0);
    expect(published).toBe(this.published);
    expect(ledger.delivered).toBe(this.to.confirmed.length);
    expect(dropped.rejected ?? 0).toBe(this.to.rejected.length);
    expect(queuedBytes).toBeLessThanOrEqual(this.limits.max_bytes);
    // While one hands over to another, the account is that of both.
    if (this.handovers === 0) expect(ledger.queued).toBeLessThanOrEqual(this.limits.max_events);
    if (this.handovers === 0) expect(queuedBytes > 0).toBe(ledger.queued > 0);
  }
}

const lost = ({ dropped }: LedgerView): number => Object.values(dropped).reduce((sum, events) => sum + events, 0);

/** Makes the jitter of the back-off part of what the seed plays again. */
function seedJitter(seed: number): void {
  let state = seed;
  vi.spyOn(Math, 'random').mockImplementation(() => {
    // mulberry32: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

afterEach(() => vi.restoreAllMocks());

async function play(first: RunnerOptions, actions: readonly Action[], jitter: number): Promise<World> {
  seedJitter(jitter);
  const world = new World(first);
  for (const step of actions) await world.act(step);
  return world;
}

const history = fc.array(action, { minLength: 20, maxLength: 130, size: 'max' });

test(`whatever a sink does, every event is in one place, and what was not dropped arrives in order (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(options, history, fc.nat(), async (first, actions, jitter) => {
      const world = await play(first, actions, jitter);
      world.heal();
      await world.clock.advance(20 * TIMEOUT);
      await world.act({ do: 'publish', count: 1, bytes: EVENT_BYTES_MIN });
      await world.clock.advance(TIMEOUT);
      expect(world.to.confirmed.at(-1)).toBe(world.published);
      const { state, ledger, failures } = world.runner.status();
      expect({ state, failures, ...ledger }).toMatchObject({ state: 'idle', failures: 0, queued: 0, in_flight: 0 });
      expect(world.to.confirmed).toEqual(world.to.confirmed.toSorted((a, b) => a - b));
      expect(new Set(world.to.confirmed).size + lost(ledger)).toBe(world.published);
      expect(Math.max(0, ...world.to.arrived)).toBeLessThanOrEqual(world.published);
      await world.clock.until(world.runner.stop(1000));
      await world.clock.advance(100 * TIMEOUT);
      expect(world.clock.timers).toBe(0);
      expect(world.runner.status()).toMatchObject({ state: 'stopped', ledger });
    }),
    { seed: SEED, numRuns: RUNS },
  );
}, 120_000);

test(`a stop at any moment ends it, keeps its limit and accounts for what is left (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(options, history, fc.nat(), fc.constantFrom(0, 300, 5000), async (first, actions, jitter, ms) => {
      const world = await play(first, actions, jitter);
      const began = world.clock.monotonic();
      await world.clock.until(world.runner.stop(ms));
      // Its limit, then a deadline for each close: of the predecessors' sinks and its own.
      expect(world.clock.monotonic() - began).toBeLessThanOrEqual(ms + 3 * TIMEOUT);
      const { ledger } = world.runner.status();
      expect(ledger).toMatchObject({ queued: 0, in_flight: 0 });
      expect(ledger.delivered + lost(ledger)).toBe(world.published);
      for (const step of actions.slice(-20)) if (step.do !== 'adopt') await world.act(step);
      await world.clock.advance(100 * TIMEOUT);
      expect(world.runner.status()).toMatchObject({ state: 'stopped', ledger: { delivered: ledger.delivered } });
      expect(world.clock.timers).toBe(0);
    }),
    { seed: SEED, numRuns: 150 },
  );
}, 120_000);
