/** What the spool keeps of an event: whole again when it is read, and never another one. */
import { crc32 } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntry, Entry, encodeEntry } from '../../src/delivery/entry.ts';
import { SEED } from '../events.ts';
import { entryOf } from './parts.ts';

/** Whatever UTF-8 can carry: sources and cells are made well-formed before they get here. */
const text = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
  .map((string) => string.toWellFormed());
const hostile = fc.oneof(
  text,
  fc.constantFrom('', '\0', '/', '__proto__', '"}', '\r\n', '\u{feff}', '\u{10ffff}', 'x'.repeat(5000)),
);
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const place = fc.integer({ min: 0, max: 2 ** 48 - 2 });
const lane = fc.integer({ min: 0, max: 255 });

const fields = fc.record({
  id: hostile,
  type: hostile,
  // MessagePack has whole numbers as integers, which have no negative zero.
  time: fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constant(1_763_856_000_000.25)).map((time) => time + 0),
  agent: hostile,
  host: hostile,
  sensor: hostile,
  contentType: fc.constantFrom('application/json' as const, 'application/msgpack' as const),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  lane,
  run: hostile,
  n: whole,
  traceparent: fc.option(hostile, { nil: undefined }),
});
const entry = fc.tuple(fields, place, fc.integer({ min: 0, max: 2 ** 48 - 1 })).map(([made, position, sum]) => {
  const one = new Entry(made, 5, position);
  one.sum = sum;
  return one;
});

const CONTENT = [
  'id',
  'type',
  'time',
  'agent',
  'host',
  'sensor',
  'contentType',
  'lane',
  'run',
  'n',
  'position',
  'sum',
  'seq',
  'bytes',
  'traceparent',
] as const;

function expectSame(read: Entry | undefined, written: Entry): void {
  for (const member of CONTENT) expect(read?.[member], member).toEqual(written[member]);
  expect(read?.body.equals(written.body)).toBe(true);
}

test(`an entry comes back as it was, whatever is in it (seed ${SEED})`, () => {
  fc.assert(
    fc.property(entry, (one) => {
      const read = decodeEntry(encodeEntry(one), one.lane, one.position as number);
      expectSame(read, one);
      // It is nowhere but on disk.
      expect([read?.accepted, read?.sending, read?.backfill]).toEqual([0, false, false]);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('names as long as a configuration and a schema let them be come back', () => {
  const [agent, host, sensor] = ['a'.repeat(253), 'h'.repeat(253), `loss:${'s'.repeat(64)}`];
  const one = entryOf(4, { agent, host, sensor, id: `${agent}/run/${sensor}/4`, type: 't'.repeat(255) });
  one.position = 3;
  expectSame(decodeEntry(encodeEntry(one), one.lane, 3), one);
});

test('what was written in the former form is read, and nothing of the present one is taken for it', () => {
  const head = encode([
    'run',
    7,
    'edge-7/run/disk/7',
    'system.disk',
    1_763_856_000_000.25,
    'edge-7',
    'host',
    'disk',
    1,
    '00-trace-01',
  ]);
  const rest = Buffer.concat([Buffer.alloc(8), head, Buffer.from('{"v":1}')]);
  rest.writeUIntBE(12_345, 0, 6);
  rest.writeUInt16BE(head.length, 6);
  // The seed is of lane 2 and place 9.
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(rest, (Math.imul(3, 0x9e3779b1) ^ 9) >>> 0));
  const value = Buffer.concat([Buffer.of(1), checksum, rest]);
  const read = decodeEntry(value, 2, 9);
  expect(read).toMatchObject({
    run: 'run',
    n: 7,
    id: 'edge-7/run/disk/7',
    type: 'system.disk',
    time: 1_763_856_000_000.25,
    sum: 12_345,
  });
  expect(read).toMatchObject({
    agent: 'edge-7',
    host: 'host',
    sensor: 'disk',
    contentType: 'application/json',
    lane: 2,
    position: 9,
  });
  expect(read).toMatchObject({ traceparent: '00-trace-01', body: Buffer.from('{"v":1}') });
  expect(decodeEntry(value, 2, 8)).toBeUndefined();
  const one = Object.assign(entryOf(4), { position: 9 });
  const now = encodeEntry(one);
  expect(decodeEntry(now, one.lane, 9)).toBeDefined();
  now[0] = 1;
  expect(decodeEntry(now, one.lane, 9)).toBeUndefined();
});

test('a body of a megabyte, or of nothing, comes back', () => {
  for (const body of [Buffer.alloc(0), Buffer.alloc(2 ** 20, 7)]) {
    const one = entryOf(4, { body });
    one.position = 3;
    expectSame(decodeEntry(encodeEntry(one), one.lane, 3), one);
  }
});

test(`a value in which any byte is another is no entry (seed ${SEED})`, () => {
  fc.assert(
    fc.property(entry, fc.integer({ min: 1, max: 255 }), (one, change) => {
      const value = encodeEntry(one);
      for (let at = 0; at < value.length; at += Math.max(1, value.length >> 9)) {
        const copy = Buffer.from(value);
        copy[at] = (copy[at] as number) ^ change;
        expect(decodeEntry(copy, one.lane, one.position as number), `byte ${at}`).toBeUndefined();
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test(`a value that was cut, made longer or moved to another key is no entry (seed ${SEED})`, () => {
  fc.assert(
    fc.property(
      entry,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 1000 }),
      (one, cut, more, by) => {
        const [value, at] = [encodeEntry(one), one.position as number];
        expect(decodeEntry(value.subarray(0, cut % value.length), one.lane, at)).toBeUndefined();
        expect(decodeEntry(Buffer.concat([value, more]), one.lane, at)).toBeUndefined();
        expect(decodeEntry(value, one.lane, at + by)).toBeUndefined();
        expect(decodeEntry(value, one.lane + by, at)).toBeUndefined();
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});

test(`no bytes are taken for an entry, and none throw (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), lane, place, (bytes, versioned, number, at) => {
      const value = Buffer.from(versioned ? [1, ...bytes] : bytes);
      expect(decodeEntry(value, number, at)).toBeUndefined();
    }),
    { seed: SEED, numRuns: 3000 },
  );
});
