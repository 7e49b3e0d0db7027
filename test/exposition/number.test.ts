/** Numbers from bytes: the same double that `Number` makes, for every text that is a number; and nothing else is one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { numberOf, openMetricsNumber, readNumber, readToken } from '../../src/exposition/number.ts';

const seed = Date.now() & 0x7fffffff;

/** What reading a token gives, or undefined when it is no number. */
function parsed(text: string): number | undefined {
  const bytes = Buffer.from(`${text}\n`);
  const out = new Float64Array(1);
  return readToken(bytes, 0, bytes.length - 1, out, 0) ? out[0] : undefined;
}

/** Whether arithmetic alone read it. */
function fast(text: string): boolean {
  return readNumber(Buffer.from(`${text}\n`), 0, new Float64Array(1), 0) === text.length;
}

describe(`numbers (seed ${seed})`, () => {
  test('every double comes back from its shortest text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        if (!Number.isFinite(value)) return;
        expect(parsed(Object.is(value, -0) ? '-0' : `${value}`)).toBe(value);
        expect(parsed(value.toExponential())).toBe(Number(value.toExponential()));
      }),
      { seed, numRuns: 20_000 },
    );
  });

  test('decimals of any length are rounded as Number rounds them', () => {
    const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength: 0, maxLength: 26 });
    const decimal = fc
      .tuple(
        fc.constantFrom('', '-', '+'),
        digits,
        fc.constantFrom('', '.'),
        digits,
        fc.option(fc.integer({ min: -40, max: 40 }), { nil: undefined }),
      )
      .map(
        ([sign, whole, point, rest, exponent]) =>
          `${sign}${whole}${point}${point && rest}${exponent === undefined ? '' : `e${exponent}`}`,
      )
      .filter((text) => /\d/.test(text.split('e')[0] as string));
    fc.assert(
      fc.property(decimal, (text) => {
        expect(parsed(text)).toBe(Number(text));
      }),
      { seed, numRuns: 50_000 },
    );
  });

  test('numbers halfway between two doubles are rounded to even', () => {
    // 2^53 + 1, and neighbours of powers of two with all their digits.
    for (const text of [
      '9007199254740993',
      '9007199254740991',
      '9007199254740995',
      '18014398509481985',
      '0.500000000000000055511151231257827',
      '1.00000000000000011102230246251565404236316680908203125',
      '9223372036854775808',
      '9223372036854775807',
      '18446744073709551615',
    ]) {
      expect(parsed(text), text).toBe(Number(text));
    }
    for (let power = 54; power < 70; power++) {
      for (const odd of [1n, 3n, -1n]) {
        const text = `${(2n ** BigInt(power) + odd * 2n ** BigInt(power - 54)) | 0n}`;
        expect(parsed(text), text).toBe(Number(text));
      }
    }
  });

  test('what pages usually hold needs no text', () => {
    for (const text of [
      '0',
      '1',
      '-1',
      '123456789',
      '1.5',
      '0.001',
      '4.9351e-05',
      '7.424100000000001e-05',
      '123456.78901234567',
      '1.7560473e+06',
      '1763856000.123',
      '14036781.000000001',
    ])
      expect(fast(text), text).toBe(true);
  });

  test.each([
    ['NaN', Number.NaN],
    ['nan', Number.NaN],
    ['+Inf', Infinity],
    ['-inf', -Infinity],
    ['Infinity', Infinity],
    ['-INFINITY', -Infinity],
    ['.5', 0.5],
    ['5.', 5],
    ['+5', 5],
    ['00000000000000000000000000000000001', 1],
    ['1E5', 1e5],
    ['1e-400', 0],
  ])('%s is %d', (text, value) => {
    expect(parsed(text)).toBe(value);
  });

  test.each([
    '',
    '.',
    '+',
    '-',
    'e5',
    '1e',
    '1e+',
    '0x1',
    '0b1',
    '0o1',
    '1_2',
    '0x1p-3',
    '1.1.1',
    '1e400',
    '-1e400',
    '+nan',
    '-nan',
    'infinit',
    '1 ',
    ' 1',
    '1,5',
    '--1',
    '１',
  ])('%j is none', (text) => {
    expect(parsed(text)).toBeUndefined();
  });

  test('random texts are numbers when they should be', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('0123456789.eE+-xinfaN_ ')), maxLength: 12 }), (text) => {
        const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text));
        const word = /^(nan|[+-]?inf(inity)?)$/i.test(text);
        expect(parsed(text) !== undefined, text).toBe(decimal || word);
        expect(parsed(text)).toEqual(numberOf(text));
      }),
      { seed, numRuns: 20_000 },
    );
  });
});

test('bounds are written as Prometheus writes them', () => {
  const written = [0, 1, -1, 0.5, 0.0001, 0.00001, 10, 100000, 1e6, 1234567, 1.5e10, Infinity, -Infinity, NaN, 2.5e-7, -0];
  expect(written.map(openMetricsNumber)).toEqual([
    '0.0',
    '1.0',
    '-1.0',
    '0.5',
    '0.0001',
    '1e-05',
    '10.0',
    '100000.0',
    '1e+06',
    '1.234567e+06',
    '1.5e+10',
    '+Inf',
    '-Inf',
    'NaN',
    '2.5e-07',
    '0.0',
  ]);
});
