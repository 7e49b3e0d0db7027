/** Numbers out of JSON's values: tables of what each conversion takes, and properties. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conversion, convert, excerpt, Unfit } from '../../src/json/value.ts';

const NOW = 1_700_000_000;

describe('a value', () => {
  test.each<[unknown, Conversion, number, number | undefined]>([
    [12, 'number', 1, 12],
    ['12', 'number', 1, 12],
    [' -1.5e3 ', 'number', 1, -1500],
    ['0x1b4', 'number', 1, 436],
    ['-0x10', 'number', 1, -16],
    ['NaN', 'number', 1, Number.NaN],
    ['+Inf', 'number', 1, Number.POSITIVE_INFINITY],
    ['-Infinity', 'number', 1, Number.NEGATIVE_INFINITY],
    ['18446744073709551615', 'number', 1, 2 ** 64],
    ['9007199254740993', 'number', 1, 9007199254740992],
    ['0x20000000000001', 'number', 1, 9007199254740992],
    ['0x20000000000003', 'number', 1, 9007199254740996],
    [91.5, 'number', 0.01, 0.915],
    [1500, 'number', 0.001, 1.5],
    ['ff', 'hex', 1, 255],
    ['0xFF', 'hex', 1, 255],
    ['10', 'hex', 1, 16],
    [true, 'boolean', 1, 1],
    ['false', 'boolean', 1, 0],
    [1, 'boolean', 1, 1],
    [false, 'truth', 1, 0],
    ['', 'truth', 1, 0],
    [0, 'truth', 1, 0],
    [{ currentBlock: '0x1' }, 'truth', 1, 1],
    [[1, 2, 3], 'count', 1, 3],
    [{ a: 1 }, 'count', 1, 1],
    ['1h2m3.5s', 'duration', 1, 3723.5],
    ['1m30s', 'duration', 1, 90],
    ['250ms', 'duration', 1, 0.25],
    ['1.5µs', 'duration', 1, 1.5e-6],
    ['2d 4h', 'duration', 1, 187_200],
    ['-5s', 'duration', 1, -5],
    ['PT1H30M', 'duration', 1, 5400],
    ['P1DT0.5S', 'duration', 1, 86_400.5],
    [1_734_567_891, 'duration', 1e-9, 1.734567891],
    ['1500', 'duration', 0.001, 1.5],
    ['2023-11-14T22:13:20Z', 'time', 1, NOW],
    ['2023-11-14T23:13:20+01:00', 'time', 1, NOW],
    ['2023-11-14t22:13:20.250Z', 'time', 1, NOW + 0.25],
    ['2023-11-14 22:13:20', 'time', 1, NOW],
    ['1970-01-01T00:00:00Z', 'time', 1, 0],
    ['0001-01-01T00:00:00Z', 'time', 1, undefined],
    ['0x6553f100', 'time', 1, NOW],
    [NOW * 1000, 'time', 0.001, NOW],
    ['2023-11-14T22:13:10Z', 'age', 1, 10],
    ['2023-11-14T22:13:25Z', 'age', 1, -5],
    [NOW - 3, 'age', 1, 3],
    ['0001-01-01T00:00:00Z', 'age', 1, undefined],
  ])('%o as %s, times %d, is %d', (value, as, scale, expected) => {
    expect(convert(value, as, scale, NOW)).toBe(expected);
  });

  test.each<[unknown, Conversion]>([
    [true, 'number'],
    ['', 'number'],
    ['12 MB', 'number'],
    ['0x', 'number'],
    ['1_000', 'number'],
    [{}, 'number'],
    ['12g', 'hex'],
    [12, 'hex'],
    ['yes', 'boolean'],
    [2, 'boolean'],
    ['text', 'count'],
    ['1x', 'duration'],
    ['P', 'duration'],
    ['PT', 'duration'],
    ['soon', 'time'],
    ['2023-02-30T00:00:00Z', 'time'],
    ['2023-13-01T00:00:00Z', 'time'],
    ['2023-11-14', 'time'],
    [[], 'age'],
  ])('%o is unfit as %s, and the reason shows it', (value, as) => {
    expect(() => convert(value, as, 1, NOW)).toThrow(Unfit);
    expect(() => convert(value, as, 1, NOW)).toThrow(`${excerpt(value)} is `);
  });
});

test('a text of megabytes is no number of any kind, and is not looked through', () => {
  for (const as of ['number', 'hex', 'boolean', 'duration', 'time', 'age'] as const)
    expect(() => convert('1m'.repeat(2_000_000), as, 1, NOW)).toThrow(`… is too long to be a ${as}`);
});

test('a reason shows a value, and no more of it than can be read', () => {
  expect(['a', 'x'.repeat(61), [1, 2], { a: 1 }, 5, true, null].map(excerpt)).toEqual([
    '"a"',
    `"${'x'.repeat(60)}"…`,
    'a list of 2',
    'an object',
    '5',
    'true',
    'null',
  ]);
});

describe('of all numbers', () => {
  test('whole ones of any size, in digits or in hexadecimal, become the nearest double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 256n), max: 2n ** 256n }), (whole) => {
        const nearest = Number(whole);
        expect(convert(String(whole), 'number', 1, 0)).toBe(nearest === 0 ? 0 : nearest);
        const hex = `${whole < 0n ? '-' : ''}0x${(whole < 0n ? -whole : whole).toString(16)}`;
        expect(convert(hex, 'number', 1, 0)).toBe(nearest);
        expect(convert(hex, 'hex', 1, 0)).toBe(nearest);
      }),
    );
  });

  test('a moment is the same as a text and as a number', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }), (date) => {
        expect(convert(date.toISOString(), 'time', 1, 0)).toBeCloseTo(date.getTime() / 1000, 3);
        expect(convert(date.getTime(), 'time', 0.001, 0)).toBe(date.getTime() / 1000);
      }),
    );
  });

  test('nothing makes a conversion throw anything but Unfit, nor return what is no number', () => {
    const anything = fc.oneof(fc.jsonValue(), fc.string(), fc.stringMatching(/^[-+0-9.eExa-fhmsdPTZ: ]{0,20}$/));
    const kinds = fc.constantFrom<Conversion>('number', 'hex', 'boolean', 'truth', 'count', 'duration', 'time', 'age');
    fc.assert(
      fc.property(anything, kinds, fc.constantFrom(1, 1e-9, 0.001, 60), (value, as, scale) => {
        try {
          expect(['number', 'undefined']).toContain(typeof convert(value, as, scale, NOW));
        } catch (error) {
          expect(error).toBeInstanceOf(Unfit);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
