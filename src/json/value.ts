/**
 * Numbers out of what JSON has: numbers, texts of numbers, booleans, durations, moments.
 *
 * Every number becomes a double, as an event's numbers are: a whole number beyond 2^53, in digits or in hexadecimal, becomes the nearest one,
 * as `Number(BigInt(text))` has it.
 */

/** What a field's value is read as. */
export const CONVERSIONS = ['number', 'hex', 'boolean', 'truth', 'count', 'duration', 'time', 'age'] as const;
export type Conversion = (typeof CONVERSIONS)[number];

/** The value is there and is not what the mapping says it is. */
export class Unfit extends Error {}

const EXCERPT_MAX = 60;
/** No number, moment or duration is longer, in characters. */
const TEXT_MAX = 512;

/** A value in a message. What may be long is not written out to be cut. */
export function excerpt(value: unknown): string {
  if (typeof value === 'string')
    return value.length > EXCERPT_MAX ? `${JSON.stringify(value.slice(0, EXCERPT_MAX))}…` : JSON.stringify(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

const unfit = (value: unknown, what: string): Unfit => new Unfit(`${excerpt(value)} is ${what}`);

/**
 * The number that a value stands for; undefined when it says that there is none. `scale` is what its unit is worth in the field's, `now` is
 * Unix time in seconds. Throws `Unfit`.
 */
export function convert(value: unknown, as: Conversion, scale: number, now: number): number | undefined {
  if (typeof value === 'string' && value.length > TEXT_MAX && as !== 'truth') throw unfit(value, `too long to be a ${as}`);
  switch (as) {
    case 'number':
      return scaled(numberOf(value), scale);
    case 'hex':
      return scaled(hexOf(value), scale);
    case 'boolean':
      return booleanOf(value);
    case 'truth':
      return value === false || value === 0 || value === '' ? 0 : 1;
    case 'count':
      return countOf(value);
    case 'duration':
      return typeof value === 'string' && !NUMBER.test(value.trim()) ? durationOf(value) : scaled(numberOf(value), scale);
    case 'time':
      return momentOf(value, scale);
    case 'age': {
      const moment = momentOf(value, scale);
      return moment === undefined ? undefined : now - moment;
    }
  }
}

/** A factor such as 1e-9 is no double, and its inverse is: dividing by that is exact to the last digit. */
function scaled(number: number, scale: number): number {
  if (scale === 1) return number;
  const inverse = Math.round(1 / scale);
  return inverse > 1 && Math.abs(inverse * scale - 1) < 1e-12 ? number / inverse : number * scale;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?0[xX][0-9a-fA-F]+$|^NaN$|^[+-]?Inf(inity)?$/;

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value.trim() : '';
  if (!NUMBER.test(text)) throw unfit(value, 'no number');
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/.exec(text) as RegExpExecArray;
  const size = rest.startsWith('Inf') ? Number.POSITIVE_INFINITY : Number(rest);
  return sign === '-' ? -size : size;
}

/** Digits of the base 16, with or without `0x`. */
function hexOf(value: unknown): number {
  const [, sign, digits] = typeof value === 'string' ? (/^\s*([+-]?)(?:0[xX])?([0-9a-fA-F]+)\s*$/.exec(value) ?? []) : [];
  if (digits === undefined) throw unfit(value, 'no hexadecimal number');
  const size = Number(`0x${digits}`);
  return sign === '-' ? -size : size;
}

function booleanOf(value: unknown): number {
  if (value === true || value === 1 || value === 'true') return 1;
  if (value === false || value === 0 || value === 'false') return 0;
  throw unfit(value, 'neither true nor false');
}

function countOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw unfit(value, 'no list and no object');
}

const SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** `1h2m3.5s`, `1.2d`, `PT1H30M`, `-5ms`, as seconds. */
function durationOf(text: string): number {
  const [, sign, body = ''] = /^\s*([+-]?)(.*?)\s*$/.exec(text) as RegExpExecArray;
  const iso = /^P(?=.)(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?=.)(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/.exec(body);
  let seconds = 0;
  if (iso) {
    const units = [SECONDS['w'], SECONDS['d'], SECONDS['h'], SECONDS['m'], 1] as number[];
    for (const [i, unit] of units.entries()) seconds += Number(iso[i + 1] ?? 0) * unit;
  } else {
    if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)(\s*(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w))*$/.test(body))
      throw unfit(text, 'no duration');
    for (const [, number, unit] of body.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h|d|w)/g))
      seconds += scaled(Number(number), SECONDS[unit as string] as number);
  }
  if (Number.isNaN(seconds)) throw unfit(text, 'no duration');
  return sign === '-' ? -seconds : seconds;
}

const MOMENT = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)? ?(Z|z|[+-]\d{2}:?\d{2})?$/;

/**
 * A moment as Unix time in seconds: RFC 3339, or a number of seconds since 1970, or of what `scale` is worth. A moment in the year 1 is how Go
 * writes that there is none. One without an offset is UTC.
 */
function momentOf(value: unknown, scale: number): number | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value.trim())))
    return scaled(numberOf(value), scale);
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = 'Z'] =
    (typeof value === 'string' ? MOMENT.exec(value.trim()) : null) ?? [];
  if (year === undefined) throw unfit(value, 'no moment: expected RFC 3339 or a Unix time');
  if (year === '0001') return undefined;
  const days = Date.UTC(Number(year), Number(month) - 1, Number(day)) / 1000;
  const right = new Date(days * 1000).toISOString().startsWith(`${year}-${String(month)}-${String(day)}`);
  if (!right || Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) throw unfit(value, 'no moment of any calendar');
  return days + Number(hour) * 3600 + Number(minute) * 60 + Number(`${second}.${fraction}`) - offsetOf(zone);
}

/** Seconds that a zone is ahead of UTC. */
function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}
