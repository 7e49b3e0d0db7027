/** Numbers as short as they can be read. */
import { quantity } from '../../pretty.ts';

const SCALES = ['', 'k', 'M', 'G', 'T'] as const;
const of = (unit: string) => (value: number) => quantity(value, { kind: 'gauge', unit, doc: '' }, '');
const inSeconds = of('s');

export const size = of('By');

/** `0`, `3.2`, `120`, `1.2k`, `45M`: three digits, whatever is counted. */
export function amount(value: number): string {
  let [rest, scale] = [value, 0];
  while (rest >= 999.5 && scale < SCALES.length - 1) {
    rest /= 1000;
    scale++;
  }
  const text = rest >= 99.5 || Number.isInteger(rest) ? String(Math.round(rest)) : rest.toPrecision(2);
  return `${text}${SCALES[scale]}`;
}

/** A duration in milliseconds: `0.4 ms`, `85 ms`, `3.2 s`, `48 s`, `3m 20s`, `2d 4h`. */
export function time(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return inSeconds(ms < 9950 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000));
}

/** A share of a whole as percent. */
export const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** The time of day here, of a moment in milliseconds. */
export function timeOfDay(moment: number): string {
  const at = new Date(moment);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
