/** What a sensor is told: its name, how long it may take, the moment of its sample, what it kept; through the whole service. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import * as z from 'zod';
import { defineSensor, emitted, type SensorContext } from '../src/sensor.ts';
import { setup } from './agent-setup.ts';
import { valueSchema } from './events.ts';
import { temporaryFolder } from './temporary.ts';

/** A sensor that counts its samples over all runs. */
function counting(contexts: SensorContext[], times: number[]) {
  return defineSensor({
    name: 'test',
    summary: 'Counts its samples over all runs.',
    emits: [valueSchema],
    options: z.unknown(),
    open(_host, _options, context) {
      contexts.push(context);
      let count = (context.state.load() as number | undefined) ?? 0;
      let saved: Promise<void> | undefined;
      return {
        sample(_signal, time) {
          times.push(time);
          count++;
          saved = context.state.save(count);
          if (count === 2) context.warn('two');
          return [valueSchema.table().add(['n'], { value: count })];
        },
        close: () => saved,
      };
    },
  });
}

test('a sensor knows the moment that its events carry, and what it kept in the run before', async () => {
  const stateDir = temporaryFolder();
  const contexts: SensorContext[] = [];
  const times: number[] = [];
  const file = join(stateDir, 'sensors/tide.json');
  const runOnce = async (samples: number, saved: string) => {
    const service = setup({ stateDir });
    const entry = { ...service.sensor.entry('tide'), definition: counting(contexts, times) };
    await service.apply([entry], [service.sink.entry('one')]);
    await service.clock.advance(1000 * (samples - 1) + 500);
    // The disk keeps real time, the service does not.
    await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe(saved), { timeout: 10_000 });
    const stopping = service.agent.stop(1000);
    await service.clock.until(stopping);
    return service;
  };
  const first = await runOnce(3, '3\n');
  expect(contexts[0]).toMatchObject({ name: 'tide', timeout: 500 });
  expect(first.sink.got.map(({ time }) => time)).toEqual(times);
  expect(first.sink.got.map(({ table }) => table.values[0])).toEqual([1, 2, 3]);
  expect(first.log.warn.mock.calls).toEqual([[{ sensor: 'tide' }, 'two']]);
  const second = await runOnce(2, '5\n');
  expect(second.sink.got.map(({ table }) => table.values[0])).toEqual([4, 5]);
});

test('what a sensor emits is what all of its instances do, and what the options of one make', () => {
  const other = { ...valueSchema, type: 'other' };
  const sensor = defineSensor({
    name: 'test',
    summary: 'Emits what it is told to.',
    emits: [valueSchema],
    emitsFor: ({ more }) => (more ? [other] : []),
    options: z.strictObject({ more: z.boolean() }),
    open: () => ({ sample: () => [] }),
  });
  expect(emitted(sensor, { more: false })).toEqual([valueSchema]);
  expect(emitted(sensor, { more: true })).toEqual([valueSchema, other]);
});
