/** What vendors' tools write in a cell: a number, a number with a unit, a state, or one of many words for nothing. */

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  '%': 0.01,
  B: 1,
  KB: 1e3,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  MB: 1e6,
  'B/s': 1,
  'KB/s': 1e3,
  'MB/s': 1e6,
  Hz: 1,
  MHz: 1e6,
  Mhz: 1e6,
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  W: 1,
  mW: 1e-3,
  J: 1,
  mJ: 1e-3,
  mV: 1e-3,
  C: 1,
  x: 1,
};

const WORDS: Readonly<Record<string, number>> = {
  Active: 1,
  'Not Active': 0,
  Enabled: 1,
  Disabled: 0,
  Yes: 1,
  No: 0,
};

/**
 * A cell in base units, or undefined when it says nothing: `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU is lost]`, an empty one, a
 * text. `unit` is for cells without one: a header's. Hexadecimal numbers and performance states (`P8`) are numbers.
 */
export function cellNumber(text: string | undefined, unit = ''): number | undefined {
  if (text === undefined || text === '' || text.charCodeAt(0) === 0x5b) return undefined;
  let known = KNOWN.get(unit);
  if (!known) KNOWN.set(unit, (known = new Map<string, number | undefined>()));
  if (known.has(text)) return known.get(text);
  if (known.size >= KNOWN_MAX) known.clear();
  const value = parse(text, unit);
  known.set(text, value);
  return value;
}

/** Most cells say what they said the last time, and a table is quicker than a pattern. By unit, each with so many cells. */
const KNOWN = new Map<string, Map<string, number | undefined>>();
const KNOWN_MAX = 4096;

function parse(text: string, unit: string): number | undefined {
  const word = WORDS[text];
  if (word !== undefined) return word;
  const match = /^(-?\d+(?:\.\d+)?) ?([A-Za-z%/]*)$/.exec(text);
  if (match) {
    const factor = UNITS[match[2] || unit];
    return factor === undefined ? undefined : scaled(Number(match[1]), factor);
  }
  const state = /^P(\d{1,2})$/.exec(text)?.[1] ?? (/^0x[0-9A-Fa-f]+$/.test(text) ? text : undefined);
  return state === undefined ? undefined : Number(state);
}

/** Divides where that is exact to the last digit: 7 % is 0.07, and 7 × 0.01 is not. */
const scaled = (value: number, factor: number): number => (factor < 1 ? value / Math.round(1 / factor) : value * factor);
