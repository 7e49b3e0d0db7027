/** Tables, layouts and events. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  counter,
  createSource,
  defineSchema,
  gauge,
  type LabelMap,
  rowsThatFit,
  TideEvent,
  updowncounter,
  wellFormedMap,
} from '../src/event.ts';
import { eventOf, SEED, source, valueSchema } from './events.ts';
import { plain } from './support.ts';

const schema = defineSchema({
  type: 'test.table',
  doc: 'Two attributes, three fields.',
  attributes: ['device', 'labels'],
  maps: ['labels'],
  fields: { io: counter('By', 'One.'), used: updowncounter('By', 'Two.'), ratio: gauge('1', 'Three.') },
});

test('a schema is what was declared, with its fields in their order', () => {
  expect(schema).toMatchObject({
    type: 'test.table',
    attributes: ['device', 'labels'],
    maps: ['labels'],
    fieldNames: ['io', 'used', 'ratio'],
    fields: {
      io: { kind: 'counter', unit: 'By', doc: 'One.' },
      used: { kind: 'updowncounter' },
      ratio: { kind: 'gauge', unit: '1' },
    },
  });
  expect(valueSchema.maps).toEqual([]);
});

describe('a table', () => {
  test('holds column after column', () => {
    const table = schema
      .table()
      .add(['sda', {}], { io: 1, used: 2, ratio: 3 })
      .add(['sdb', {}], { io: 4, used: 5, ratio: 6 })
      .seal();
    expect([...table.values]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(table.layout).toMatchObject({
      rows: 2,
      attributes: [
        ['sda', 'sdb'],
        [{}, {}],
      ],
    });
    expect(table.absent).toBeUndefined();
    expect(table.schema.type).toBe('test.table');
  });

  test('knows absent from 0, and from the values that are no numbers', () => {
    const table = schema.table();
    table.add(['a', {}], { io: undefined, used: 0, ratio: Number.NaN });
    table.add(['b', {}], { io: Number.POSITIVE_INFINITY, used: undefined, ratio: -0 });
    expect(table.rows).toBe(2);
    const { values, absent } = table.seal();
    expect([...values]).toEqual([0, Number.POSITIVE_INFINITY, 0, 0, Number.NaN, -0]);
    expect([...(absent as Uint8Array)]).toEqual([1, 0, 0, 1, 0, 0]);
  });

  test('of no rows, and of no fields, is one', () => {
    expect(schema.table().seal()).toMatchObject({ layout: { rows: 0, bytes: 0 }, values: new Float64Array(0) });
    const bare = defineSchema({ type: 'test.bare', doc: 'Nothing but rows.', attributes: ['name'], fields: {} });
    expect(bare.table().add(['a'], {}).seal()).toMatchObject({ layout: { rows: 1 }, values: new Float64Array(0) });
  });

  test('has a type of at most 255 bytes', () => {
    expect(() => defineSchema({ type: 't'.repeat(256), doc: '', attributes: [], fields: {} })).toThrow(/at most 255 bytes: t+…/);
  });

  const value = fc.option(fc.oneof(fc.double(), fc.integer()), { nil: undefined });
  const row = fc.record({ device: fc.string(), io: value, used: value, ratio: value });
  test(`gives back what it was given (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        const table = schema.table();
        const labels: LabelMap = { a: 'b' };
        for (const { device, io, used, ratio } of rows) table.add([device, labels], { io, used, ratio });
        const expected = rows.map(({ device, ...numbers }) => ({
          device,
          labels,
          ...Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined)),
        }));
        expect(plain(table.seal())).toEqual({ type: 'test.table', rows: expected });
      }),
      { seed: SEED },
    );
  });
});

describe('a layout', () => {
  const labels: LabelMap = { job: 'node' };
  const tableOf = (devices: readonly string[], cell = labels) => {
    const table = schema.table();
    for (const device of devices) table.add([device, cell], { io: 1, used: 2, ratio: 3 });
    return table;
  };

  test('is used again for the same rows, and only for those', () => {
    const { layout } = tableOf(['a', 'b']).seal();
    expect(tableOf(['a', 'b']).seal(layout).layout).toBe(layout);
    for (const other of [[], ['a'], ['b', 'a'], ['a', 'b', 'c'], ['a', 'B']])
      expect(tableOf(other).seal(layout).layout).not.toBe(layout);
    expect(tableOf(['a', 'b'], { job: 'other' }).seal(layout).layout).not.toBe(layout);
    expect(valueSchema.table().seal(tableOf([]).seal().layout).layout.attributes).toHaveLength(1);
  });

  test('holds only what UTF-8 can carry', () => {
    const cell = { 'a\ud800': 'b\udfff', fine: '\u{1f30a}' };
    const { layout } = tableOf(['x\ud800y'], cell).seal();
    expect(layout.attributes).toEqual([['x\ufffdy'], [{ 'a\ufffd': 'b\ufffd', fine: '\u{1f30a}' }]]);
    expect(cell, 'the sensor keeps its own').toEqual({ 'a\ud800': 'b\udfff', fine: '\u{1f30a}' });
  });

  test('has no label that a decoder refuses', () => {
    const named = wellFormedMap(JSON.parse('{"__proto__":"x","a":"b"}') as LabelMap);
    expect(Object.entries(named)).toEqual([
      ['_proto_', 'x'],
      ['a', 'b'],
    ]);
    expect(wellFormedMap(labels), 'what is fine is not copied').toBe(labels);
  });

  test('says how many of its rows fit, one at least', () => {
    const { layout } = tableOf(['a', 'b', 'x'.repeat(1000), 'c', 'd', 'e']).seal();
    const event = (rows: number): number => {
      const part = tableOf(['a', 'b', 'c', 'd', 'e'].slice(0, rows)).seal();
      return new TideEvent(source, 1, 0, part).bytes;
    };
    expect(rowsThatFit(layout, 3, 0, event(2))).toBe(2);
    expect(rowsThatFit(layout, 3, 0, event(2) - 1)).toBe(1);
    expect(rowsThatFit(layout, 3, 0, 1)).toBe(1);
    expect(rowsThatFit(layout, 3, 2, 500)).toBe(1);
    expect(rowsThatFit(layout, 3, 3, 10_000)).toBe(3);
    expect(rowsThatFit(layout, 3, 6, 10_000)).toBe(0);
  });
});

describe('an event', () => {
  test('has the identity of its source and its number', () => {
    const event = eventOf(7, { time: 1_763_856_000_000.25, type: 'test.typed' });
    expect([event.id, event.type, event.time]).toEqual(['agent/run/sensor/7', 'test.typed', 1_763_856_000_000.25]);
  });

  test('has a size that grows with its cells and numbers', () => {
    expect(eventOf(1, { bytes: 259 }).bytes).toBe(259);
    expect(eventOf(1, { bytes: 5000 }).bytes).toBe(5000);
    const of = (rows: number): number => {
      const table = schema.table();
      for (let i = 0; i < rows; i++) table.add(['sda', { a: 'b' }], { io: i, used: i, ratio: undefined });
      return new TideEvent(source, 1, 0, table.seal()).bytes;
    };
    expect(of(2) - of(1)).toBe(of(1) - of(0));
    expect(of(1) - of(0)).toBeGreaterThanOrEqual('sda'.length + '{"a":"b"}'.length + 3 * 9);
  });

  test('comes from a source that every encoding can carry', () => {
    expect(createSource({ agent: 'a\ud800', run: 'r', sensor: 's\udc00', host: 'h', labels: { env: 'p\ud800' } })).toEqual({
      agent: 'a\ufffd',
      run: 'r',
      sensor: 's\ufffd',
      host: 'h',
      labels: { env: 'p\ufffd' },
    });
  });
});
