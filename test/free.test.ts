/** Memory of large buffers that is given back at once, and of whom it is not. */
import { expect, it } from 'vitest';
import { SinkError } from '../src/errors.ts';
import { free, Slabs } from '../src/free.ts';
import { Bench, settingsOf } from './delivery/parts.ts';

const LARGE = 50_000;

it('gives back a large buffer, and leaves small ones and parts of larger ones alone', () => {
  const [large, small, whole] = [Buffer.alloc(LARGE, 1), Buffer.from('small'), Buffer.alloc(2 * LARGE, 1)];
  const part = whole.subarray(0, LARGE);
  expect([large, small, part].map(free)).toEqual([true, false, false]);
  expect([large.length, small.toString(), part[LARGE - 1]]).toEqual([0, 'small', 1]);
  // What was in front of it, as in a value of the spool, goes with it.
  expect(free(whole.subarray(100))).toBe(true);
  expect(part.length).toBe(0);
});

it('gives back small buffers that were allocated together, when the last of them goes', () => {
  const slabs = new Slabs();
  const parts = Array.from({ length: 100 }, (_, i) => slabs.allocate(1000).fill(i));
  const first = parts.filter(({ buffer }) => buffer === parts[0]?.buffer);
  expect(first.length).toBeGreaterThan(10);
  expect(first.length).toBeLessThan(100);
  expect(parts.every((part, i) => part.every((byte) => byte === i))).toBe(true);
  for (const part of first.slice(1)) expect(free(part)).toBe(true);
  expect(first[0]?.every((byte) => byte === 0)).toBe(true);
  expect(first[0]).toHaveLength(1000);
  free(first[0] as Buffer);
  expect(first.map(({ length }) => length)).toEqual(first.map(() => 0));
  // Those of the slab that has room yet stay, also when none of them is needed.
  const last = parts.filter(({ buffer }) => buffer === parts.at(-1)?.buffer);
  for (const part of last) free(part);
  expect(slabs.allocate(10).buffer).toBe(last[0]?.buffer);
  expect(slabs.allocate(LARGE).buffer.byteLength).toBe(LARGE);
});

it('gives back what has arrived, but not before', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery } = bench;
  const sizes: number[] = [];
  broker.answer = async (batch) => {
    await new Promise<void>((resolve) => clock.after(5000, resolve));
    for (const { body } of batch) sizes.push(body.length);
  };
  bench.publish(3, { bytes: LARGE });
  await clock.advance(60_000);
  expect(sizes).toHaveLength(3);
  expect(Math.min(...sizes)).toBeGreaterThan(LARGE / 2);
  expect(broker.arrived.map(({ body }) => body.length)).toEqual([0, 0, 0]);
  await clock.until(delivery.stop(5000));
});

it('gives back what has arrived from the disk, and reads it from there whole', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery } = bench;
  const sizes: number[] = [];
  broker.answer = () => {
    throw new SinkError('transient', 'away');
  };
  for (let i = 0; i < 10; i++) {
    bench.publish(20, { bytes: LARGE });
    await clock.advance(2000);
  }
  broker.answer = (batch) => void sizes.push(...batch.map(({ body }) => body.length));
  await clock.advance(120_000);
  expect(sizes).toHaveLength(200);
  expect(Math.min(...sizes)).toBeGreaterThan(LARGE / 2);
  expect(broker.arrived.map(({ body }) => body.length).filter((length) => length > 0).length).toBeLessThan(50);
  await clock.until(delivery.stop(5000));
});

it('leaves what a call that was given up may still read', async () => {
  const bench = new Bench(settingsOf({}, { timeout: 1000 }));
  const { broker, clock, delivery } = bench;
  broker.answer = async () => {
    if (broker.writes.length === 1) await new Promise(() => {});
  };
  bench.publish(3, { bytes: LARGE });
  await clock.advance(60_000);
  expect(delivery.status().ledger).toMatchObject({ delivered: 3 });
  for (const { messages } of broker.writes) for (const { body } of messages) expect(body.length).toBeGreaterThan(LARGE / 2);
  await clock.until(delivery.stop(5000));
});

it('leaves a dead letter whole, also while it is sent again', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery } = bench;
  broker.answer = () => {
    throw new SinkError('rejected', 'too large');
  };
  bench.publish(3, { bytes: LARGE });
  await clock.advance(5000);
  broker.answer = () => {};
  expect(await clock.until(delivery.operations.retry([0, 1, 2]))).toBe(3);
  await clock.advance(5000);
  const bodies = broker.arrived.filter(({ seq }) => seq !== undefined).map(({ body }) => body.length);
  expect(bodies).toHaveLength(3);
  expect(Math.min(...bodies)).toBeGreaterThan(LARGE / 2);
  await clock.until(delivery.stop(5000));
});
