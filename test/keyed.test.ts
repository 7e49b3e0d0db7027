import { describe, expect, test } from 'vitest';
import { Malformed } from '../src/errors.ts';
import { KeyedNumbers } from '../src/keyed.ts';
import { Text } from '../src/text.ts';

const KEYS = { total: 'Total:', free: 'Free:', sum: ['a', 'b'] } as const;
const text = (...lines: string[]): Text => Text.of(lines.map((line) => `${line}\n`).join(''), 'info');

describe('numbers by key', () => {
  test('are found on any line, and are undefined where there is none', () => {
    const numbers = new KeyedNumbers(KEYS);
    expect(numbers.read(text('Other: x', 'Free:  3 kB', 'Total: 5 kB'))).toEqual({ total: 5, free: 3, sum: undefined });
    expect(numbers.read(text())).toEqual({ total: undefined, free: undefined, sum: undefined });
  });

  test('are read anew each time', () => {
    const numbers = new KeyedNumbers(KEYS);
    numbers.read(text('Total: 5', 'Free: 3', 'a 1', 'b 2'));
    expect(numbers.read(text('Total: 6', 'Free: 4', 'a 10', 'b 20'))).toEqual({ total: 6, free: 4, sum: 30 });
  });

  test('of several keys under one name are added up, those that are there', () => {
    expect(new KeyedNumbers(KEYS).read(text('b 2', 'c 9', 'a 1')).sum).toBe(3);
    expect(new KeyedNumbers(KEYS).read(text('b 2')).sum).toBe(2);
  });

  test('are the first of a key that is there twice', () => {
    const numbers = new KeyedNumbers(KEYS);
    for (let i = 0; i < 2; i++) expect(numbers.read(text('Total: 1', 'Total: 2', 'Free: 3')).total).toBe(1);
  });

  test.each([
    ['a line more before', ['New: 9', 'Total: 6', 'Free: 4']],
    ['another order', ['Free: 4', 'Total: 6']],
    ['a line more behind', ['Total: 6', 'Free: 4', 'a 7']],
  ])('are found again when the file is laid out anew: %s', (_, lines) => {
    const numbers = new KeyedNumbers(KEYS);
    numbers.read(text('Total: 5', 'Free: 3'));
    expect(numbers.read(text(...lines))).toMatchObject({ total: 6, free: 4 });
  });

  test('that went away are undefined', () => {
    const numbers = new KeyedNumbers(KEYS);
    numbers.read(text('Total: 5', 'Free: 3'));
    expect(numbers.read(text('Total: 5'))).toEqual({ total: 5, free: undefined, sum: undefined });
  });

  test('are not those of a key that starts or ends alike', () => {
    const lines = ['Totals: 1', 'HighTotal: 2', 'ab 3', 'total: 4'];
    expect(new KeyedNumbers(KEYS).read(text(...lines))).toEqual({ total: undefined, free: undefined, sum: undefined });
  });

  test('that are none say where, and the next text is read all the same', () => {
    const numbers = new KeyedNumbers(KEYS);
    expect(() => numbers.read(text('Total: 1', 'Free: sixtynine kB'))).toThrow(Malformed);
    expect(() => numbers.read(text('Total: 1', 'Free:'))).toThrow('info:2: no column 2, in "Free:"');
    expect(numbers.read(text('Total: 1', 'Free: 69 kB'))).toMatchObject({ total: 1, free: 69 });
  });
});
