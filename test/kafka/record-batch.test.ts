/** That what is encoded here is what kafkajs would have encoded, and what its consumer decodes. Real brokers check the checksum elsewhere too. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { kafkajsMessage } from '../../src/kafka/produce.ts';
import { encodeBatch, NO_TIMESTAMP, sizeOf } from '../../src/kafka/record-batch.ts';
import { type DecodedRecord, decodeBatch } from './fake-broker.ts';
import { message, messages, TIME } from './messages.ts';

const require = createRequire(import.meta.url);
const kafkajsCrc = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => { buffer: Buffer };

const key = ({ host, sensor }: Message): string => `${host}/${sensor}`;
const options = { key, stamped: true, codec: 0 };
const headers = (record: DecodedRecord | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(record?.headers ?? {}).map(([name, value]) => [name, value.toString()]));

// With halves of surrogate pairs, which no text should have and a host name may.
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.constant('a\ud800b'));
const anyMessage: fc.Arbitrary<Message> = fc.record({
  id: text,
  type: text,
  time: fc.double({ min: 0, max: 8e15, noNaN: true }),
  agent: text,
  host: text,
  sensor: text,
  contentType: fc.constantFrom('application/json', 'application/msgpack'),
  body: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
  lane: fc.constant(0),
  seq: fc.option(text, { nil: undefined }),
  backfill: fc.boolean(),
  traceparent: fc.option(text, { nil: undefined }),
});

describe('a record batch', () => {
  it('holds what CloudEvents and tidegate say of an event', async () => {
    const sent = [message(1), message(2, { seq: undefined, backfill: true, contentType: 'application/msgpack' })];
    const { records, firstTimestamp, maxTimestamp } = await decodeBatch(await encodeBatch(sent, options));
    expect(records.map(headers)).toEqual([
      {
        ce_specversion: '1.0',
        ce_id: 'edge-7/01890a5d/disk/1',
        ce_type: 'system.disk',
        ce_source: '/edge-7/disk',
        ce_time: '2025-11-23T00:02:03.457Z',
        'content-type': 'application/json',
        'tidegate-seq': '01890a5d/0/1',
      },
      {
        ce_specversion: '1.0',
        ce_id: 'edge-7/01890a5d/disk/2',
        ce_type: 'system.disk',
        ce_source: '/edge-7/disk',
        ce_time: '2025-11-23T00:02:03.458Z',
        'content-type': 'application/msgpack',
        'tidegate-backfill': 'true',
      },
    ]);
    expect(records.map(({ timestamp }) => Number(timestamp))).toEqual([TIME + 1, TIME + 2]);
    expect([firstTimestamp, maxTimestamp].map(Number)).toEqual([TIME + 1, TIME + 2]);
    expect(records.map((record) => String(record.key))).toEqual(['edge-7.example/disk', 'edge-7.example/disk']);
    expect(records.map(({ value }) => value)).toEqual(sent.map(({ body }) => body));
  });

  it('decodes to the same as that of kafkajs, for any messages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, { minLength: 1, maxLength: 20 }), fc.boolean(), async (sent, stamped) => {
        const batch = await encodeBatch(sent, { ...options, stamped });
        expect(batch.readInt32BE(8)).toBe(batch.length - 12);
        expect(batch.readUInt32BE(17)).toBe(kafkajsCrc(batch.subarray(21)));
        const { records } = await decodeBatch(batch);
        expect(records).toHaveLength(sent.length);
        for (const [i, record] of records.entries()) {
          const theirs = kafkajsMessage(sent[i] as Message, key(sent[i] as Message), stamped);
          expect(record.key?.toString() ?? null).toBe(theirs.key?.toWellFormed() ?? null);
          expect(record.value.equals(theirs.value)).toBe(true);
          expect(record.timestamp).toBe(theirs.timestamp);
          const wellFormed = Object.entries(theirs.headers).map(([name, value]) => [name, value.toWellFormed()]);
          expect(headers(record)).toEqual(Object.fromEntries(wellFormed));
          expect(record.offset).toBe(String(i));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is byte for byte what kafkajs makes of a record, headers in this order', async () => {
    for (const sent of [message(1), message(300, { backfill: true, seq: undefined }, 70_000)]) {
      const { value, headers: named } = kafkajsMessage(sent, key(sent));
      const theirs = Record({ key: key(sent), value, headers: named, offsetDelta: 0, timestampDelta: 0 });
      expect((await encodeBatch([sent], options)).subarray(61).equals(theirs.buffer)).toBe(true);
    }
  });

  it('keeps times apart that are weeks from each other, in any order', async () => {
    const times = [TIME, TIME - 40 * 86_400_000, TIME + 1, TIME + 90 * 86_400_000];
    const { records, maxTimestamp } = await decodeBatch(
      await encodeBatch(
        times.map((time, i) => message(i, { time })),
        options,
      ),
    );
    expect(records.map(({ timestamp }) => Number(timestamp))).toEqual(times);
    expect(Number(maxTimestamp)).toBe(times[3]);
  });

  it('cuts fractions of a millisecond off, and has no time for what is none', async () => {
    const sent = [
      message(1, { time: TIME + 0.75 }),
      message(2, { time: Number.NaN }),
      message(3, { time: -5 }),
      message(4, { time: 1e15 }),
    ];
    const { records } = await decodeBatch(await encodeBatch(sent, options));
    expect(records.map(({ timestamp }) => Number(timestamp))).toEqual([TIME, NO_TIMESTAMP, NO_TIMESTAMP, NO_TIMESTAMP]);
    expect(records.map((record) => headers(record)['ce_time'])).toEqual([
      '2025-11-23T00:02:03.456Z',
      undefined,
      '1969-12-31T23:59:59.995Z',
      undefined,
    ]);
  });

  it('has no key where the template is empty, and none of an event in another', async () => {
    const { records } = await decodeBatch(await encodeBatch([message(1)], { ...options, key: () => '' }));
    expect(records[0]?.key).toBeNull();
  });

  it('is no larger than was reckoned before', async () => {
    const sent = messages(300, { id: 'größe/€/😀'.repeat(9), backfill: true }, 777);
    const reckoned = sent.reduce((sum, each) => sum + sizeOf(each, key(each)), 61);
    expect((await encodeBatch(sent, options)).length).toBeLessThanOrEqual(reckoned);
  });
});
