/**
 * Text of a service on a terminal: what it may hold, how wide it is, and how it is cut.
 *
 * Widths are those of code points one by one, as terminals that know little count them. One that joins several into one sign shows a line
 * shorter than it was taken for, and none shows a longer one.
 */
import { eastAsianWidth } from 'get-east-asian-width';
import { printable } from '../../pretty.ts';

/** Signs of our own, and what stands for them where the terminal does not read UTF-8. */
export interface Signs {
  readonly ascii: boolean;
  /** For what was cut off. */
  readonly cut: string;
  /** For more rows than fit. */
  readonly more: string;
}

const UNICODE: Signs = { ascii: false, cut: '…', more: '…' };
const ASCII: Signs = { ascii: true, cut: '~', more: '...' };

/** Signs for a locale, as POSIX finds it: the first of these that is set decides. */
export function signsFor(env: NodeJS.ProcessEnv): Signs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** Marks that combine with one letter; more of them are for mischief. */
const MARKS_MAX = 3;
const TOO_MANY_MARKS = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, 'gu');
/** One that has no letter to combine with: some terminals give it a place of its own. */
const LONE_MARK = /(?<=^|\s)\p{M}/gu;
/** Choose between two pictures of one sign, of which one is wider. */
const VARIATIONS = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;
/** What has no width or no sign: format characters, halves of pairs, code points of no meaning. */
const UNSEEN = /[\p{Cf}\p{Cs}\p{Cn}]/gu;
/** Those of units and of sentences, for which ASCII has something. */
const SPELLED: Readonly<Record<string, string>> = { µ: 'u', μ: 'u', '°': '', '…': '...', '–': '-', '—': '-', '’': "'" };

/** A text as one line that is shown and not obeyed, in the signs that the terminal has. */
export function shown(text: string, signs: Signs): string {
  const safe = printable(text.normalize('NFC'))
    .replace(VARIATIONS, '')
    .replace(UNSEEN, escaped)
    .replace(LONE_MARK, escaped)
    .replace(TOO_MANY_MARKS, '$1');
  return signs.ascii ? inAscii(safe) : safe;
}

const escaped = (sign: string): string => `\\u{${sign.codePointAt(0)?.toString(16)}}`;

/** The same in ASCII: spelled where there is a way, a question mark elsewhere. */
export const inAscii = (text: string): string => text.replace(/[^\0-\x7f]/gu, (found) => SPELLED[found] ?? '?');

/** JSON in one line whose strings escape what a terminal obeys; what it says stays the same. */
export const jsonLine = (json: string): string =>
  json
    .replaceAll('\n', ' ')
    .replace(
      /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
      (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );

/** Marks that no terminal gives a place; those of other scripts have one on some. */
const [MARKS_FROM, MARKS_TO] = [0x300, 0x36f];
/** From here on, signs whose width depends on the font are wide on some terminals. */
const IDEOGRAPHS_FROM = 0x2e80;

/** Columns of a terminal that a text takes at most, which `shown` has made. */
export function widthOf(text: string): number {
  let width = 0;
  for (const sign of text) {
    const code = sign.codePointAt(0) as number;
    if (code < MARKS_FROM || code > MARKS_TO) width += eastAsianWidth(code, { ambiguousAsWide: code >= IDEOGRAPHS_FROM });
  }
  return width;
}

/** The text within so many columns; what was cut off is marked. */
export function cut(text: string, columns: number, signs: Signs): string {
  if (widthOf(text) <= columns) return text;
  const mark = widthOf(signs.cut);
  if (columns < mark) return '';
  let [kept, left] = ['', columns - mark];
  for (const sign of text) {
    left -= widthOf(sign);
    if (left < 0) break;
    kept += sign;
  }
  return `${kept}${signs.cut}`;
}

/** The text in exactly so many columns. */
export function fit(text: string, columns: number, align: 'left' | 'right', signs: Signs): string {
  const part = cut(text, columns, signs);
  const blank = ' '.repeat(Math.max(0, columns - widthOf(part)));
  return align === 'left' ? `${part}${blank}` : `${blank}${part}`;
}

/** Words in lines of so many columns, so many lines at most; a word that is longer is cut. */
export function wrap(text: string, columns: number, most: number, signs: Signs): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= columns) line = longer;
    else {
      if (line !== '') lines.push(line);
      line = word;
    }
    if (lines.length >= most) break;
  }
  if (lines.length < most) lines.push(line);
  else lines[most - 1] = `${lines[most - 1]} ${line}`;
  return lines.map((one) => cut(one, columns, signs));
}
