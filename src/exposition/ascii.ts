/** Bytes of the exposition formats, and which of them a name may have. */

export const TAB = 9;
export const NEWLINE = 10;
export const SPACE = 32;
export const QUOTE = 34;
export const HASH = 35;
export const PLUS = 43;
export const COMMA = 44;
export const MINUS = 45;
export const DOT = 46;
export const ZERO = 48;
export const EQUALS = 61;
export const BACKSLASH = 92;
export const OPEN = 123;
export const CLOSE = 125;

/** Bits of `CLASS`. */
export const METRIC_START = 1;
export const METRIC = 2;
export const LABEL_START = 4;
export const LABEL = 8;

/** What each byte may be part of: metric names `[a-zA-Z_:][a-zA-Z0-9_:]*`, label names the same without colons. */
export const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte);
  if (/[a-zA-Z_]/.test(char)) CLASS[byte] = METRIC_START | METRIC | LABEL_START | LABEL;
  else if (/\d/.test(char)) CLASS[byte] = METRIC | LABEL;
  else if (char === ':') CLASS[byte] = METRIC_START | METRIC;
}

/** A page that breaks its format. `line` counts from 1; `excerpt` is the line, cut to a readable length. */
export class ExpositionError extends Error {
  override readonly name = 'ExpositionError';
  readonly what: string;
  readonly line: number;
  /** Samples of the page that were read before. */
  samples = 0;

  constructor(what: string, line: number, excerpt: string) {
    super(line > 0 ? `line ${line}: ${what}, in ${JSON.stringify(excerpt)}` : what);
    this.what = what;
    this.line = line;
  }
}

/** Longest excerpt of a line in a message, in bytes. */
const EXCERPT_BYTES = 120;

/** The error for what stands at a byte of a page: finds the line and counts it, which costs nothing until something is wrong. */
export function errorAt(bytes: Buffer, length: number, at: number, what: string): ExpositionError {
  let line = 1;
  let start = 0;
  for (let i = 0; i < Math.min(at, length); i++) {
    if (bytes[i] !== NEWLINE) continue;
    line++;
    start = i + 1;
  }
  let end = bytes.indexOf(NEWLINE, start);
  if (end < 0 || end > length) end = length;
  // A long line is shown around the place that is wrong.
  const from = Math.max(start, Math.min(at - EXCERPT_BYTES / 2, end - EXCERPT_BYTES));
  return new ExpositionError(what, line, bytes.toString('utf8', from, Math.min(end, from + EXCERPT_BYTES)));
}

/** Runs a check, and gives what it throws its place in the page. */
export function placed<T>(bytes: Buffer, length: number, at: number, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    throw errorAt(bytes, length, at, error.what);
  }
}
