// @ts-check
/** The sensors: how each is, and one number of it over time, which the operator chooses. */
import { anchor, find, h, keyed, mark, s, setAttribute, setChildren, setMark, setText, time } from './dom.mjs';
import { count, counted, digits, duration, listed, quantity, shortDuration } from './humane.mjs';
import { conditionOf } from './verdict.mjs';

/** @import { SensorView, StatusView } from '../http/view.ts' */
/** @import { Child } from './dom.mjs' */
/** @import { Metric, Series } from './series.mjs' */

/** Rows that a choice has; the table of an event has all. */
const ROWS_MAX = 200;
const [WIDTH, HEIGHT] = [180, 36];
/** Readings that a line shows. */
const READINGS_MAX = 120;
/** Names of what is most worth a look, where nothing was chosen. */
const TELLING = ['utilization', 'usage', '1m', 'used', 'io', 'duration', 'temperature', 'up'];
const PROBLEMS_MAX = 3;

const STATES = { opening: 'is being opened', sampling: 'samples', unavailable: 'is not available', closed: 'is closed' };

class SensorPart {
  node = h('li', { class: 'sensor', tabindex: '-1' });
  #name;
  /** @type {Series} */
  #series;
  #mark = mark('well');
  #facts = h('p', { class: 'facts' });
  #trouble = h('p', { class: 'reason' });
  #metric = h('select');
  #row = h('select');
  #value = h('output', { class: 'value' });
  #spark = h('div', { class: 'spark' });
  #choice = h('div', { class: 'choice' });
  #silent = h('p', { class: 'note' }, 'No event yet since this page was opened.');
  /** @type {Metric[]} */
  #metrics = [];

  /** @param {string} name @param {Series} series */
  constructor(name, series) {
    this.#name = name;
    this.#series = series;
    this.node.id = anchor('sensor', name);
    this.#metric.setAttribute('aria-label', `Number of ${name} to plot`);
    this.#row.setAttribute('aria-label', `Row of ${name} to plot`);
    this.#metric.addEventListener('change', () => {
      this.#row.replaceChildren();
      this.plot();
    });
    this.#row.addEventListener('change', () => this.plot());
    this.#choice.append(this.#metric, this.#row);
    this.node.append(
      h('div', { class: 'state' }, h('h3', {}, this.#mark, name), this.#facts, this.#trouble),
      h('div', { class: 'graph' }, this.#choice, h('div', { class: 'drawn' }, this.#spark, this.#value), this.#silent),
    );
  }

  /** @param {{ sensor: SensorView, condition: string }} item */
  update({ sensor, condition }) {
    const { state, type, name, interval, duration: took, lastSuccess, targets } = sensor;
    setAttribute(this.node, 'class', `sensor ${condition}`);
    setMark(this.#mark, condition !== 'well' ? condition : state === 'sampling' ? 'well' : 'still');
    /** @type {Child[]} */
    const facts = [`${type === name ? '' : `${type}, `}${STATES[state]}`];
    if (state === 'sampling') facts.push(` every ${shortDuration(interval)}, takes ${shortDuration(took)}`);
    if (lastSuccess !== undefined) facts.push('; last good ', time(lastSuccess));
    if (targets)
      facts.push(`; ${counted(targets.total, 'target')}${targets.failing > 0 ? `, ${count(targets.failing)} failing` : ''}`);
    const odd = oddities(sensor);
    if (odd.length > 0) facts.push(`; since the start ${odd.join(', ')}`);
    setChildren(this.#facts, ...facts, '.');
    const trouble = troubles(sensor);
    this.#trouble.hidden = trouble.length === 0;
    setText(this.#trouble, trouble.join(' '));
    this.plot();
  }

  /** Draws what was chosen. */
  plot() {
    this.#offerMetrics();
    const metric = this.#metrics[this.#metric.selectedIndex];
    this.#silent.hidden = metric !== undefined;
    this.#choice.hidden = this.#spark.hidden = this.#value.hidden = metric === undefined;
    if (!metric) return;
    this.#offerRows(metric);
    const key = this.#row.value;
    const readings = this.#series.readings(this.#name, metric, key).slice(-READINGS_MAX);
    const write = (/** @type {number} */ value) =>
      metric.kind === 'counter' ? perSecond(value, metric) : quantity(value, metric.unit, metric.field);
    const last = readings.at(-1);
    setText(this.#value, last ? write(last.value) : metric.kind === 'counter' ? 'after two events' : '–');
    setChildren(this.#spark, line(readings, write));
  }

  /** Chooses a number, as the table of an event does. @param {string} type @param {string} field @param {string} key */
  choose(type, field, key) {
    this.#offerMetrics();
    const at = this.#metrics.findIndex((metric) => metric.type === type && metric.field === field);
    if (at < 0) return;
    this.#metric.selectedIndex = at;
    this.#row.replaceChildren();
    this.#offerRows(/** @type {Metric} */ (this.#metrics[at]), key);
    this.plot();
    this.node.scrollIntoView({ block: 'center' });
    this.#metric.focus();
  }

  #offerMetrics() {
    const metrics = this.#series.metrics(this.#name);
    if (metrics.length === this.#metrics.length) return;
    const before = this.#metrics[this.#metric.selectedIndex];
    this.#metrics = metrics;
    this.#metric.replaceChildren(...metrics.map(({ type, field }) => h('option', {}, `${type}.${field}`)));
    const same = metrics.findIndex(({ type, field }) => type === before?.type && field === before.field);
    this.#metric.selectedIndex = same >= 0 ? same : telling(metrics);
  }

  /** @param {Metric} metric @param {string} [wanted] */
  #offerRows({ type }, wanted) {
    const { keys, total } = this.#series.rows(this.#name, type, ROWS_MAX);
    const before = wanted ?? this.#row.value;
    if (before !== '' && !keys.includes(before) && this.#row.options.length > 0 && wanted === undefined) return;
    if (before !== '' && !keys.includes(before)) keys.unshift(before);
    this.#row.hidden = keys.length < 2;
    const there = [...this.#row.options].map(({ value }) => value);
    if (there.length === keys.length && there.every((key, i) => key === keys[i])) return;
    this.#row.replaceChildren(...keys.map((key) => h('option', { value: key }, key === '' ? 'its only row' : key)));
    if (keys.includes(before)) this.#row.value = before;
    this.#row.title = total > ROWS_MAX ? `${ROWS_MAX} of ${count(total)} rows; the table of an event has them all` : '';
  }
}

/** @param {readonly Metric[]} metrics */
function telling(metrics) {
  for (const word of TELLING) {
    const at = metrics.findIndex(({ field }) => field.includes(word));
    if (at >= 0) return at;
  }
  return 0;
}

/** @param {number} value @param {Metric} metric */
function perSecond(value, { unit, field }) {
  if (unit === 's') return `${digits(value)} s/s`;
  return `${quantity(value, unit, field)}/s`;
}

/** @param {SensorView} sensor */
function oddities({ failures, overruns, timeouts, missed, restarts = 0 }) {
  /** @type {[number, string][]} */
  const odd = [
    [failures, 'failed'],
    [timeouts, 'too slow'],
    [overruns, 'overrun'],
    [missed, 'missed'],
    [restarts, restarts === 1 ? 'restart' : 'restarts'],
  ];
  return odd.filter(([times]) => times > 0).map(([times, what]) => `${count(times)} ${what}`);
}

/** @param {SensorView} sensor */
function troubles({ state, why, failuresInARow, lastError, targets }) {
  const sentences = [];
  if (state === 'unavailable' && why !== undefined) sentences.push(`${why}.`);
  if (failuresInARow > 0)
    sentences.push(
      `Failed ${failuresInARow === 1 ? 'once' : `${count(failuresInARow)} times in a row`}${lastError ? `: ${lastError}` : ''}.`,
    );
  if (targets && targets.problems.length > 0) {
    sentences.push(
      `${listed(
        targets.problems.map(({ name, problem }) => `${name}: ${problem}`),
        PROBLEMS_MAX,
      )}.`,
    );
  }
  return sentences;
}

/** A line over the readings. @param {readonly { time: number, value: number }[]} readings @param {(value: number) => string} write */
function line(readings, write) {
  const values = readings.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [readings[0]?.time ?? 0, readings.at(-1)?.time ?? 0];
  const points = readings.map(({ time: at, value }) => {
    const x = last === first ? WIDTH : ((at - first) / (last - first)) * (WIDTH - 4) + 2;
    const y = most === least ? HEIGHT / 2 : HEIGHT - 3 - ((value - least) / (most - least)) * (HEIGHT - 6);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const words =
    values.length < 2 ? 'One reading is no line yet' : `From ${write(least)} to ${write(most)} within ${duration(last - first)}`;
  return s(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': words },
    s('title', {}, words),
    points.length > 1 ? s('polyline', { points: points.join(' ') }) : undefined,
  );
}

export class Sensors {
  #list = /** @type {HTMLElement} */ (find('#sensors').querySelector('ul'));
  /** @type {Map<string, SensorPart>} */
  #parts = new Map();
  /** @type {Series} */
  #series;

  /** @param {Series} series */
  constructor(series) {
    this.#series = series;
  }

  /** @param {StatusView} status */
  update(status) {
    const rank = (/** @type {string} */ condition) => ['failing', 'degraded', 'well'].indexOf(condition);
    const items = status.sensors
      .map((sensor) => ({ sensor, condition: conditionOf(status, `sensor ${sensor.name}`) }))
      .sort((a, b) => rank(a.condition) - rank(b.condition));
    keyed(
      this.#list,
      this.#parts,
      items,
      ({ sensor }) => sensor.name,
      ({ sensor }) => new SensorPart(sensor.name, this.#series),
    );
    this.#list.hidden = items.length === 0;
    find('#no-sensor').hidden = items.length > 0;
  }

  /** @param {string} sensor @param {string} type @param {string} field @param {string} key */
  choose(sensor, type, field, key) {
    this.#parts.get(sensor)?.choose(type, field, key);
  }
}
