/** Numbers and moments as an operator reads them in a sentence. */

const BYTES_STEP = 1000;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** `41,200`. */
export const grouped = (count: number): string => Math.round(count).toLocaleString('en');

/** `1 event`, `41,200 events`. */
export const counted = (count: number, what: string): string => `${grouped(count)} ${what}${Math.round(count) === 1 ? '' : 's'}`;

/** `3.2 MB`. */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  while (amount >= BYTES_STEP && unit < UNITS.length - 1) {
    amount /= BYTES_STEP;
    unit++;
  }
  return `${unit === 0 ? grouped(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

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
