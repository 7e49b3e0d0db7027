/** What is encoded is what is decoded, over hostile values; and the decoder takes any bytes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError, decodeEvent, decodeJson, decodeMsgpack, MESSAGE_BYTES_MAX } from '../../src/codec/decode.ts';
import { type DecodedEvent, toDecoded } from '../../src/codec/format.ts';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import { counter, createSource, defineSchema, gauge, type LabelMap, TideEvent, updowncounter } from '../../src/event.ts';
import { REPOSITORY } from '../support.ts';

const json = new JsonEncoder();
const msgpack = new MsgpackEncoder();

/** Both encodings of an event, decoded. */
const throughBoth = (event: TideEvent): DecodedEvent[] => [decodeJson(json.encode(event)), decodeMsgpack(msgpack.encode(event))];

const HOSTILE = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 32,
  2 ** 32 - 1,
  2 ** 31,
  65_535,
  65_536,
  255,
  256,
  127,
  128,
  -1,
  -32,
  5e-324,
  Number.MAX_VALUE,
  0.1,
  1e21,
  1e-7,
];
const number = fc.oneof(fc.constantFrom(...HOSTILE), fc.double(), fc.integer(), fc.maxSafeNat());
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\ud800', 'a\udfffb', '"\\\n\0', '__proto__', 'constructor', '€', '\u{1f30a}', '\u2028'),
);
const map = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs): LabelMap => Object.fromEntries(pairs));

const tableSchema = defineSchema({
  type: 'test.everything',
  doc: 'A table of every kind of cell.',
  attributes: ['name', 'labels'],
  maps: ['labels'],
  fields: { a: counter('By', 'One.'), b: gauge('1', 'Two.'), c: updowncounter('{thing}', 'Three.') },
});
const optional = fc.option(number, { nil: undefined });
const row = fc.record({ name: text, labels: map, values: fc.record({ a: optional, b: optional, c: optional }) });
const anyEvent = fc
  .record({
    rows: fc.array(row, { maxLength: 40 }),
    host: text,
    sensor: text,
    labels: map,
    n: fc.nat(),
    time: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  })
  .map(({ rows, host, sensor, labels, n, time }) => {
    const table = tableSchema.table();
    for (const { name, labels: cell, values } of rows) table.add([name, cell], values);
    return new TideEvent(createSource({ agent: 'agent', run: 'run', sensor, host, labels }), n, time, table.seal());
  });

describe('decode(encode(x)) = x', () => {
  test('over hostile values, in both encodings', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        for (const decoded of throughBoth(event)) expect(decoded).toStrictEqual(toDecoded(event));
      }),
      { numRuns: 500 },
    );
  });

  test('a number keeps its sign, its last digit and its kind', () => {
    const table = tableSchema.table();
    for (const value of HOSTILE) table.add(['x', {}], { a: value, b: -value, c: undefined });
    const event = new TideEvent(source(), 1, 0, table.seal());
    for (const { fields } of throughBoth(event)) {
      HOSTILE.forEach((value, r) => {
        expect(Object.is(fields['a']?.values[r], value), `${value}`).toBe(true);
        expect(Object.is(fields['b']?.values[r], -value), `${-value}`).toBe(true);
        expect(fields['c']?.values[r]).toBeNull();
      });
    }
  });

  test('an empty table, a table without attributes, one without fields', () => {
    const bare = defineSchema({ type: 'test.bare', doc: '', attributes: [], fields: { x: gauge('1', '') } });
    const empty = defineSchema({ type: 'test.empty', doc: '', attributes: ['a'], fields: {} });
    for (const table of [tableSchema.table(), bare.table().add([], { x: 1 }), empty.table().add(['y'], {})]) {
      const event = new TideEvent(source(), 1, 0, table.seal());
      for (const decoded of throughBoth(event)) expect(decoded).toStrictEqual(toDecoded(event));
    }
  });

  test('a string of 1 MB, and 70,000 rows', () => {
    const long = new TideEvent(
      source(),
      1,
      0,
      tableSchema
        .table()
        .add(['x'.repeat(2 ** 20), {}], { a: 1, b: 2, c: 3 })
        .seal(),
    );
    const rows = tableSchema.table();
    for (let i = 0; i < 70_000; i++) rows.add([`row ${i}`, {}], { a: i, b: i / 3, c: undefined });
    for (const event of [long, new TideEvent(source(), 2, 0, rows.seal())]) {
      for (const decoded of throughBoth(event)) expect(decoded).toStrictEqual(toDecoded(event));
    }
  });

  test('what UTF-8 cannot carry is replaced when the event is made, so that both encodings agree', () => {
    const event = new TideEvent(
      source({ env: '\ud800' }),
      1,
      0,
      tableSchema
        .table()
        .add(['\udc00', JSON.parse('{"__proto__":"1"}')], { a: 1, b: 1, c: 1 })
        .seal(),
    );
    for (const { labels, attributes } of throughBoth(event)) {
      expect(labels['env']).toBe('\ufffd');
      expect(attributes).toEqual({ name: ['\ufffd'], labels: [{ _proto_: '1' }] });
    }
  });

  test('the rows of the sample before do not show through', () => {
    const labels = { l: '1' };
    const first = tableSchema.table().add(['a', labels], { a: 1, b: undefined, c: 3 }).seal();
    const same = tableSchema.table().add(['a', labels], { a: undefined, b: 2, c: 3 }).seal(first.layout);
    const other = tableSchema.table().add(['b', {}], { a: 1, b: 2, c: 3 }).seal(same.layout);
    expect(same.layout).toBe(first.layout);
    expect(other.layout).not.toBe(first.layout);
    [first, same, other].forEach((table, i) => {
      const event = new TideEvent(source(), i, i, table);
      for (const decoded of throughBoth(event)) expect(decoded).toStrictEqual(toDecoded(event));
    });
  });
});

describe('the decoder takes any bytes', () => {
  const outcome = (decode: () => unknown): unknown => {
    try {
      decode();
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test('random bytes are refused with a DecodeError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(outcome(() => decodeEvent(bytes))).toBeInstanceOf(DecodeError);
      }),
      { numRuns: 2000 },
    );
  });

  test('a mutated message is an event or a DecodeError', () => {
    fc.assert(
      fc.property(
        anyEvent,
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (event, packed, edits, cut) => {
          const whole = Buffer.from(packed ? msgpack.encode(event) : json.encode(event));
          for (const [at, byte] of edits) whole[at % whole.length] = byte;
          const bytes = cut % 3 === 0 ? whole.subarray(0, cut % whole.length) : whole;
          const error = outcome(() => decodeEvent(bytes));
          if (error !== undefined) expect(error).toBeInstanceOf(DecodeError);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['an array that claims 4 billion elements', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map that claims 4 billion members', [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1]],
    ['a string longer than the message', [0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61]],
    ['ten thousand nested arrays', Array<number>(10_000).fill(0x91)],
    ['an extension type', [0xc7, 1, 1, 1]],
    ['nothing', []],
  ])('%s is refused', (_, bytes) => {
    expect(outcome(() => decodeMsgpack(Uint8Array.from(bytes)))).toBeInstanceOf(DecodeError);
  });

  test('each member is checked, and the error names it', () => {
    const good = toDecoded(new TideEvent(source(), 1, 0, tableSchema.table().add(['x', {}], { a: 1, b: 2, c: 3 }).seal()));
    const wrong: [Partial<Record<string, unknown>>, RegExp][] = [
      [{ v: 2 }, /format 2; this release reads format 1/],
      [{ v: '1' }, /v:/],
      [{ id: 7 }, /id:/],
      [{ time: 'now' }, /time:/],
      [{ rows: 2 }, /attributes\.name has 1 cells for 2 rows/],
      [{ rows: -1 }, /rows:/],
      [{ attributes: { name: [7] } }, /attributes\.name\[0\] is 7/],
      [{ fields: { a: { kind: 'counter', unit: '1', values: ['one'] } } }, /fields\.a\[0\] is "one"/],
      [{ fields: { a: { kind: 'sum', unit: '1', values: [1] } } }, /fields\.a\.kind/],
    ];
    for (const [change, message] of wrong) {
      const error = outcome(() => decodeJson(JSON.stringify({ ...good, ...change })));
      expect((error as Error).message).toMatch(message);
      expect(outcome(() => decodeMsgpack(encode({ ...good, ...change })))).toBeInstanceOf(DecodeError);
    }
    expect(
      outcome(() => decodeMsgpack(encode({ ...good, fields: { a: { kind: 'counter', unit: '1', values: ['NaN'] } } }))),
    ).toBeInstanceOf(DecodeError);
  });

  test('a message above the limit is refused before it is parsed', () => {
    expect(() => decodeMsgpack(new Uint8Array(MESSAGE_BYTES_MAX + 1))).toThrow(/the limit is/);
  });
});

describe('fixtures/wire', () => {
  const folder = join(REPOSITORY, 'fixtures', 'wire');
  const sample = (): TideEvent => {
    const table = tableSchema.table();
    table.add(['sda', { mode: 'read', 'http.route': '/a b' }], { a: 81_920, b: 0.25, c: -3 });
    table.add(['sdb', {}], { a: undefined, b: Number.NaN, c: Number.NEGATIVE_INFINITY });
    return new TideEvent(source({ env: 'prod' }), 42, 1_763_856_000_000.25, table.seal());
  };

  test('messages of every release stay readable, and this release writes what it wrote', () => {
    if (process.env['GOLDEN']) {
      writeFileSync(join(folder, 'v1.json'), json.encode(sample()));
      writeFileSync(join(folder, 'v1.msgpack'), msgpack.encode(sample()));
    }
    const files = readdirSync(folder);
    expect(files).toEqual(expect.arrayContaining(['v1.json', 'v1.msgpack']));
    for (const file of files) expect(decodeEvent(readFileSync(join(folder, file))), file).toStrictEqual(toDecoded(sample()));
    expect(json.encode(sample())).toBe(readFileSync(join(folder, 'v1.json'), 'utf8'));
    expect(Buffer.compare(msgpack.encode(sample()), readFileSync(join(folder, 'v1.msgpack')))).toBe(0);
  });
});

function source(labels: LabelMap = {}) {
  return createSource({ agent: 'edge-7', run: 'r1', sensor: 'everything', host: 'edge-7', labels });
}
