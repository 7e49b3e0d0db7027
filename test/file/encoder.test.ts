import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import { createSource, TideEvent } from '../../src/event.ts';
import { BatchEncoder } from '../../src/file/encoder.ts';
import { SEED } from '../events.ts';
import { diskEvent } from '../sink-events.ts';

/** An event whose host has that many characters of one, two, three or four bytes. */
function eventOf(n: number, character: string, count: number): TideEvent {
  const source = createSource({ agent: 'a', run: 'r', sensor: 's', host: character.repeat(count), labels: {} });
  return new TideEvent(source, n, n, diskEvent(n, 1).table);
}

describe('file: a batch as bytes', () => {
  it(`is its events one after another, however long and in whatever script (seed ${SEED})`, () => {
    const event = fc.tuple(fc.constantFrom('x', 'é', '€', '\u{1f30a}'), fc.integer({ min: 0, max: 70_000 }));
    const ndjson = new BatchEncoder('ndjson');
    const msgpack = new BatchEncoder('msgpack');
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (drawn) => {
        const batch = drawn.map(([character, count], n) => eventOf(n, character, count));
        const lines = batch.map((each) => `${new JsonEncoder().encode(each)}\n`).join('');
        expect(ndjson.encode(batch).equals(Buffer.from(lines))).toBe(true);
        const messages = batch.map((each) => Buffer.from(new MsgpackEncoder().encode(each)));
        expect(msgpack.encode(batch).equals(Buffer.concat(messages))).toBe(true);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});
