/** What a drain leaves behind on disk is given back while it goes on, and what it has yet to send is not rewritten for that. */
import { expect, test } from 'vitest';
import { ALL_ENTRIES, entryKey, laneOfKey, placeOfKey } from '../../src/delivery/keys.ts';
import { SinkError } from '../../src/errors.ts';
import { Bench, settingsOf } from './parts.ts';

const isEntry = (key: Buffer): boolean => key.length === entryKey(0, 0).length && key[0] === entryKey(0, 0)[0];

test.each([1, 3])('a drain of %i lanes is compacted behind, in steps, and in whole at its end', async (lanes) => {
  const bench = new Bench(settingsOf({ lanes, drain: { rate: 'auto' } }));
  const { broker, clock, delivery, disk } = bench;
  broker.answer = () => {
    throw new SinkError('transient', 'down');
  };
  for (let i = 0; i < 20; i++) {
    bench.publish(60, { bytes: 50_000 });
    await clock.advance(1000);
  }
  const { compacted } = disk;
  // What is written is moved out of the way in steps, each of which begins with the last of the one before; the head is left alone.
  const ends = new Map<number, number>();
  for (const { from, to } of compacted.splice(0)) {
    const lane = laneOfKey(from);
    expect(50_000 * (placeOfKey(to) - placeOfKey(from))).toBeGreaterThan(8 * 2 ** 20);
    if (ends.has(lane)) expect(placeOfKey(from)).toBe((ends.get(lane) as number) - 1);
    ends.set(lane, placeOfKey(to));
  }
  // 60 MB, in steps of 8 MiB a lane.
  expect(ends.size).toBeGreaterThan(0);
  // Lanes are sent side by side, so each has a head of its own.
  const sent = new Map<number, number>();
  const wrong: string[] = [];
  broker.answer = (batch) => {
    for (const { lane } of batch) sent.set(lane, (sent.get(lane) ?? 0) + 1);
    for (const { from, to } of compacted.splice(0)) {
      if (from.equals(ALL_ENTRIES.from)) wrong.push('all of it, before its end');
      else if (!from.equals(entryKey(laneOfKey(from), 0))) wrong.push('not from the beginning');
      else if (placeOfKey(to) > (sent.get(laneOfKey(to)) ?? 0)) wrong.push('before the head');
      else wrong.push('right');
    }
  };
  await clock.advance(60_000);
  expect(delivery.status().ledger).toMatchObject({ delivered: 1200, spooled: 0 });
  // 60 MB in steps of 8 MiB a lane; less than a step of a lane waits for the end.
  expect(new Set(wrong)).toEqual(new Set(['right']));
  expect(wrong.length).toBeGreaterThanOrEqual(lanes === 1 ? 3 : lanes);
  expect(compacted.at(-1)).toEqual(ALL_ENTRIES);
  await clock.until(delivery.stop(5000));
});

test('what is given up behind a batch in flight is compacted, too', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery, disk } = bench;
  const { promise, resolve } = Promise.withResolvers<void>();
  broker.answer = () => {
    throw new SinkError('transient', 'down');
  };
  for (let i = 0; i < 10; i++) {
    bench.publish(60, { bytes: 50_000 });
    await clock.advance(1000);
  }
  broker.answer = async () => await promise;
  await clock.advance(40_000);
  expect(delivery.status().ledger.in_flight).toBeGreaterThan(0);
  disk.compacted.length = 0;
  // All of it, though the keys of what was given up first are still on disk while the rest is read.
  expect(await clock.until(delivery.operations.discardSpooled())).toBe(delivery.status().ledger.dropped['discarded']);
  expect(delivery.status().ledger.spooled).toBe(0);
  await clock.advance(2000);
  expect(placeOfKey(disk.compacted[0]?.to as Buffer)).toBe(600);
  resolve();
  await clock.advance(10_000);
  expect(delivery.status().ledger).toMatchObject({ queued: 0, spooled: 0, in_flight: 0 });
  expect(disk.compacted.at(-1)).toEqual(ALL_ENTRIES);
  await clock.until(delivery.stop(5000));
});

test('a drain begins each read at what is there: LevelDB walks through what was deleted before it', async () => {
  const bench = new Bench(settingsOf());
  const { broker, clock, delivery, disk } = bench;
  broker.answer = () => {
    throw new SinkError('transient', 'down');
  };
  for (let i = 0; i < 10; i++) {
    bench.publish(60, { bytes: 50_000 });
    await clock.advance(1000);
  }
  broker.answer = () => {};
  disk.reads.length = 0;
  await clock.advance(60_000);
  expect(delivery.status().ledger).toMatchObject({ delivered: 600, spooled: 0 });
  const read = disk.reads.filter(({ from, first }) => first !== undefined && isEntry(from));
  expect(read.length).toBeGreaterThan(5);
  for (const { from, first } of read) expect(placeOfKey(first as Buffer)).toBe(placeOfKey(from));
  await clock.until(delivery.stop(5000));
});
