/** Objects cut out of a text that has no end, however it comes in pieces. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ObjectSplitter } from '../../src/json/objects.ts';
import { SEED } from '../events.ts';

function split(pieces: readonly Buffer[], max = 1000) {
  const found: string[] = [];
  const splitter = new ObjectSplitter(max, (text) => found.push(text));
  for (const piece of pieces) splitter.write(piece);
  const { overlong } = splitter;
  return { found, overlong, half: splitter.reset() };
}

describe('objects', () => {
  test.each([
    ['[\n{"a": 1},\n{"b": {"c": "}"}}\n', ['{"a": 1}', '{"b": {"c": "}"}}'], false],
    ['{"a":1}{"a":2}\n', ['{"a":1}', '{"a":2}'], false],
    ['{"a":"\\"{"} nonsense "{" ] {"b"', ['{"a":"\\"{"}'], true],
    ['', [], false],
  ])('of %j', (text, found, half) => {
    expect(split([Buffer.from(text)])).toEqual({ found, overlong: 0, half });
  });

  test('that are too long are left out and counted, and the next one is found', () => {
    const long = `{"a": [${'{"b": "}"}, '.repeat(50)}1]}`;
    const pieces = Buffer.from(`{"x":1},\n${long},\n{"y":2}`);
    const expected = { found: ['{"x":1}', '{"y":2}'], overlong: 1, half: false };
    expect(split([pieces], 100)).toEqual(expected);
    expect(
      split(
        [...pieces].map((byte) => Buffer.from([byte])),
        100,
      ),
    ).toEqual(expected);
  });

  test(`are the same in whatever pieces they come (seed ${SEED})`, () => {
    const value = fc.dictionary(fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', '}', 'é', '€') }), fc.jsonValue(), {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 5 }),
        fc.boolean(),
        fc.array(fc.nat(40), { maxLength: 20 }),
        (objects, pretty, cuts) => {
          const texts = objects.map((object) => JSON.stringify(object, null, pretty ? 2 : 0));
          const bytes = Buffer.from(`[${texts.join(',\n')}`);
          const pieces: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) {
            pieces.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          pieces.push(bytes.subarray(at));
          expect(split(pieces, 1e9)).toEqual({ found: texts, overlong: 0, half: false });
        },
      ),
      { seed: SEED },
    );
  });
});
