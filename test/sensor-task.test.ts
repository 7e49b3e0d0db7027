/** One configured sensor: unavailable, failing, slow to open; said once. */
import { describe, expect, test } from 'vitest';
import { Unavailable } from '../src/errors.ts';
import { setup } from './agent-setup.ts';

const RETRY = 300_000;
const later = () => Promise.withResolvers<void>();

describe('a sensor that cannot be opened', () => {
  test('for want of something is unavailable, said once, and tried again until it is there', async () => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const open = sensor.open;
    sensor.open = () => {
      throw new Unavailable('there is no such device');
    };
    await apply([], [sink.entry('one')]);
    await apply([sensor.entry('a')], [sink.entry('one')]);
    expect(agent.status().sensors).toMatchObject([{ state: 'unavailable', why: 'there is no such device', stats: undefined }]);
    await clock.advance(10 * RETRY + 10);
    expect(sensor.opened).toHaveLength(11);
    expect(log.info.mock.calls).toEqual([[{ sensor: 'a', why: 'there is no such device' }, 'the sensor is unavailable']]);
    sensor.open = open;
    await clock.advance(RETRY);
    expect(log.info.mock.calls.at(-1)).toEqual([{ sensor: 'a' }, 'the sensor is available now']);
    expect(agent.status().sensors).toMatchObject([{ state: 'sampling', why: undefined }]);
    await clock.advance(1000);
    expect(sink.got.length).toBeGreaterThan(0);
    expect([log.warn.mock.calls, log.error.mock.calls]).toEqual([[], []]);
    expect(sensor.opened, 'and not any more').toHaveLength(12);
  });

  test('at the start is told by whoever starts the service; of a new reason the log tells', async () => {
    const { clock, agent, log, sensor, apply } = setup();
    let why = 'there is no such device';
    sensor.open = () => {
      throw new Unavailable(why);
    };
    await apply([sensor.entry('a')], []);
    await clock.advance(3 * RETRY + 10);
    expect(agent.status().sensors).toMatchObject([{ state: 'unavailable', why }]);
    expect(log.info.mock.calls).toEqual([]);
    why = 'it is not ours to read';
    await clock.advance(3 * RETRY);
    expect(log.info.mock.calls).toEqual([[{ sensor: 'a', why }, 'the sensor is unavailable']]);
  });

  test('for another reason is an error, said again only when the reason changes', async () => {
    const { clock, agent, log, sensor, apply } = setup();
    let reason = 'a bug';
    sensor.open = async () => await Promise.reject(new Error(reason));
    await apply([sensor.entry('a')], []);
    await clock.advance(3 * RETRY + 10);
    expect(log.error).toHaveBeenCalledTimes(1);
    reason = 'another bug';
    await clock.advance(3 * RETRY);
    expect(log.error.mock.calls.map(([about]) => about)).toEqual([
      { sensor: 'a', why: 'a bug' },
      { sensor: 'a', why: 'another bug' },
    ]);
    expect(agent.status().sensors).toMatchObject([{ state: 'unavailable', why: 'another bug' }]);
  });

  test('is not tried any more when it was removed', async () => {
    const { clock, sensor, apply } = setup();
    sensor.open = () => {
      throw new Unavailable('no');
    };
    await apply([sensor.entry('a')], []);
    await apply([], []);
    await clock.advance(10 * RETRY);
    expect(sensor.opened).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });
});

describe('a sensor that takes long to open', () => {
  test('samples once it is there', async () => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const { promise, resolve } = later();
    const open = sensor.open;
    sensor.open = async () => {
      await promise;
      return await open();
    };
    await apply([sensor.entry('a')], [sink.entry('one')]);
    await clock.advance(RETRY);
    expect(agent.status().sensors).toMatchObject([{ state: 'opening' }]);
    resolve();
    await clock.advance(2000);
    expect(agent.status().sensors).toMatchObject([{ state: 'sampling', why: undefined }]);
    expect(sensor.opened).toHaveLength(1);
    expect(sink.got.length).toBeGreaterThan(0);
    expect(log.info).toHaveBeenCalledTimes(1);
  });

  test('is closed at once when it was removed meanwhile', async () => {
    const { clock, sensor, apply } = setup();
    const { promise, resolve } = later();
    const open = sensor.open;
    sensor.open = async () => {
      await promise;
      return await open();
    };
    await apply([sensor.entry('a')], []);
    await apply([], []);
    expect(sensor.closed).toBe(0);
    resolve();
    await clock.advance(10_000);
    expect([sensor.closed, sensor.sampled]).toEqual([1, 0]);
    expect(clock.timers).toBe(0);
  });
});

describe('samples that fail', () => {
  test('are said once, when they begin, when they change and when they end', async () => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const good = sensor.sample;
    let reason = 'broken';
    const bad = () => {
      throw new Error(reason);
    };
    sensor.sample = bad;
    await apply([sensor.entry('a')], [sink.entry('one')]);
    await clock.advance(600_000);
    expect(log.warn.mock.calls).toEqual([[{ sensor: 'a', reason: 'broken' }, 'a sample failed']]);
    reason = 'broken otherwise';
    await clock.advance(600_000);
    expect(log.warn).toHaveBeenCalledTimes(2);
    sensor.sample = good;
    await clock.advance(600_000);
    expect(log.info.mock.calls).toEqual([[{ sensor: 'a' }, 'the sensor samples again']]);
    expect(agent.status().sensors).toMatchObject([{ state: 'sampling', stats: { failuresInARow: 0, lastError: undefined } }]);
    sensor.sample = bad;
    await clock.advance(10_000);
    expect(log.warn).toHaveBeenCalledTimes(3);
  });

  test.each([
    ['nothing', undefined],
    ['one table', {}],
    ['a list of something else', [1]],
  ])('are those too that return %s', async (_, result) => {
    const { clock, agent, log, sensor, sink, apply } = setup();
    const good = sensor.sample;
    sensor.sample = () => result as unknown as [];
    await apply([sensor.entry('a')], [sink.entry('one')]);
    await clock.advance(1500);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(agent.status().sensors).toMatchObject([{ stats: { failures: 2 } }]);
    sensor.sample = good;
    await clock.advance(10_000);
    expect(sink.ids[0], 'and number no event').toBe('a/1');
  });

  test('leave the other sensors alone', async () => {
    const { clock, sensor, sink, apply, agent } = setup();
    const good = sensor.sample;
    let calls = 0;
    sensor.sample = () => (calls++ % 2 ? good() : Promise.reject(new Error('every other one')));
    await apply([sensor.entry('a'), sensor.entry('b', { offset: 100 })], [sink.entry('one')]);
    await clock.advance(5000);
    const { sensors } = agent.status();
    expect(sensors.map(({ stats }) => (stats?.samples ?? 0) >= 5)).toEqual([true, true]);
    expect(sink.got.length).toBeGreaterThan(3);
  });
});

test('a sensor that fails to close is said to, and is closed', async () => {
  const { agent, log, sensor, apply } = setup();
  sensor.close = () => {
    throw new Error('no');
  };
  await apply([sensor.entry('a')], []);
  await apply([], []);
  expect(agent.status().sensors).toEqual([]);
  expect(log.warn.mock.calls).toEqual([[{ sensor: 'a', reason: 'no' }, 'the sensor did not close']]);
});
