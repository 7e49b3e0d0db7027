/**
 * Strings from bytes, each made once while it is in use: label names and values repeat from line to line and from target to target.
 *
 * Limits: SLOTS strings are remembered, each at the place its hash gives it; a new one takes the place of the old. Only ASCII texts of
 * up to BYTES_MAX bytes are remembered, because those can be held against bytes without decoding.
 */
import { BACKSLASH, QUOTE } from './ascii.ts';

const SLOTS = 2 ** 15;
const BYTES_MAX = 96;
const LOWER_N = 110;

export class Strings {
  readonly #slots: string[] = Array.from({ length: SLOTS }, () => '');

  /** The text of bytes without escapes. */
  of(bytes: Buffer, from: number, to: number): string {
    const length = to - from;
    if (length > BYTES_MAX) return bytes.toString('utf8', from, to);
    // FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
    let hash = 0x811c9dc5;
    let ascii = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      ascii |= byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (ascii > 127) return bytes.toString('utf8', from, to);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#slots[slot] as string;
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[from + i]) i++;
      if (i === length) return known;
    }
    const made = bytes.toString('latin1', from, to);
    this.#slots[slot] = made;
    return made;
  }
}

/** Where a quoted string ends that starts behind `from`: at its closing quote, or -1 when the line or the page ends before it. */
export function closingQuote(bytes: Uint8Array, from: number, length: number): number {
  for (let p = from; p < length; p++) {
    const byte = bytes[p] as number;
    if (byte === QUOTE) return p;
    if (byte === BACKSLASH) p++;
    if (bytes[p] === 10) return -1;
  }
  return -1;
}

/**
 * Undoes `\\`, `\n` and, where quotes are escaped, `\"`. Any other backslash stays, with what follows it: Prometheus and OpenMetrics
 * agree there.
 */
export function unescape(text: string, quotes = true): string {
  if (!text.includes('\\')) return text;
  let result = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    const next = text.charCodeAt(at + 1);
    result += text.slice(from, at);
    if (next === LOWER_N) result += '\n';
    else if (next === BACKSLASH) result += '\\';
    else if (next === QUOTE && quotes) result += '"';
    else result += text.slice(at, at + 2);
    from = at + 2;
  }
  return result + text.slice(from);
}

export const OTHER_ESCAPE = 'the text format has no such escape';

/** Whether a quoted text has an escape that the text format has not. The server keeps those as they are, prometheus/common refuses them. */
export const hasOtherEscape = (text: string): boolean => /^(?:[^\\]|\\[\\n"])*\\(?![\\n"])/su.test(text);
