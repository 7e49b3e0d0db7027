/** The service when parts of it hang, when it is told two things at once, and when it ends. */
import { describe, expect, test } from 'vitest';
import { setup, TestSensor, TestSink } from './agent-setup.ts';

const never = async (): Promise<never> => await new Promise(() => {});
const upTo = (n: number, sensor = 'a'): string[] => Array.from({ length: n }, (_, i) => `${sensor}/${i + 1}`);
const LAZY = { batch: { max_events: 100, max_bytes: 1e6, wait: 60_000 } };

describe('stop', () => {
  test('delivers what is queued, closes everything once, and leaves no timer', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    await apply([sensor.entry('a'), sensor.entry('b')], [sink.entry('one', LAZY)]);
    await clock.advance(3500);
    expect(sink.got).toHaveLength(2);
    await clock.until(agent.stop(10_000));
    expect(sink.ids.filter((id) => id.startsWith('a'))).toEqual(upTo(4));
    expect([sensor.closed, sink.closed]).toEqual([2, 1]);
    expect(agent.status()).toMatchObject({ sensors: [{ state: 'closed' }, { state: 'closed' }], sinks: [{ state: 'stopped' }] });
    await clock.advance(86_400_000);
    expect(sensor.sampled).toBe(8);
    expect(clock.timers).toBe(0);
  });

  test('keeps to its limit beside a sink that hangs, says what was not delivered, and the others deliver', async () => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const hung = new TestSink();
    hung.write = never;
    await apply([sensor.entry('a')], [hung.entry('hung'), sink.entry('one', LAZY)]);
    await clock.advance(3500);
    const began = clock.monotonic();
    await clock.until(agent.stop(5000));
    expect(clock.monotonic() - began).toBeLessThanOrEqual(6000);
    expect(sink.ids).toEqual(upTo(4));
    expect(agent.status().sinks).toMatchObject([
      { ledger: { published: 4, dropped: { shutdown: 4 } } },
      { ledger: { delivered: 4 } },
    ]);
    expect(log.warn.mock.calls).toContainEqual([
      { sink: 'hung', events: 4 },
      'events were not delivered before the end and are dropped',
    ]);
  });

  test('gives a sink its own, shorter limit', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    sink.write = never;
    await apply([sensor.entry('a')], [sink.entry('one', { shutdown_timeout: 100, timeout: 60_000 })]);
    await clock.advance(1500);
    const began = clock.monotonic();
    await clock.until(agent.stop(10_000));
    expect(clock.monotonic() - began).toBe(100);
  });

  test.each(['open', 'sample', 'close'] as const)('delivers in time although a sensor hangs in %s', async (method) => {
    const { clock, agent, sensor, sink, apply } = setup();
    const hung = new TestSensor();
    hung[method] = never;
    await apply([hung.entry('hung'), sensor.entry('a')], [sink.entry('one', LAZY)]);
    await clock.advance(1500);
    const [began, samples] = [clock.monotonic(), sensor.sampled];
    await clock.until(agent.stop(10_000));
    expect(clock.monotonic() - began).toBeLessThanOrEqual(10_000);
    expect(sink.ids.filter((id) => id.startsWith('a'))).toEqual(upTo(samples));
    expect(sensor.closed).toBe(1);
  });

  test('takes along a sink that a reload removed just before', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    let answer = (): void => {};
    sink.write = async (batch) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      sink.got.push(...batch);
    };
    await apply([sensor.entry('a')], [sink.entry('one', { timeout: 5000 })]);
    await clock.advance(1500);
    const applied = agent.apply({ sensors: [sensor.entry('a')], sinks: [], host: 'host' });
    // It still writes; what is sampled now is not for it any more.
    await clock.advance(1100);
    clock.after(1000, () => answer());
    clock.after(1100, () => answer());
    await clock.until(agent.stop(5000));
    await applied;
    expect(sink.ids).toEqual(upTo(2));
    expect(sink.closed).toBe(1);
  });

  test('while a plan is being applied ends that too: nothing is opened or sampled afterwards', async () => {
    const { clock, agent, sensor, sink, apply } = setup();
    const slow = new TestSensor();
    let closing = (): void => {};
    slow.close = async () =>
      await new Promise<void>((resolve) => {
        closing = resolve;
      });
    await apply([slow.entry('slow')], [sink.entry('one')]);
    const applied = agent.apply({ sensors: [sensor.entry('a')], sinks: [sink.entry('one')], host: 'host' });
    await clock.advance(10);
    const stopped = agent.stop(1000);
    closing();
    await clock.until(Promise.all([applied, stopped]));
    await apply([sensor.entry('b')], [sink.entry('two')]);
    await clock.advance(60_000);
    expect([sensor.opened.length, sensor.sampled]).toEqual([0, 0]);
    expect(agent.status().sinks.map(({ name }) => name)).toEqual(['one']);
    expect(clock.timers).toBe(0);
  });
});

describe('plans', () => {
  test('are applied one after the other, whenever they come', async () => {
    const { clock, agent, sensor, sink } = setup();
    const slow = new TestSensor();
    let closed = 0;
    slow.close = async () => {
      await new Promise<void>((resolve) => clock.after(500, resolve));
      closed++;
    };
    const plan = (round: number) => ({
      sensors: [slow.entry('slow', { options: { round } }), sensor.entry('a', { options: { round } })],
      sinks: [sink.entry('one')],
      host: 'host',
    });
    const applied = [1, 2, 3].map(async (round) => await agent.apply(plan(round)));
    await clock.until(Promise.all(applied));
    await clock.advance(5000);
    expect(agent.status().sensors).toHaveLength(2);
    expect([slow.opened.length, closed, sensor.opened.length, sensor.closed]).toEqual([3, 2, 3, 2]);
    for (const name of ['a', 'slow']) {
      const ids = sink.ids.filter((id) => id.startsWith(`${name}/`));
      expect(ids, 'no id twice').toEqual(upTo(ids.length, name));
    }
  });

  test('are applied although a sensor hangs while it opens or closes, and what hangs hangs once', async () => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const hung = new TestSensor();
    hung.open = never;
    await apply([hung.entry('hung'), sensor.entry('a')], [sink.entry('one')]);
    expect(clock.monotonic()).toBeLessThanOrEqual(60_000);
    expect(sink.ids.length).toBeGreaterThan(0);
    expect(agent.status().sensors[0]).toMatchObject({
      name: 'hung',
      state: 'opening',
      why: expect.stringContaining('longer than'),
    });
    await clock.advance(3_600_000);
    expect(hung.opened).toHaveLength(1);
    expect(log.warn).toHaveBeenCalledTimes(1);
    sensor.close = never;
    await apply([], [sink.entry('one')]);
    expect(agent.status().sensors).toEqual([]);
  });
});
