/** Bytes are cut into the same events however they come, and any bytes at all are survived. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventOf } from '../../src/consumer/message.ts';
import { Splitter } from '../../src/verify/split.ts';
import { sent } from '../consumer/messages.ts';
import { SEED } from '../events.ts';

/** What comes of bytes that arrive in pieces of these lengths: ids of events, and `bad` for what is none. */
function split(bytes: Buffer, lengths: readonly number[]): { came: string[]; unfinished: boolean } {
  const came: string[] = [];
  const splitter = new Splitter('file', (message) => {
    try {
      came.push(eventOf(message).id);
    } catch {
      came.push('bad');
    }
  });
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? bytes.length;
    splitter.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { came, ...splitter.end() };
}

const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });
const format = fc.constantFrom('json' as const, 'msgpack' as const);
/** What a crash or a stranger leaves between events; never an event of its own. */
const junk = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 11 : byte)))),
  fc.integer({ min: 1, max: 600 }).map((length) => Buffer.alloc(length)),
);

test(`in pieces of any length, whole events are what they are (seed ${SEED})`, () => {
  fc.assert(
    fc.property(format, fc.integer({ min: 0, max: 8 }), lengths, fc.nat(200), (kind, count, pieces, cut) => {
      const bodies = Array.from({ length: count }, (_, i) => {
        const { body } = sent(i + 1, { format: kind });
        return kind === 'json' ? Buffer.concat([body, Buffer.from('\n')]) : body;
      });
      const ids = bodies.map((_, i) => `edge-7/r1/disk/${i + 1}`);
      expect(split(Buffer.concat(bodies), pieces)).toEqual({ came: ids, unfinished: false });
      const last = bodies.at(-1);
      if (!last) return;
      // The last one is cut before its last two bytes, so that no newline alone is missing.
      const torn = Buffer.concat([...bodies.slice(0, -1), last.subarray(0, 1 + (cut % (last.length - 2)))]);
      expect(split(torn, pieces)).toEqual({ came: ids.slice(0, -1), unfinished: true });
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test(`what is no event costs no event that begins behind it, in MessagePack (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.option(junk, { nil: undefined }), { minLength: 1, maxLength: 6 }), lengths, (between, pieces) => {
      const parts = between.flatMap((bad, i) => [sent(i + 1, { format: 'msgpack' }).body, ...(bad ? [bad] : [])]);
      const end = sent(between.length + 1, { format: 'msgpack' }).body;
      const { came } = split(Buffer.concat([...parts, end]), pieces);
      const events = came.filter((id) => id !== 'bad');
      expect(events).toEqual(Array.from({ length: between.length + 1 }, (_, i) => `edge-7/r1/disk/${i + 1}`));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test(`any bytes are survived (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), lengths, (bytes, pieces) => {
      const { came } = split(Buffer.from(bytes), pieces);
      expect(came.filter((id) => id !== 'bad')).toEqual([]);
    }),
    { seed: SEED, numRuns: 500 },
  );
});
