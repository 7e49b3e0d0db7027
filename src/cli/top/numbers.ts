/** Numbers as short as they can be read. */
import { quantity } from '../../pretty.ts';

const SCALES = ['', 'k', 'M', 'G', 'T'] as const;
const of = (unit: string) => (value: number) => quantity(value, { kind: 'gauge', unit, doc: '' }, '');
const inSeconds = of('s');

export const size = of('By');

/** `0`, `3.25`, `120`, `1.25k`, `45M`: three digits, whatever is counted. */
export function amount(value: number): string {
  let [rest, scale] = [value, 0];
  while (rest >= 999.5 && scale < SCALES.length - 1) {
    rest /= 1000;
    scale++;
  }
  // What is less than a hundredth of something is nothing to look at.
  const digits = rest >= 99.5 ? 1 : rest >= 9.995 ? 10 : 100;
  return `${Math.round(rest * digits) / digits}${SCALES[scale]}`;
}

/** A duration in milliseconds: `0.4 ms`, `85 ms`, `3.2 s`, `48 s`, `3m 20s`, `2d 4h`. */
export function time(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return inSeconds(ms < 9950 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000));
}

/** A share of a whole as percent. */
export const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** The time of day, as the log and the findings have it, of a moment in milliseconds since 1970. */
export const timeOfDay = (moment: number): string => `${new Date(moment).toISOString().slice(11, 19)} UTC`;
