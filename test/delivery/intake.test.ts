/** Where events enter: lanes, numbers without gaps, and what gives way when memory is full. */
import { describe, expect, test } from 'vitest';
import { Intake } from '../../src/delivery/intake.ts';
import { createSource, defineSchema, TideEvent } from '../../src/event.ts';
import { imbalance, Ledger } from '../../src/ledger.ts';
import type { QueueOptions } from '../../src/queue.ts';
import { FakeClock } from '../clock.ts';
import { eventOf, SEED } from '../events.ts';
import { range, settingsOf } from './parts.ts';
import { Random } from './simulation/random.ts';

const ROOM = { max_events: 10, max_bytes: 2 ** 20 };

function intakeOf(queue: QueueOptions, delivery: Parameters<typeof settingsOf>[0] = {}) {
  const clock = new FakeClock();
  const ledger = new Ledger(clock);
  const intake = new Intake('run', settingsOf(delivery, { queue }), ledger, clock);
  const kept = (lane = 0): number[] =>
    intake
      .lane(lane)
      .next('fresh', 1e6, 1e9, false)
      .map(({ n }) => n);
  const lost = (lane = 0): [number, number | undefined][] =>
    intake
      .lane(lane)
      .losses.all()
      .map(({ first, last }) => [first, last]);
  return { intake, ledger, clock, kept, lost };
}

describe('a full queue', () => {
  test('drops the oldest, in whichever lane it is', async () => {
    const { intake, clock, kept, lost, ledger } = intakeOf(
      { ...ROOM, when_full: 'drop_oldest' },
      { lanes: 2, lane_by: 'sequence' },
    );
    for (let n = 1; n <= 16; n++) {
      intake.accept(eventOf(n));
      await clock.advance(1);
    }
    expect([kept(0), kept(1)]).toEqual([range(4, 8), range(4, 8)]);
    expect([lost(0), lost(1)]).toEqual([[[1, 3]], [[1, 3]]]);
    expect(ledger.view()).toMatchObject({ published: 16, queued: 10, dropped: { queue_full: 6 } });
  });

  test('never drops what is in flight', () => {
    const { intake, kept, lost } = intakeOf({ ...ROOM, when_full: 'drop_oldest' });
    for (let n = 1; n <= 10; n++) intake.accept(eventOf(n));
    intake.lane(0).take('fresh', 3, 1e9, false);
    for (let n = 11; n <= 12; n++) intake.accept(eventOf(n));
    expect([kept(), lost()]).toEqual([range(6, 12), [[4, 5]]]);
    expect(intake.memory.events).toBe(10);
  });

  test('drops the newest', () => {
    const { intake, kept, lost } = intakeOf({ ...ROOM, when_full: 'drop_newest' });
    for (let n = 1; n <= 13; n++) intake.accept(eventOf(n));
    expect([kept(), lost()]).toEqual([range(1, 10), [[11, 13]]]);
  });

  test('takes nothing until half of it is free, so that an outage leaves one hole', () => {
    const { intake, kept, lost } = intakeOf({ ...ROOM, when_full: 'block' });
    const lane = intake.lane(0);
    const accept = (): unknown => intake.accept(eventOf(lane.n + 1));
    for (let n = 1; n <= 12; n++) accept();
    lane.settle(lane.take('fresh', 4, 1e9, false), 'delivered');
    accept();
    expect([kept(), lost()]).toEqual([range(5, 10), [[11, 13]]]);
    lane.settle(lane.take('fresh', 1, 1e9, false), 'delivered');
    for (let n = 14; n <= 18; n++) accept();
    expect([kept(), lost()]).toEqual([[...range(6, 10), ...range(14, 18)], [[11, 13]]]);
  });

  test.each(['drop_oldest', 'drop_newest', 'block'] as const)('drops an event larger than all of it alone (%s)', (when_full) => {
    const { intake, kept, lost } = intakeOf({ max_events: 10, max_bytes: 5000, when_full });
    intake.accept(eventOf(1));
    intake.accept(eventOf(2, { bytes: 6000 }));
    expect([kept(), lost()]).toEqual([[1], [[2, 2]]]);
  });
});

test(`numbers have no gaps, dropped events included, and each is in one place (SEED=${SEED})`, () => {
  const random = new Random(SEED);
  for (let round = 0; round < 60; round++) {
    const when_full = random.pick(['drop_oldest', 'drop_newest', 'block'] as const);
    const lanes = random.pick([1, 3]);
    const queue = { max_events: 12, max_bytes: random.pick([4000, 100_000]), when_full };
    const { intake, ledger, kept, lost } = intakeOf(queue, { lanes, lane_by: 'sequence' });
    const delivered = Array.from({ length: lanes }, (): number[] => []);
    for (let i = 1; i <= 120; i++) {
      intake.accept(eventOf(i, { bytes: random.pick([300, 900, 5000]) }));
      const lane = intake.lane(random.below(lanes));
      if (random.chance(0.1)) {
        const batch = lane.take('fresh', 4, 1e9, false);
        lane.settle(batch, 'delivered');
        delivered[lane.number]?.push(...batch.map(({ n }) => n));
      }
      expect(intake.memory.events).toBeLessThanOrEqual(queue.max_events);
      expect(intake.memory.bytes).toBeLessThanOrEqual(queue.max_bytes);
      expect(imbalance(ledger.view())).toBe(0);
    }
    for (let lane = 0; lane < lanes; lane++) {
      const gone = lost(lane).flatMap(([first, last]) => range(first, last as number));
      const all = [...(delivered[lane] as number[]), ...kept(lane), ...gone].toSorted((a, b) => a - b);
      expect(all).toEqual(range(1, intake.lane(lane).n));
    }
  }
});

describe('a lane is chosen', () => {
  const schema = defineSchema({ type: 'test.lane', doc: 'A cell.', attributes: ['device'], fields: {} });
  const other = defineSchema({ type: 'test.other', doc: 'A cell.', attributes: ['device'], fields: {} });
  let n = 0;
  const event = (
    about: { host?: string; sensor?: string; env?: string; device?: string; type?: typeof schema | typeof other } = {},
  ) => {
    const { host = 'h', sensor = 's', env = 'e', device = 'd', type = schema } = about;
    const source = createSource({ agent: 'agent', run: 'run', sensor, host, labels: { env } });
    return new TideEvent(source, ++n, 0, type.table().add([device], {}).seal());
  };
  const names = Array.from({ length: 40 }, (_, i) => `name ${i}`);
  const lanesBy = (lane_by: string, events: readonly TideEvent[]): number[] => {
    const { intake } = intakeOf({ max_events: 1000, max_bytes: 2 ** 24, when_full: 'drop_oldest' }, { lanes: 4, lane_by });
    return events.map((one) => intake.accept(one).number);
  };

  test.each([
    ['host', 'host'],
    ['sensor', 'sensor'],
    ['label:env', 'env'],
    ['attribute:device', 'device'],
  ] as const)('by %s: what has the same is in one, what has others is in several', (laneBy, member) => {
    const differing = lanesBy(
      laneBy,
      names.map((name) => event({ [member]: name })),
    );
    expect(new Set(differing).size).toBe(4);
    // The same keys go to the same lanes again, whatever else is different.
    expect(
      lanesBy(
        laneBy,
        names.map((name) => event({ host: name, sensor: name, env: name, device: name })),
      ),
    ).toEqual(differing);
    const others = names.map((name) => event({ host: name, sensor: name, env: name, device: name, [member]: 'same' }));
    expect(new Set(lanesBy(laneBy, others)).size).toBe(1);
  });

  test('by type', () => {
    expect(
      new Set(
        lanesBy(
          'type',
          names.map((host) => event({ host })),
        ),
      ).size,
    ).toBe(1);
    const lanes = lanesBy('type', [event(), event({ type: other }), event()]);
    expect(lanes[0]).toBe(lanes[2]);
    expect(lanes[0]).not.toBe(lanes[1]);
  });

  test('by sequence: one after another', () => {
    expect(
      lanesBy(
        'sequence',
        range(1, 6).map(() => event()),
      ),
    ).toEqual([0, 1, 2, 3, 0, 1]);
  });

  test('for events without the label or the attribute too: all in one', () => {
    for (const laneBy of ['label:none', 'attribute:none'])
      expect(
        new Set(
          lanesBy(
            laneBy,
            names.map((host) => event({ host })),
          ),
        ).size,
      ).toBe(1);
  });
});
