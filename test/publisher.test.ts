/** Tables become numbered events; rows that stay the same share a layout; what is too large is cut, and nothing of it lost. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyTable, counter, defineSchema, gauge, type LabelMap, type TideEvent } from '../src/event.ts';
import { Publisher } from '../src/publisher.ts';
import { SEED, source, valueSchema } from './events.ts';
import { type PlainRow, plain } from './support.ts';

const schema = defineSchema({
  type: 'test.wide',
  doc: 'Two attributes, two fields.',
  attributes: ['name', 'labels'],
  maps: ['labels'],
  fields: { a: counter('By', 'One.'), b: gauge('1', 'Two.') },
});

/** A publisher and the events it published. */
function setup(maxBytes = Number.POSITIVE_INFINITY, before = 0) {
  const events: TideEvent[] = [];
  const publisher = new Publisher(source, maxBytes, (event) => events.push(event), before);
  return { publisher, events };
}

const values = (...names: string[]): AnyTable => {
  const table = valueSchema.table();
  names.forEach((name, i) => table.add([name], { value: i }));
  return table;
};
const rowsOf = (events: readonly TideEvent[]): PlainRow[] => events.flatMap(({ table }) => plain(table).rows);

describe('events', () => {
  test('are numbered from 1 over all tables and samples, stamped with source and time', () => {
    const { publisher, events } = setup();
    expect(publisher.publish([values('a'), values('b')], 1000)).toBe(2);
    expect(publisher.publish([], 2000)).toBe(0);
    expect(publisher.publish([values('a')], 3000)).toBe(1);
    expect(events.map(({ id, time, type }) => [id, time, type])).toEqual([
      ['agent/run/sensor/1', 1000, 'test.value'],
      ['agent/run/sensor/2', 1000, 'test.value'],
      ['agent/run/sensor/3', 3000, 'test.value'],
    ]);
    expect(publisher.published).toBe(3);
  });

  test('go on from what the source had published before', () => {
    const { publisher, events } = setup(undefined, 41);
    publisher.publish([values('a')], 0);
    expect(events[0]?.n).toBe(42);
    expect(publisher.published).toBe(42);
  });

  test('of a publisher share one source', () => {
    const { publisher, events } = setup();
    publisher.publish([values('a'), values('b')], 0);
    expect(events[0]?.source).toBe(events[1]?.source);
  });
});

describe('layouts', () => {
  test('are the same object while the rows are the same rows', () => {
    const { publisher, events } = setup();
    for (let i = 0; i < 3; i++) publisher.publish([values('a', 'b'), values('c')], i);
    expect(events[2]?.table.layout).toBe(events[0]?.table.layout);
    expect(events[4]?.table.layout).toBe(events[0]?.table.layout);
    expect(events[5]?.table.layout).toBe(events[1]?.table.layout);
    expect(events[0]?.table.layout).not.toBe(events[1]?.table.layout);
  });

  test.each([[['a']], [['a', 'c']], [['b', 'a']], [['a', 'b', 'c']], [[]]])(
    'are new ones when the rows change to %j',
    (names) => {
      const { publisher, events } = setup();
      publisher.publish([values('a', 'b')], 0);
      publisher.publish([values(...names)], 1);
      expect(events[1]?.table.layout).not.toBe(events[0]?.table.layout);
      expect(rowsOf(events.slice(1)).map((row) => row['name'])).toEqual(names);
      expect(
        rowsOf(events.slice(0, 1)).map((row) => row['name']),
        'the event before keeps its own',
      ).toEqual(['a', 'b']);
    },
  );

  test('are kept for the parts of a table that is cut, too', () => {
    const { publisher, events } = setup(600);
    const names = Array.from({ length: 100 }, (_, i) => `name ${i}`);
    const parts = publisher.publish([values(...names)], 0);
    expect(parts).toBeGreaterThan(2);
    expect(publisher.publish([values(...names)], 1)).toBe(parts);
    for (let i = 0; i < parts; i++) expect(events[i + parts]?.table.layout).toBe(events[i]?.table.layout);
  });
});

describe('a table too large for an event', () => {
  const long = fc.integer({ min: 300, max: 900 }).map((length) => 'x'.repeat(length));
  const cell = fc.oneof({ weight: 8, arbitrary: fc.string({ maxLength: 12 }) }, { weight: 1, arbitrary: long });
  const number = fc.option(fc.oneof(fc.integer(), fc.double()), { nil: undefined, freq: 4 });
  const row = fc.record({
    name: cell,
    labels: fc.dictionary(fc.string({ maxLength: 5 }), cell, { maxKeys: 2 }),
    a: number,
    b: number,
  });
  const tableOf = (rows: readonly { name: string; labels: LabelMap; a: number | undefined; b: number | undefined }[]) => {
    const table = schema.table();
    for (const { name, labels, a, b } of rows) table.add([name, labels], { a, b });
    return table;
  };

  test(`is cut into whole events below the limit, whose rows put together are its own (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60, size: 'max' }), fc.integer({ min: 300, max: 5000 }), (rows, maxBytes) => {
        const { publisher, events } = setup(maxBytes);
        const whole = plain(tableOf(rows).seal()).rows;
        for (const time of [1, 2]) {
          events.length = 0;
          expect(publisher.publish([tableOf(rows)], time)).toBe(events.length);
          expect(rowsOf(events)).toEqual(whole);
          expect(events.every((event) => event.time === time)).toBe(true);
          for (const event of events) if (event.table.layout.rows > 1) expect(event.bytes).toBeLessThanOrEqual(maxBytes);
        }
        expect(events.map(({ n }) => n)).toEqual(events.map((_, i) => events.length + i + 1));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('has its large rows alone and no more parts than it needs', () => {
    const { publisher, events } = setup(1000);
    publisher.publish([values('a', 'x'.repeat(5000), 'b', 'c')], 0);
    expect(events.map(({ table }) => table.layout.rows)).toEqual([1, 1, 2]);
  });

  test('keeps which numbers are absent', () => {
    const { publisher, events } = setup(300);
    const table = schema.table();
    for (let i = 0; i < 20; i++) table.add([`row ${i}`, {}], { a: i % 3 ? i : undefined, b: i % 2 ? undefined : Number.NaN });
    publisher.publish([table], 0);
    expect(events.length).toBeGreaterThan(5);
    rowsOf(events).forEach((cells, i) => {
      expect('a' in cells).toBe(i % 3 !== 0);
      expect(cells['b']).toBe(i % 2 ? undefined : Number.NaN);
    });
  });

  test('of one row stays one event', () => {
    const { publisher, events } = setup(300);
    publisher.publish([values('x'.repeat(5000))], 0);
    expect(events).toHaveLength(1);
  });
});

test('a sample that is no list of tables fails and numbers nothing', () => {
  const { publisher, events } = setup();
  expect(() => publisher.publish(undefined as unknown as AnyTable[], 0)).toThrow(TypeError);
  expect(() => publisher.publish([undefined as unknown as AnyTable], 0)).toThrow(TypeError);
  publisher.publish([values('a')], 0);
  expect(events.map(({ n }) => n)).toEqual([1]);
});

test('what a failure says is published without secrets, and the rows that tell of it still share a layout', () => {
  const failed = defineSchema({
    type: 'test.error',
    doc: 'Failures.',
    attributes: ['name', 'error.message'],
    fields: { failed: gauge('1', 'One.') },
  });
  const events: TideEvent[] = [];
  const publisher = new Publisher(
    source,
    1e6,
    (event) => events.push(event),
    0,
    (text) => text.replaceAll('hush', '***'),
  );
  for (const said of ['you said hush', 'you said hush', 'nothing'])
    publisher.publish([failed.table().add(['hush is a name', said], { failed: 1 })], 1);
  const row = (said: string): PlainRow => ({ name: 'hush is a name', 'error.message': said, failed: 1 });
  expect(rowsOf(events)).toEqual([row('you said ***'), row('you said ***'), row('nothing')]);
  expect(events[1]?.table.layout).toBe(events[0]?.table.layout);
});
