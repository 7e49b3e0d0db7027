// @ts-check
/** Numbers, durations, sizes and moments in words that a tired person reads right. */

/** The language of the page's own sentences; so that a number in them is grouped as they are. */
const LANGUAGE = 'en-GB';
const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const absoluteForm = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'long' });
const clockForm = new Intl.DateTimeFormat(LANGUAGE, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayForm = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
/** Fields in seconds that are moments, as Unix time. */
const MOMENTS = /timestamp|start_time|boot_time|(^|[._])(since|modified|last_success)$/;

/** `1,204,331`. @param {number} value */
export const count = (value) => whole.format(value);

/** `1 event`, `12 events`. @param {number} value @param {string} one @param {string} [many] */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A short form for a picture: `950`, `12.4k`, `3.1M`. @param {number} value */
export function brief(value) {
  if (value < 1000) return count(value);
  for (const [size, unit] of /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])) {
    if (value >= size) return `${digits(value / size)}${unit}`;
  }
  return count(value);
}

/** Three digits at most where there is a fraction. @param {number} value */
export function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return whole.format(value);
  if (size >= 10) return trim(value.toFixed(1));
  if (size >= 0.01) return trim(value.toFixed(2));
  return value.toPrecision(2);
}

/** @param {string} text */
const trim = (text) => text.replace(/\.?0+$/, '');

/** `3.2 GB`; powers of a thousand. @param {number} value */
export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [amount, i] = [value, 0];
  while (Math.abs(amount) >= 999.5 && i < units.length - 1) {
    amount /= 1000;
    i++;
  }
  return `${i === 0 ? count(amount) : digits(amount)} ${units[i]}`;
}

/** `34 events/s`, and `0.2 events/s` where it is little. @param {number} value */
export const rate = (value) => `${perSecond(value)} events/s`;

/** The number of a rate alone. @param {number} value */
export const perSecond = (value) => (value > 0 && value < 0.05 ? '< 0.1' : value < 10 ? trim(value.toFixed(1)) : count(value));

/** A share as `12 %`. @param {number} share 1 is all */
export function percent(share) {
  const value = share * 100;
  return `${value > 0 && value < 0.1 ? '< 0.1' : value < 10 ? trim(value.toFixed(1)) : count(value)} %`;
}

/** `12 ms`, `41 seconds`, `2 hours 5 minutes`, `3 days`. @param {number} ms */
export function duration(ms) {
  if (ms < SECOND) return `${digits(ms < 10 ? ms : Math.round(ms))} ms`;
  if (ms < 10 * SECOND && ms % SECOND !== 0) return `${trim((ms / SECOND).toFixed(1))} seconds`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 120) return counted(seconds, 'second');
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 120) return counted(minutes, 'minute');
  const hours = Math.floor(ms / HOUR);
  if (hours < 10) {
    const rest = minutes - 60 * hours;
    return rest === 0 ? counted(hours, 'hour') : `${counted(hours, 'hour')} ${counted(rest, 'minute')}`;
  }
  return hours < 48 ? counted(hours, 'hour') : counted(Math.floor(ms / DAY), 'day');
}

/** A duration where there is little room: `12 ms`, `10 s`, `5 min`. @param {number} ms */
export function shortDuration(ms) {
  if (ms < SECOND) return `${digits(ms < 10 ? ms : Math.round(ms))} ms`;
  if (ms < 2 * MINUTE) return `${digits(Math.round(ms / 100) / 10)} s`;
  return ms < 2 * HOUR ? `${digits(Math.round(ms / MINUTE))} min` : `${digits(Math.round(ms / HOUR))} h`;
}

/** How long ago: `just now`, `41 minutes ago`; of what is to come `in 3 seconds`. @param {number} moment @param {number} now */
export function relative(moment, now) {
  const ms = now - moment;
  if (ms < -SECOND) return `in ${duration(SECOND * Math.round(-ms / SECOND))}`;
  return ms < SECOND ? 'just now' : `${duration(SECOND * Math.floor(ms / SECOND))} ago`;
}

/** Date, time and zone. @param {number} moment */
export const absolute = (moment) => absoluteForm.format(moment);

/** The time of day, and the day where it is another. @param {number} moment @param {number} now */
export const clock = (moment, now) => (now - moment < DAY / 2 ? clockForm.format(moment) : dayForm.format(moment));

/** `a`, `a and b`, `a, b and 3 more`. @param {readonly string[]} names @param {number} [most] */
export function listed(names, most = 3) {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** Where a sink writes to, without its type, which stands beside it. @param {{ type: string, destination: string }} sink */
export const placeOf = ({ type, destination }) =>
  destination.startsWith(`${type} at `) ? destination.slice(`${type} at `.length) : destination;

/**
 * A value of an event with its unit, which is UCUM: `80 kB`, `1.5 ms`, `12.3 %`.
 * @param {number | string | null | undefined} value @param {string} unit @param {string} name
 */
export function quantity(value, unit, name) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value.replace('+Inf', '∞').replace('-Inf', '−∞');
  if (unit === '1') return /utilization|ratio/.test(name) ? percent(value) : digits(value);
  if (unit === 'By') return bytes(value);
  if (unit === 'By/s') return `${bytes(value)}/s`;
  if (unit === 's') return MOMENTS.test(name) ? absolute(value * 1000) : shortDuration(value * 1000);
  if (unit === 'Cel') return `${digits(value)} °C`;
  const shown = Number.isInteger(value) ? count(value) : digits(value);
  return unit.startsWith('{') ? `${shown}${unit.replace(/^\{.*\}/, '')}` : `${shown} ${unit}`;
}
