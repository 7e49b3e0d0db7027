/**
 * Numbers from bytes, exactly as `strconv.ParseFloat` of Go rounds them, without a string in the usual case.
 *
 *   up to 15 digits         mantissa / 10^k with both exact: one division rounds once, which is right (Clinger 1990)
 *   up to 22 digits         the same in double-double arithmetic, when its error cannot change the rounding
 *   everything else         the syntax is checked, then `Number` reads the text
 *
 * Accepted: `[+-]digits[.digits][e[+-]digits]` with digits on one side of the point at least, and in any case `nan`, `[+-]inf`,
 * `[+-]infinity`. Not: hexadecimal, `_`, and numbers too large for a float64, which Prometheus refuses.
 */
import { DOT, MINUS, PLUS, ZERO } from './ascii.ts';

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** 15 digits are below 2^53. */
const HEAD_DIGITS = 15;
/** Digits behind those that double-double arithmetic takes. */
const TAIL_DIGITS = 7;
/** Veltkamp's splitter for float64: 2^27 + 1. */
const SPLITTER = 134_217_729;
/** More than the relative error of a quotient or product in double-double arithmetic, less than what decides a rounding. */
const ERROR = 2 ** -98;
const UPPER_N = 78;
const LOWER_A = 97;
const E_LOWER = 101;
const E_UPPER = 69;
const CASE = 0x20;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORD = /^(nan|[+-]?inf|[+-]?infinity)$/i;

/**
 * Reads the number at `at` into `out[index]` and returns where it ends: at the first byte that cannot belong to it. Returns -1 when
 * there is no number, or when what follows its digits makes it another; `readText` is the judge then.
 */
export function readNumber(bytes: Uint8Array, at: number, out: Float64Array, index: number): number {
  let p = at;
  let byte = bytes[p] as number;
  const negative = byte === MINUS;
  if (negative || byte === PLUS) byte = bytes[++p] as number;
  let mantissa = 0;
  let digits = 0;
  let fraction = 0;
  let seen = 0;
  let digit = byte - ZERO;
  while (digit >= 0 && digit <= 9 && digits < HEAD_DIGITS) {
    mantissa = mantissa * 10 + digit;
    // Leading zeros are no digits.
    if (mantissa > 0) digits++;
    seen++;
    digit = (bytes[++p] as number) - ZERO;
  }
  if (digits === HEAD_DIGITS && digit >= 0 && digit <= 9) {
    scratch[HEAD] = mantissa;
    return readLong(bytes, p, 0, false, negative, out, index);
  }
  if (digit === DOT - ZERO) {
    digit = (bytes[++p] as number) - ZERO;
    while (digit >= 0 && digit <= 9 && digits < HEAD_DIGITS) {
      mantissa = mantissa * 10 + digit;
      if (mantissa > 0) digits++;
      fraction++;
      digit = (bytes[++p] as number) - ZERO;
    }
    if (digit >= 0 && digit <= 9) {
      scratch[HEAD] = mantissa;
      return readLong(bytes, p, fraction, true, negative, out, index);
    }
  }
  if (seen + fraction === 0) return -1;
  let exponent = -fraction;
  if (digit === E_LOWER - ZERO || digit === E_UPPER - ZERO) {
    const end = readExponent(bytes, p);
    if (end < 0) return -1;
    exponent += exponentRead;
    p = end;
  }
  if (exponent < -22 || exponent > 22) return -1;
  const value = exponent <= 0 ? mantissa / (POWERS[-exponent] as number) : mantissa * (POWERS[exponent] as number);
  out[index] = negative ? -value : value;
  return p;
}

/** What `readExponent` read last. A result of two numbers would be an object for each call. */
let exponentRead = 0;

/** Reads `e[+-]digits` of at most three digits and returns where it ends, or -1. */
function readExponent(bytes: Uint8Array, at: number): number {
  let p = at + 1;
  const negative = bytes[p] === MINUS;
  if (negative || bytes[p] === PLUS) p++;
  let value = 0;
  const first = p;
  for (let digit = (bytes[p] as number) - ZERO; digit >= 0 && digit <= 9; digit = (bytes[++p] as number) - ZERO) {
    if (p - first === 3) return -1;
    value = value * 10 + digit;
  }
  if (p === first) return -1;
  exponentRead = negative ? -value : value;
  return p;
}

/** What is handed on between the functions below: doubles as arguments and results would be objects on the heap. */
const scratch = new Float64Array(2);
const HEAD = 0;
const SHIFT = 1;

/** Goes on behind the first 15 digits, which are `scratch[HEAD]`. `fraction` is how many of them stood behind the point, which `pointed` says was there. */
function readLong(
  bytes: Uint8Array,
  at: number,
  fraction: number,
  pointed: boolean,
  negative: boolean,
  out: Float64Array,
  index: number,
): number {
  let p = at;
  let tail = 0;
  let count = 0;
  let behind = fraction;
  let point = pointed;
  for (;;) {
    const byte = bytes[p] as number;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (count === TAIL_DIGITS) return -1;
      tail = tail * 10 + digit;
      count++;
      if (point) behind++;
    } else if (byte === DOT && !point) point = true;
    else break;
    p++;
  }
  let exponent = -behind;
  if (((bytes[p] as number) | CASE) === E_LOWER) {
    const end = readExponent(bytes, p);
    if (end < 0) return -1;
    exponent += exponentRead;
    p = end;
  }
  if (exponent > 22 || exponent < -22) return -1;
  scratch[SHIFT] = POWERS[count] as number;
  return scale(tail, exponent, negative, out, index) ? p : -1;
}

/**
 * (head × shift + tail) × 10^exponent into `out[index]`, or false when the rounding is too close to call. Every operand is exact; products are split after
 * Dekker and Veltkamp (1971), so that the remainder of the first quotient is exact too.
 */
function scale(tail: number, exponent: number, negative: boolean, out: Float64Array, index: number): boolean {
  const head = scratch[HEAD] as number;
  const shift = scratch[SHIFT] as number;
  // high + low is the mantissa, exactly.
  const product = head * shift;
  const rest = productError(head, shift, product) + tail;
  const high = product + rest;
  const low = rest - (high - product);
  let first: number;
  let second: number;
  if (exponent < 0) {
    const divisor = POWERS[-exponent] as number;
    first = high / divisor;
    const back = first * divisor;
    second = (high - back - productError(first, divisor, back) + low) / divisor;
  } else {
    const factor = POWERS[exponent] as number;
    first = high * factor;
    second = productError(high, factor, first) + low * factor;
  }
  const error = first * ERROR;
  const value = first + (second + error);
  if (value !== first + (second - error)) return false;
  out[index] = negative ? -value : value;
  return true;
}

/** a × b - product, exactly. */
function productError(a: number, b: number, product: number): number {
  const aBig = a * SPLITTER;
  const aHigh = aBig - (aBig - a);
  const aLow = a - aHigh;
  const bBig = b * SPLITTER;
  const bHigh = bBig - (bBig - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** The number that a text is, or undefined when it is none. */
export function numberOf(text: string): number | undefined {
  if (NUMBER.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  if (!WORD.test(text)) return undefined;
  const first = text.toLowerCase();
  if (first === 'nan') return Number.NaN;
  return first.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** As `readNumber`, for a token whose end is known; false when it is no number. */
export function readToken(bytes: Buffer, from: number, to: number, out: Float64Array, index: number): boolean {
  if (readNumber(bytes, from, out, index) === to) return true;
  // The usual word, without making a text of it.
  if (to - from === 3 && bytes[from] === UPPER_N && bytes[from + 1] === LOWER_A && bytes[from + 2] === UPPER_N) {
    out[index] = Number.NaN;
    return true;
  }
  const value = numberOf(bytes.toString('latin1', from, to));
  if (value === undefined) return false;
  out[index] = value;
  return true;
}

/** A number as Prometheus writes it into `le` and `quantile`: as `strconv.FormatFloat(f, 'g', -1, 64)`, with `.0` behind an integer. */
export function openMetricsNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return '0.0';
  const [digits = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  // Go's shortest %g takes an exponent below 1e-4 and from 1e6 on.
  if (exponent < -4 || exponent >= 6) return `${digits}e${exponent < 0 ? '-' : '+'}${`${Math.abs(exponent)}`.padStart(2, '0')}`;
  const text = `${value}`;
  return text.includes('.') ? text : `${text}.0`;
}

/** Bounds that are remembered: histograms have few different ones, and many buckets of each. */
const BOUNDS_MAX = 4096;
const bounds = new Map<string, string>();

/** The text of a bound as Prometheus writes it; what is no number stays as it is. */
export function canonicalBound(text: string): string {
  const known = bounds.get(text);
  if (known !== undefined) return known;
  const value = numberOf(text);
  const canonical = value === undefined ? text : openMetricsNumber(value);
  if (bounds.size >= BOUNDS_MAX) bounds.clear();
  bounds.set(text, canonical);
  return canonical;
}
