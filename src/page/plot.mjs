// @ts-check
/**
 * What came in, went out and waited, over time: from the history that the service keeps, and then from each status.
 *
 * Limits: POINTS_MAX points; the oldest falls out. The library that draws is loaded when the first plot is made, so that nothing waits for it.
 */
import { h, now, setText } from './dom.mjs';
import { brief, clock, count, digits, duration, perSecond } from './humane.mjs';

/** @import uPlot, { Options } from 'uplot' */
/** @typedef {{ in: number, out: number, waiting: number }} Point */

const POINTS_MAX = 3600;
const HEIGHT = 170;
/** Words, CSS variable, dashes, digits. */
const LINES = /** @type {const} */ ([
  ['in', '--in', [], perSecond],
  ['out', '--out', [6, 3], perSecond],
  ['waiting', '--waiting', [2, 3], count],
]);

/** @type {Promise<typeof uPlot> | undefined} */
let library;
/** It comes as a plain script, which leaves one name behind. @returns {Promise<typeof uPlot>} */
const load = async () =>
  await new Promise((resolve, reject) => {
    const script = h('script', { src: '/assets/uplot.js' });
    script.addEventListener('load', () =>
      resolve(/** @type {{ uPlot: typeof uPlot }} */ (/** @type {unknown} */ (globalThis)).uPlot),
    );
    script.addEventListener('error', () => reject(new Error('it was not sent')));
    document.head.append(script);
  });

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Plot {
  node = h('div', { class: 'plot' });
  #canvas = h('div', { class: 'canvas', role: 'img' });
  #legend = h('dl', { class: 'legend' });
  #values = LINES.map(([key]) => {
    const value = h('dd');
    this.#legend.append(h('div', {}, h('dt', {}, h('span', { class: `line ${key}` }), key), value));
    return value;
  });
  #when = h('p', { class: 'when' });
  /** @type {[number[], number[], number[], number[]]} Seconds since 1970, and the three lines. */
  #data = [[], [], [], []];
  /** @type {uPlot | undefined} */
  #plot;
  #making = false;

  constructor() {
    this.node.append(h('div', { class: 'over' }, this.#legend, this.#when), this.#canvas);
    // Colours are drawn, not styled.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#remake());
    new ResizeObserver(() => {
      if (this.#plot && this.#canvas.clientWidth > 0) this.#plot.setSize({ width: this.#canvas.clientWidth, height: HEIGHT });
    }).observe(this.#canvas);
  }

  /** What was. @param {number} end @param {number} step @param {{ in: number[], out: number[], waiting: number[] }} lines */
  history(end, step, lines) {
    const length = lines.in.length;
    const times = lines.in.map((_, i) => (end - (length - 1 - i) * step) / 1000);
    const from = this.#data[0].findIndex((at) => at > end / 1000);
    const later = this.#data.map((line) => (from < 0 ? [] : line.slice(from)));
    const all = [times, lines.in, lines.out, lines.waiting].map((line, i) => [...line, .../** @type {number[]} */ (later[i])]);
    this.#data = /** @type {[number[], number[], number[], number[]]} */ (all);
    this.#show();
  }

  /** @param {Point} point */
  add(point) {
    const at = now() / 1000;
    if (at <= (this.#data[0].at(-1) ?? 0)) return;
    for (const [i, value] of [at, point.in, point.out, point.waiting].entries()) {
      const line = /** @type {number[]} */ (this.#data[i]);
      line.push(value);
      if (line.length > POINTS_MAX) line.shift();
    }
    this.#show();
  }

  #show() {
    this.#tell(undefined);
    if (this.#plot) this.#plot.setData(this.#data);
    else void this.#make();
  }

  async #make() {
    if (this.#making || this.#data[0].length < 2) return;
    this.#making = true;
    try {
      library ??= load();
      const Class = await library;
      if (!this.node.isConnected) return;
      this.#plot = new Class(this.#options(), this.#data, this.#canvas);
    } catch {
      library = undefined;
      setText(this.#when, 'The plot could not be loaded; the numbers are right.');
    } finally {
      this.#making = false;
    }
  }

  #remake() {
    this.#plot?.destroy();
    this.#plot = undefined;
    void this.#make();
  }

  /** @returns {Options} */
  #options() {
    const [text, grid] = [colour('--muted'), { stroke: colour('--line'), width: 1 }];
    const axis = { stroke: text, grid, ticks: grid, font: '12px system-ui, sans-serif' };
    const numbers = (/** @type {uPlot} */ _plot, /** @type {number[]} */ values) =>
      values.map((value) => (value < 10 ? digits(value) : brief(value)));
    const times = (/** @type {uPlot} */ _plot, /** @type {number[]} */ values) =>
      values.map((value) => clock(value * 1000, now()).replace(/:\d\d$/, (values[1] ?? 0) - (values[0] ?? 0) < 60 ? '$&' : ''));
    const range = (/** @type {uPlot} */ _plot, /** @type {number} */ _least, /** @type {number} */ most) =>
      /** @type {[number, number]} */ ([0, Math.max(1, most * 1.1)]);
    return {
      width: this.#canvas.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
      scales: { rate: { range }, events: { range } },
      axes: [
        { ...axis, values: times, space: 64 },
        { ...axis, scale: 'rate', values: numbers, size: 44 },
        { ...axis, scale: 'events', values: numbers, side: 1, size: 44, grid: { show: false } },
      ],
      series: [
        {},
        ...LINES.map(([label, variable, dash]) => ({
          label,
          scale: label === 'waiting' ? 'events' : 'rate',
          stroke: colour(variable),
          dash: [...dash],
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [(plot) => this.#tell(plot.cursor.idx ?? undefined)] },
    };
  }

  /** Says the numbers at a point; the newest without one. @param {number | undefined} index */
  #tell(index) {
    const last = this.#data[0].length - 1;
    const at = index ?? last;
    const moment = this.#data[0][at];
    if (moment === undefined) return;
    const words = LINES.map(([key, , , write], i) => {
      const value = write(this.#data[i + 1]?.[at] ?? 0);
      setText(/** @type {Element} */ (this.#values[i]), key === 'waiting' ? value : `${value}/s`);
      return `${key} ${value}`;
    });
    const span = duration(1000 * ((this.#data[0][last] ?? 0) - (this.#data[0][0] ?? 0)));
    setText(this.#when, index === undefined || at === last ? `now; ${span} are shown` : `at ${clock(moment * 1000, now())}`);
    if (index === undefined) this.#canvas.setAttribute('aria-label', `Plot over ${span}. Now: ${words.join(', ')}.`);
  }
}
