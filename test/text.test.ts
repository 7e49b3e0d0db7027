/** Numbers and words out of bytes, against `split` and `Number`. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Malformed } from '../src/errors.ts';
import { keyBytes, type Row, Text } from '../src/text.ts';
import { SEED } from './events.ts';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;
const PIECES = [
  '0',
  '1',
  '9',
  '12345678901234567890',
  '007',
  '+',
  '-',
  '.',
  ' ',
  '  ',
  '\t',
  '\n',
  'k',
  'cpu',
  ':',
  '\r',
  'é',
  '0.1',
  '-5',
];
const content = fc.array(fc.constantFrom(...PIECES), { maxLength: 60, size: 'max' }).map((pieces) => pieces.join(''));

/** A text in a buffer that still holds what a longer read left in it. */
function textOf(now: string, stale = '7.7 8\nstale: 9\n', file = 'proc/file'): Text {
  const bytes = Buffer.from(now);
  return new Text(file, Buffer.concat([bytes, Buffer.from(stale)]), bytes.length);
}

const linesOf = (whole: string): string[] => whole.split('\n').slice(0, whole.endsWith('\n') || whole === '' ? -1 : undefined);
const wordsOf = (line: string): string[] => line.split(/[ \t]+/).filter((word) => word !== '');

/** What a naive parser says of a word: its number, or that it is none. */
const naive = (word: string | undefined): number | 'malformed' =>
  word !== undefined && NUMBER.test(word) ? Number(word) : 'malformed';
function attempt(read: () => number): number | Malformed {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed);
    return error as Malformed;
  }
}

function expectRow(row: Row, line: string, number: number, order: readonly number[]): void {
  const words = wordsOf(line);
  expect(row.line).toBe(number);
  // In any order, because words are found when they are first asked for.
  for (const pick of order) {
    const index = pick % (words.length + 2);
    const word = words[index];
    const got = attempt(() => row.number(index));
    if (naive(word) === 'malformed') {
      expect(got).toMatchObject({ file: 'proc/file', line: number });
      expect((got as Malformed).message).toContain(`proc/file:${number}: `);
      expect((got as Malformed).message).toContain(JSON.stringify(line.slice(0, 160)));
    } else expect(got).toBe(naive(word));
    if (word === undefined) expect(() => row.text(index)).toThrow(Malformed);
    else expect(row.text(index)).toBe(word);
    expect(row.is(index, 'cpu')).toBe(word === 'cpu');
    if (naive(word) !== 'malformed' || word === undefined)
      expect(row.maybe(index)).toBe(word === undefined ? undefined : naive(word));
  }
  expect(row.count).toBe(words.length);
  expect(row.rest()).toBe(line);
  expect(row.startsWith('cpu')).toBe(line.startsWith('cpu'));
  if (words.length > 1) expect(wordsOf(row.rest(1))).toEqual(words.slice(1));
}

test(`rows, words and numbers are those of split and Number (seed ${SEED})`, () => {
  fc.assert(
    fc.property(content, fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }), (whole, order) => {
      const lines = linesOf(whole);
      let n = 0;
      for (const row of textOf(whole).rows()) expectRow(row, lines[n++] as string, n, order);
      expect(n).toBe(lines.length);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test(`a number behind a key is that of the first line with the key (seed ${SEED})`, () => {
  const line = fc.tuple(
    fc.constantFrom('Mem:', 'MemFree:', 'stale:', ' Mem:', 'x', ''),
    content.map((text) => text.replaceAll('\n', ' ')),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 6 }),
      fc.constantFrom('Mem:', 'MemFree:', 'stale:'),
      fc.boolean(),
      (parts, key, ended) => {
        const lines = parts.map((part) => part.join(''));
        const text = textOf(lines.join('\n') + (ended ? '\n' : ''));
        const found = lines.find((candidate) => candidate.startsWith(key));
        const got =
          found === undefined ? text.numberAfter(keyBytes(key)) : attempt(() => text.numberAfter(keyBytes(key)) as number);
        const word = found === undefined ? undefined : wordsOf(found.slice(key.length))[0];
        if (found === undefined || naive(word) !== 'malformed') {
          expect(got).toBe(found === undefined ? undefined : naive(word));
          return;
        }
        expect(got).toMatchObject({ file: 'proc/file', line: lines.indexOf(found) + 1 });
        expect((got as Malformed).message, 'the excerpt is the line, key included').toContain(
          JSON.stringify(found.slice(0, 160)),
        );
      },
    ),
    { seed: SEED, numRuns: 1000 },
  );
});

test('a key is not found in what an earlier read left behind', () => {
  expect(textOf('', 'Mem: 5\n').numberAfter(keyBytes('Mem:'))).toBeUndefined();
  expect(textOf('Me', 'm: 5\n').numberAfter(keyBytes('Mem:'))).toBeUndefined();
  expect(textOf('x\nMem', ': 5\n').numberAfter(keyBytes('Mem:'))).toBeUndefined();
  expect(Text.of('').numberAfter(keyBytes('Mem:'))).toBeUndefined();
});

const row = (line: string): Row => textOf(line).first();

describe('a number', () => {
  test.each([
    ['0', 0],
    ['-0', -0],
    ['+7', 7],
    ['00012', 12],
    ['999999999999999', 999_999_999_999_999],
    ['9007199254740993', 9_007_199_254_740_992],
    ['18446744073709551615', 18_446_744_073_709_552_000],
    ['0.1', 0.1],
    ['123456789.123456789', 123_456_789.123_456_79],
    ['.5', 0.5],
    ['5.', 5],
  ])('%s is %d', (word, number) => expect(row(word).number(0)).toBe(number));

  test(`of many digits is rounded as Number rounds it (seed ${SEED})`, () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 20n });
    fc.assert(
      fc.property(digits, fc.nat(9), (big, fraction) => {
        for (const word of [`${big}`, `-${big}`, `${big}.${fraction}`]) expect(row(word).number(0)).toBe(Number(word));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test(`with a fraction is rounded as Number rounds it (seed ${SEED})`, () => {
    const word = fc.stringMatching(/^-?[0-9]{0,12}\.[0-9]{1,12}$/);
    fc.assert(
      fc.property(word, (decimal) => {
        expect(row(decimal).number(0)).toBe(Number(decimal));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test(`in hexadecimal is what parseInt makes of it (seed ${SEED})`, () => {
    const word = fc.stringMatching(/^[0-9a-fA-F]{1,16}$/);
    fc.assert(
      fc.property(word, (hex) => {
        expect(row(`a ${hex} `).hex(1)).toBe(Number.parseInt(hex, 16));
      }),
      { seed: SEED, numRuns: 1000 },
    );
    for (const none of ['', '0x1', '1g', '-1', '1.5', '12345678901234567'])
      expect(() => row(`a ${none} `).hex(1), none).toThrow(Malformed);
  });

  test.each(['', '-', '+', '.', '-.', '1e5', '0x10', '1.2.3', '--1', '1-', 'NaN', 'inf', '1,5', '5kB', '\u0661'])(
    '%j is none',
    (word) => {
      expect(() => row(`a ${word} `).number(1)).toThrow(Malformed);
    },
  );

  test('is found inside a word, behind a prefix', () => {
    const line = row('some avg10=1.52 total=0 empty=');
    expect([line.numberFrom(1, 6), line.numberFrom(2, 6)]).toEqual([1.52, 0]);
    expect(() => line.numberFrom(3, 6)).toThrow(Malformed);
    expect(() => line.numberFrom(3, 60)).toThrow(Malformed);
    expect(() => line.numberFrom(9, 0)).toThrow(Malformed);
  });

  test('that is the file is read by number(); what is none says where', () => {
    expect(textOf('42\n').number()).toBe(42);
    expect(textOf('350735.47 234388.90\n').number()).toBe(350_735.47);
    expect(() => textOf('max\n').number()).toThrow('proc/file:1: "max" is not a number, in "max"');
    expect(() => textOf('').number()).toThrow('proc/file:1: no column 1, in ""');
    expect(() => textOf('\n5\n').number()).toThrow('proc/file:1: no column 1, in ""');
  });
});

describe('a row', () => {
  test('can have its words begin anywhere: behind the name of a process that holds blanks and brackets', () => {
    const line = row('123 (a) b) S 4 5');
    line.skipTo(line.lastIndexOf(0x29) + 1);
    expect([line.text(0), line.number(1), line.number(2), line.count]).toEqual(['S', 4, 5, 3]);
    expect(line.rest()).toBe('123 (a) b) S 4 5');
    expect(line.lastIndexOf(0x21)).toBe(-1);
  });

  test('of one line knows nothing of the words of the line before', () => {
    const rows = textOf('1 2 3\n\n4\n').rows();
    const counts: number[] = [];
    for (const each of rows) counts.push(each.count);
    expect(counts).toEqual([3, 0, 1]);
    const [first] = [...textOf('a b\nc\n').rows()].slice(-1);
    expect(first?.count, 'there is one row, now past the end').toBe(1);
  });

  test('says what is wrong with it in one readable line', () => {
    const long = row('x'.repeat(500)).malformed('too long');
    expect(long.message.length).toBeLessThan(220);
    expect(long).toMatchObject({ name: 'Malformed', file: 'proc/file', line: 1 });
  });

  test('that is empty is an empty row', () => {
    expect(textOf('').first().count).toBe(0);
    expect(textOf('').first().rest()).toBe('');
    expect([...textOf('').rows()]).toEqual([]);
  });
});

test('a whole text, with and without white space at its end', () => {
  const text = textOf('  a b \n\n');
  expect(text.toString()).toBe('  a b \n\n');
  expect(text.trimmed()).toBe('  a b');
  expect(Text.of('é').length).toBe(2);
});
