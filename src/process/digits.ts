/** More digits than this may not fit into the integer part of a double. */
const EXACT_DIGITS_MAX = 15;
const ZERO = 48;
const NINE = 57;

/** The number whose decimal digits are the bytes from `from` to `to`; NaN when there are none, or others among them. */
export function digits(buffer: Buffer, from: number, to: number): number {
  if (from >= to) return Number.NaN;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = buffer[at] as number;
    if (digit < ZERO || digit > NINE) return Number.NaN;
    value = value * 10 + (digit - ZERO);
  }
  return to - from > EXACT_DIGITS_MAX ? Number(buffer.toString('latin1', from, to)) : value;
}
