/** The service as a whole: what starts, what a reload touches, and that it loses nothing on the way. */
import { describe, expect, test } from 'vitest';
import { imbalance } from '../src/ledger.ts';
import { setup, TestSensor, TestSink } from './agent-setup.ts';
import { valueSchema } from './events.ts';
import { plain } from './support.ts';

const upTo = (n: number, sensor = 'a'): string[] => Array.from({ length: n }, (_, i) => `${sensor}/${i + 1}`);

describe('a plan', () => {
  test('is started: every sensor samples, every sink gets every event, stamped', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const other = new TestSink();
    await apply([sensor.entry('a', { labels: { env: 'prod' } })], [sink.entry('one'), other.entry('two')]);
    await clock.advance(3500);
    expect(sink.ids).toEqual(upTo(4));
    expect(other.got).toEqual(sink.got);
    expect(sink.got[0]?.id).toBe(`me/${agent.run}/a/1`);
    expect(sink.got[0]?.source).toMatchObject({ agent: 'me', sensor: 'a', host: 'host', labels: { env: 'prod' } });
    expect(sink.got.map(({ time }) => time % 1000)).toEqual([0, 0, 0, 0]);
    expect(agent.status()).toMatchObject({
      run: agent.run,
      sensors: [{ name: 'a', state: 'sampling', why: undefined, stats: { samples: 4, failures: 0 } }],
      sinks: [
        { name: 'one', ledger: { published: 4, delivered: 4 } },
        { name: 'two', ledger: { published: 4, delivered: 4 } },
      ],
    });
  });

  test('may have several instances of one sensor, each with its own options, moments, labels and numbers', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    await apply(
      [
        sensor.entry('db1', { options: { port: 1 }, labels: { db: '1' } }),
        sensor.entry('db2', { options: { port: 2 }, labels: { db: '2' }, interval: 2000, offset: 500 }),
      ],
      [sink.entry('one')],
    );
    await clock.advance(4900);
    expect(sensor.opened).toEqual([{ port: 1 }, { port: 2 }]);
    const of = (name: string) => sink.got.filter(({ source }) => source.sensor === name);
    expect(of('db1').map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
    expect(of('db2').map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    expect(of('db2').map(({ time }) => time % 2000)).toEqual([0, 500, 500, 500]);
    expect(of('db2').every(({ source }) => source.labels['db'] === '2')).toBe(true);
    expect(agent.status().sensors.map(({ name }) => name)).toEqual(['db1', 'db2']);
  });

  test('gives each sink the types it selects', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const [none, all] = [new TestSink(), new TestSink()];
    await apply(
      [sensor.entry('a')],
      [sink.entry('some', { select: ['test.*'] }), none.entry('none', { select: ['*', '!test.value'] }), all.entry('all')],
    );
    await clock.advance(2500);
    expect([sink.got.length, none.got.length, all.got.length]).toEqual([3, 0, 3]);
    expect(
      agent.status().sinks.map(({ ledger }) => ledger.published),
      'what is not selected is not published to it',
    ).toEqual([3, 0, 3]);
  });

  test('gives a sink every second sample with what was made of the others, and each to another', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const thin = new TestSink();
    await apply(
      [sensor.entry('a')],
      [sink.entry('all'), thin.entry('thin', { every: { samples: 2 }, aggregate: ['last', 'mean'] })],
    );
    await clock.advance(4500);
    expect(thin.ids).toEqual(['a/1', 'a/3', 'a/5']);
    expect(thin.got.map(({ table }) => plain(table).rows)).toEqual(
      [
        [1, 1],
        [3, 2.5],
        [5, 4.5],
      ].map(([value, mean]) => [{ name: 'n', value, 'value.mean': mean }]),
    );
    expect(sink.got.map(({ table }) => plain(table).rows[0])).toEqual([1, 2, 3, 4, 5].map((value) => ({ name: 'n', value })));
    expect(agent.status().sinks.map(({ ledger }) => ledger.published)).toEqual([5, 3]);
  });

  test('gives sensors of a group the same moments, whatever their intervals, and measures how far apart they begin', async () => {
    const { clock, agent, sensor, sink, apply } = setup({ agent: 'web-1' });
    const other = new TestSensor();
    // Whichever is called first takes a while, for which the other waits.
    sensor.sample = other.sample = () => {
      clock.spend(7);
      return [valueSchema.table().add(['n'], { value: 1 })];
    };
    const entry = (from: TestSensor, name: string, interval: number) =>
      from.entry(name, { interval, offset: undefined, synchronise: 'both', timeout: 5000 });
    await apply([entry(sensor, 'a', 10_000), entry(other, 'b', 20_000)], [sink.entry('one')]);
    await clock.advance(65_000);
    const moments = (name: string): number[] =>
      sink.got
        .filter(({ source }) => source.sensor === name)
        .map(({ time }) => Math.floor(time / 1000))
        .slice(1);
    expect(moments('b').length).toBeGreaterThan(2);
    expect(moments('a')).toEqual(expect.arrayContaining(moments('b')));
    const [a, b] = agent.status().sensors.map(({ stats }) => stats);
    expect([a?.maxSkew, b?.maxSkew]).toEqual([7, 7]);
    expect(new Set([a?.skew, b?.skew])).toEqual(new Set([0, 7]));
  });

  test('a run is told from every other, and the moments of two agents are not the same', async () => {
    const at = async (name: string): Promise<number> => {
      const { clock, sensor, sink, apply } = setup({ agent: name });
      await apply([sensor.entry('a', { interval: 100_000, offset: undefined, timeout: 5000 })], [sink.entry('one')]);
      await clock.advance(150_000);
      return (sink.got[1]?.time ?? 0) % 100_000;
    };
    expect(setup().agent.run).not.toBe(setup().agent.run);
    const moments = await Promise.all(['web-1', 'web-2', 'web-3', 'db'].map(at));
    expect(new Set(moments).size).toBe(4);
    for (const moment of moments) expect(moment).toBeLessThan(10_000);
    expect(await at('web-1')).toBe(moments[0]);
  });
});

describe('a reload', () => {
  test('of the same plan touches nothing', async () => {
    const { clock, sensor, sink, apply } = setup();
    const plan = () => [[sensor.entry('a'), sensor.entry('b')], [sink.entry('one')]] as const;
    await apply([...plan()[0]], [...plan()[1]]);
    await clock.advance(1500);
    await apply([...plan()[0]], [...plan()[1]]);
    await clock.advance(2000);
    expect([sensor.opened.length, sensor.closed, sink.opened, sink.closed]).toEqual([2, 0, 1, 0]);
    expect(sink.ids.filter((id) => id.startsWith('a'))).toEqual(upTo(4));
  });

  test('restarts the one sensor that changed, and its numbers go on: no id is ever given twice', async () => {
    const { clock, sensor, sink, apply } = setup();
    const [kept, changed] = [new TestSensor(), sensor];
    await apply([kept.entry('kept'), changed.entry('a')], [sink.entry('one')]);
    await clock.advance(1500);
    await apply([kept.entry('kept'), changed.entry('a', { options: { other: true } })], [sink.entry('one')]);
    await clock.advance(1500);
    expect([kept.opened.length, kept.closed, changed.opened.length, changed.closed]).toEqual([1, 0, 2, 1]);
    await apply([kept.entry('kept')], [sink.entry('one')]);
    await clock.advance(1500);
    await apply([kept.entry('kept'), changed.entry('a')], [sink.entry('one')]);
    await clock.advance(1500);
    const numbers = sink.ids.filter((id) => id.startsWith('a'));
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers).toEqual(upTo(numbers.length));
    expect([kept.opened.length, kept.closed, changed.opened.length, changed.closed]).toEqual([1, 0, 3, 2]);
  });

  test.each([
    ['host name', {}, 'other'],
    ['labels', { labels: { env: 'test' } }, 'host'],
  ])('of the %s reaches every event', async (_, more, hostName) => {
    const { clock, sensor, sink, apply } = setup();
    await apply([sensor.entry('a')], [sink.entry('one')]);
    await clock.advance(1500);
    await apply([sensor.entry('a', more)], [sink.entry('one')], hostName);
    await clock.advance(1500);
    expect(sink.got.at(-1)?.source).toMatchObject({ host: hostName, ...more });
    expect(sink.ids).toEqual(upTo(sink.ids.length));
  });

  test('that changes a sink hands over its queue and its account: nothing is lost, repeated or reordered', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const fine = new TestSink();
    const deliver = sink.write;
    sink.write = async () => await Promise.reject(new Error('away'));
    await apply([sensor.entry('a', { interval: 100, timeout: 50 })], [sink.entry('one'), fine.entry('two')]);
    await clock.advance(3050);
    const changed = sink.entry('one', { batch: { max_events: 7, max_bytes: 1e6, wait: 50 } });
    await apply([sensor.entry('a', { interval: 100, timeout: 50 })], [changed, fine.entry('two')]);
    await clock.advance(500);
    sink.write = deliver;
    await clock.advance(5000);
    expect(sink.ids).toEqual(fine.ids);
    expect(sink.ids).toEqual(upTo(sink.ids.length));
    const { ledger } = agent.status().sinks[0] as ReturnType<typeof agent.status>['sinks'][number];
    expect(ledger).toMatchObject({ published: sink.ids.length, delivered: sink.ids.length, dropped: {} });
    expect([fine.opened, fine.closed], 'the other sink notices nothing').toEqual([1, 0]);
  });

  test('a sink changed again and again, while it hangs and while it works, keeps the whole account', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const deliver = sink.write;
    const entry = (round: number) => sink.entry('one', { options: { round } });
    await apply([sensor.entry('a', { interval: 100, timeout: 50 })], [entry(0)]);
    for (let round = 1; round <= 12; round++) {
      sink.write = round % 3 === 1 ? async () => await new Promise(() => {}) : deliver;
      await clock.advance(round * 37);
      await apply([sensor.entry('a', { interval: 100, timeout: 50 })], [entry(round)]);
      const { ledger } = agent.status().sinks[0] as ReturnType<typeof agent.status>['sinks'][number];
      expect(imbalance(ledger)).toBe(0);
      expect(ledger.published).toBe(agent.status().sensors[0]?.stats?.samples);
    }
    sink.write = deliver;
    await clock.advance(10_000);
    expect(sink.ids).toEqual(upTo(sink.ids.length));
    expect(agent.status().sinks).toMatchObject([{ ledger: { published: sink.ids.length, delivered: sink.ids.length } }]);
  });

  test('that removes a sink delivers what it has and closes it; one that is added gets what comes then', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const added = new TestSink();
    await apply([sensor.entry('a')], [sink.entry('one', { batch: { max_events: 100, max_bytes: 1e6, wait: 60_000 } })]);
    await clock.advance(2500);
    expect(sink.ids).toEqual(upTo(1));
    await apply([sensor.entry('a')], [added.entry('two')]);
    expect(sink.ids).toEqual(upTo(3));
    expect(sink.closed).toBe(1);
    await clock.advance(2000);
    expect(sink.ids).toEqual(upTo(3));
    expect(added.ids).toEqual(['a/4', 'a/5']);
    expect(agent.status().sinks.map(({ name }) => name)).toEqual(['two']);
  });
});
