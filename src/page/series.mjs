// @ts-check
/**
 * The last events of each sensor, and what one number in them was over time.
 *
 * Layout: by sensor and type a list of events, the newest last. Limits: EVENTS_MAX events and CELLS_MAX values of each type, TYPES_MAX types
 * of a sensor; the oldest fall out, and further types are not kept.
 */

/** @import { Event, Value } from './stream.mjs' */
/** @typedef {{ type: string, field: string, unit: string, kind: string }} Metric */
/** @typedef {{ time: number, value: number }} Reading */

const EVENTS_MAX = 240;
const CELLS_MAX = 60_000;
const TYPES_MAX = 60;

/** @typedef {{ events: Event[], cells: number }} Kept */

/** What tells a row from the others: its attributes. @param {Event} event @param {number} row */
export const rowKey = ({ attributes }, row) =>
  Object.values(attributes)
    .map((cells) => cellText(cells[row]))
    .join(', ');

/** @param {string | Record<string, string> | undefined} cell */
export function cellText(cell) {
  if (typeof cell !== 'object') return cell ?? '';
  return `{${Object.entries(cell)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;
}

/** @param {Value | undefined} value @returns {number | undefined} */
const numberOf = (value) => (typeof value === 'number' ? value : undefined);

export class Series {
  /** @type {Map<string, Map<string, Kept>>} */
  #sensors = new Map();

  /** @param {Event} event */
  add(event) {
    const types = this.#sensors.get(event.sensor) ?? new Map();
    this.#sensors.set(event.sensor, types);
    const kept = /** @type {Kept} */ (types.get(event.type) ?? { events: [], cells: 0 });
    if (!types.has(event.type)) {
      if (types.size >= TYPES_MAX) return;
      types.set(event.type, kept);
    }
    kept.events.push(event);
    kept.cells += cellsOf(event);
    while (kept.events.length > EVENTS_MAX || (kept.cells > CELLS_MAX && kept.events.length > 2)) {
      kept.cells -= cellsOf(/** @type {Event} */ (kept.events.shift()));
    }
  }

  /** Every number that a sensor's events have, row by row aside. @param {string} sensor @returns {Metric[]} */
  metrics(sensor) {
    return [...(this.#sensors.get(sensor) ?? [])].flatMap(([type, { events }]) =>
      Object.entries(events.at(-1)?.fields ?? {}).map(([field, { unit, kind }]) => ({ type, field, unit, kind })),
    );
  }

  /** The rows of the newest events of a type. @param {string} sensor @param {string} type @param {number} most @returns {{ keys: string[], total: number }} */
  rows(sensor, type, most) {
    const event = this.#sensors.get(sensor)?.get(type)?.events.at(-1);
    if (!event) return { keys: [], total: 0 };
    return { keys: Array.from({ length: Math.min(most, event.rows) }, (_, row) => rowKey(event, row)), total: event.rows };
  }

  /**
   * What a number was, the newest last; of a counter what it grew by a second.
   * @param {string} sensor @param {Metric} metric @param {string} key @returns {Reading[]}
   */
  readings(sensor, { type, field, kind }, key) {
    const events = this.#sensors.get(sensor)?.get(type)?.events ?? [];
    let row = 0;
    const readings = events.flatMap((event) => {
      row = rowOf(event, key, row);
      const value = row < 0 ? undefined : numberOf(event.fields[field]?.values[row]);
      return value === undefined ? [] : [{ time: event.time, value }];
    });
    return kind === 'counter' ? growth(readings) : readings;
  }
}

/** @param {Event} event */
const cellsOf = ({ rows, fields }) => rows * Object.keys(fields).length;

/** Where a row is, which is mostly where it was. @param {Event} event @param {string} key @param {number} guess */
function rowOf(event, key, guess) {
  if (guess >= 0 && guess < event.rows && rowKey(event, guess) === key) return guess;
  for (let row = 0; row < event.rows; row++) if (rowKey(event, row) === key) return row;
  return -1;
}

/** @param {readonly Reading[]} readings @returns {Reading[]} */
function growth(readings) {
  return readings.slice(1).flatMap(({ time, value }, i) => {
    const before = /** @type {Reading} */ (readings[i]);
    const seconds = (time - before.time) / 1000;
    // A counter that is smaller has started again.
    return seconds > 0 && value >= before.value ? [{ time, value: (value - before.value) / seconds }] : [];
  });
}
