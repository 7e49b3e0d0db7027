/** Text of a service on a terminal: one line, obeyed by nobody, never wider than it may be. */
import xterm from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutLine, lineText, lineWidth, span } from '../../../src/cli/live/line.ts';
import { cut, fit, inAscii, jsonLine, shown, signsFor, widthOf, wrap } from '../../../src/cli/live/text.ts';

const unicode = signsFor({ LANG: 'de_DE.UTF-8' });
const ascii = signsFor({ LANG: 'C' });
/** What names may hold: letters of any script, wide ones, marks, joiners, control characters, halves of pairs. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(
      'a',
      '漢',
      '한',
      'é',
      'e\u0301',
      '\u200d',
      '\ufe0f',
      '👩',
      '🏽',
      '\u001b',
      '\n',
      '\u202e',
      '\ud800',
      ' ',
    ),
    maxLength: 40,
  }),
);

/** The column in which the cursor is after a text, on a terminal that is wide enough. */
async function cursorAfter(text: string): Promise<number> {
  const terminal = new xterm.Terminal({ cols: 1000, rows: 2, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  return terminal.buffer.active.cursorX;
}

describe('shown', () => {
  it.each([
    ['\u001b[2J', '\\u{1b}[2J'],
    ['a\nb\tc', 'a\\u{a}b\\u{9}c'],
    ['\u202eevil', '\\u{202e}evil'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['half \ud83d', 'half \\u{d83d}'],
    ['\u2764\ufe0f', '\u2764'],
    ['\u0301 \u0301a', '\\u{301} \\u{301}a'],
    ['z\u0300\u0301\u0302\u0303\u0304\u0305', 'z\u0300\u0301\u0302'],
    ['漢字', '漢字'],
  ])('%j is %j', (given, expected) => {
    expect(shown(given, unicode)).toBe(expected.normalize('NFC'));
  });

  it('is ASCII where the locale is no UTF-8, spelled where there is a way', () => {
    expect(shown('12 µs at 40 °C … 漢', ascii)).toBe('12 us at 40 C ... ?');
    expect(inAscii('\u{1f469}')).toBe('?');
  });

  it('has no character that a terminal obeys or that has no place', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(shown(text, unicode)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(shown(text, ascii)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe('JSON', () => {
  it('says the same, and nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.constant('\u009b2J\u202e\ufeff\n')), (text) => {
        const line = jsonLine(JSON.stringify({ text }, undefined, 1));
        expect(JSON.parse(line)).toEqual({ text });
        expect(line).not.toMatch(/[\p{Cc}\u200b-\u200f\u2028-\u202e]/u);
      }),
    );
  });
});

describe('the locale', () => {
  it.each([
    [{ LANG: 'C.utf8' }, false],
    [{ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, true],
    [{ LANG: 'C', LC_CTYPE: 'en_GB.UTF-8' }, false],
    [{}, true],
  ])('%j', (env, isAscii) => {
    expect(signsFor(env).ascii).toBe(isAscii);
  });
});

describe('widths', () => {
  it('are never less than what a terminal takes', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const safe = shown(text, unicode);
        expect(await cursorAfter(safe)).toBeLessThanOrEqual(widthOf(safe));
      }),
    );
  });

  it('are never less for any code point of its own', async () => {
    const terminal = new xterm.Terminal({ cols: 4000, rows: 2, allowProposedApi: true });
    // So many at a time that a line holds them, whatever their widths are.
    const STEP = 1000;
    const longer: string[] = [];
    for (let first = 0xa0; first < 0x3_0000; first += STEP) {
      const safe = Array.from({ length: STEP }, (_, i) => shown(String.fromCodePoint(first + i), unicode))
        .filter((text) => !text.startsWith('\\u{'))
        .join('');
      await new Promise<void>((resolve) => terminal.write(`\r\u001b[K${safe}`, resolve));
      if (terminal.buffer.active.cursorX > widthOf(safe)) longer.push(first.toString(16));
    }
    expect(longer).toEqual([]);
  });

  it('of letters, wide letters and marks', () => {
    expect(['abc', '漢字', 'e\u0301', ''].map(widthOf)).toEqual([3, 4, 1, 0]);
  });

  it('are kept by cut, fit and wrap', () => {
    fc.assert(
      fc.property(hostile, fc.nat(20), fc.integer({ min: 1, max: 4 }), (text, columns, most) => {
        const safe = shown(text, unicode);
        expect(widthOf(cut(safe, columns, unicode))).toBeLessThanOrEqual(columns);
        expect(widthOf(fit(safe, columns, 'right', unicode))).toBe(columns);
        const lines = wrap(safe, columns, most, unicode);
        expect(lines.length).toBeLessThanOrEqual(most);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        const line = cutLine([span(safe, 'red'), span('  '), span(safe)], columns, unicode);
        expect(lineWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('a line', () => {
  it('is cut with a mark, and whole where it fits', () => {
    expect(cut('archive', 7, unicode)).toBe('archive');
    expect(cut('archive', 6, unicode)).toBe('archi…');
    expect(cut('漢字漢字', 6, unicode)).toBe('漢字…');
    expect(cut('archive', 6, ascii)).toBe('archi~');
    expect(wrap('one two three four', 8, 2, unicode)).toEqual(['one two', 'three f…']);
    expect(lineText(cutLine([span('abc'), span('def')], 3, unicode), false)).toBe('ab…');
  });

  it('has colours where they are wanted', () => {
    expect(lineText([span('a', 'red'), span(' b ')], true)).toBe('\u001b[1;31ma\u001b[0m b ');
    expect(lineText([span('a', 'red'), span(' b ')], false)).toBe('a b');
  });
});
