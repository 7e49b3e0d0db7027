/**
 * Numbers, sizes, durations and moments in words, for whatever the service or a command says to people: sentences of findings, tables of `top`,
 * values of events. The page has its own (`src/page/humane.mjs`), which runs in a browser.
 */
import type { Field } from './event.ts';

const SCALES = ['', 'k', 'M', 'G', 'T'] as const;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
/** Fields in seconds that are moments, as Unix time. */
const MOMENTS = /timestamp|start_time|boot_time|(^|[._])(since|modified|last_success)$/;

/** `41,200`. */
export const grouped = (count: number): string => Math.round(count).toLocaleString('en');

/** `1 event`, `41,200 events`. */
export const counted = (count: number, what: string): string => `${grouped(count)} ${what}${Math.round(count) === 1 ? '' : 's'}`;

/** A size in bytes, as powers of a thousand: `3.2 MB`. */
export const size = (bytes: number): string => scaled(bytes, 1000, UNITS, grouped);

/** `12 s`, `41 minutes`, `3 hours`, `2 days`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2 * MINUTE) return `${seconds} s`;
  if (seconds < 2 * HOUR) return counted(seconds / MINUTE, 'minute');
  return seconds < 2 * DAY ? counted(seconds / HOUR, 'hour') : counted(seconds / DAY, 'day');
}

/** `12:03:05 UTC`, with the date where that is another than now's. The log has the same time. */
export function moment(time: number, now: number): string {
  const [then, today] = [new Date(time).toISOString(), new Date(now).toISOString()];
  const day = then.slice(0, 10) === today.slice(0, 10) ? '' : `${then.slice(0, 10)} `;
  return `${day}${then.slice(11, 19)} UTC`;
}

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
  return seconds(ms < 9950 ? Math.round(ms / 100) / 10 : Math.round(ms / 1000));
}

/** A share of a whole as percent. */
export const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** The time of day, as the log and the findings have it, of a moment in milliseconds since 1970. */
export const timeOfDay = (moment: number): string => `${new Date(moment).toISOString().slice(11, 19)} UTC`;

/** A value with its unit in the form that people read: `80.0 KiB`, `1.50 ms`, `12.3 %`. */
export function quantity(value: number, { unit }: Field, name: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  if (unit === '1') return /utilization|ratio/.test(name) ? `${short(value * 100)} %` : short(value);
  if (unit.startsWith('{')) return short(value);
  const [, base = '', rest = ''] = /^([A-Za-z%]*)(.*)$/.exec(unit) ?? [];
  if (base === 's' && rest === '') return MOMENTS.test(name) ? isoTime(value) : seconds(value);
  if (base === 'By') return `${scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], short)}${rest}`;
  if (base === 'Hz') return `${scaled(value, 1000, ['Hz', 'kHz', 'MHz', 'GHz'], short)}${rest}`;
  if (base === 'Cel') return `${short(value)} °C${rest}`;
  return `${short(value)} ${unit}`;
}

/** Integers as they are; everything else with three digits behind the point at most. */
const short = (value: number): string => {
  if (Number.isInteger(value)) return `${value}`;
  return Math.abs(value) >= 0.001 ? `${Math.round(value * 1000) / 1000}` : value.toPrecision(3);
};

/** In the largest unit of which there is one; with `small` where that is the first. */
function scaled(value: number, step: number, units: readonly string[], small: (value: number) => string): string {
  let [amount, i] = [value, 0];
  while (Math.abs(amount) >= step && i < units.length - 1) {
    amount /= step;
    i++;
  }
  return `${i === 0 ? small(amount) : amount.toFixed(1)} ${units[i]}`;
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${short(value * 1e6)} µs`;
  if (size < 1) return `${short(value * 1e3)} ms`;
  if (size < 120) return `${short(value)} s`;
  const whole = Math.round(size);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  const parts =
    days > 0 ? [`${days}d`, `${hours}h`] : hours > 0 ? [`${hours}h`, `${minutes}m`] : [`${minutes}m`, `${whole % 60}s`];
  return `${value < 0 ? '-' : ''}${parts.join(' ')}`;
}

const isoTime = (value: number): string => (Math.abs(value) < 8.64e12 ? new Date(value * 1000).toISOString() : `${value} s`);
